// SPDX-License-Identifier: Apache-2.0
//
// Reads what an import is given: a file, a directory (a sosreport, a copy of
// /sys/block) or an archive of one (tar, also gzip, xz, bzip2, zstd).
//
//   absl::StatusOr<ImportRead> read =
//       ReadImportFiles("sosreport-db1.tar.xz");
//   for (const auto& input : read->inputs) std::cout << input->name << "\n";
//
// Of a directory or archive only what some format recognises is kept.  Links
// to directories are not followed, nothing but regular files is read, and
// nothing is written.  What would have been looked at and can not be, or has
// more than 64 MiB, is told.  Bounds: 1 GiB kept, 4 GiB and 1 Mi entries looked
// at.  Errors: those of ReadInput(); EFBIG above a bound; EINVAL for an archive
// that is broken.
// Threading: thread-safe.
#ifndef DMDAX_IMPORT_IMPORT_FILES_H_
#define DMDAX_IMPORT_IMPORT_FILES_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "import/import_input.h"

namespace dmdax {

// What a Place points at must not move.
using ImportInputs = std::vector<std::unique_ptr<ImportInput>>;

enum class ImportSource { kFile, kCollection };

struct ImportRead {
  ImportInputs inputs;
  // A directory or archive, of which any part may be missing.
  ImportSource source = ImportSource::kFile;
  // A file or directory of it that nobody could read.
  struct Unread {
    std::string path, why;
    bool harmless = false;  // no verdict hangs on it
    std::string name = "";  // as messages call it
  };
  std::vector<Unread> unread = {};
};

// `path` may be "-" for standard input.
absl::StatusOr<ImportRead> ReadImportFiles(const std::string& path);

// The same for bytes that have been read, which errors call `name`.
absl::StatusOr<ImportRead> ReadImportBytes(std::string bytes,
                                           const std::string& name);

// Without a byte order mark.
std::unique_ptr<ImportInput> MakeImportInput(std::string name, std::string path,
                                             std::string text);

}  // namespace dmdax

#endif  // DMDAX_IMPORT_IMPORT_FILES_H_
