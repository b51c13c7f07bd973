// SPDX-License-Identifier: Apache-2.0
//
// The members of an archive, by libarchive.
#ifndef DMDAX_IMPORT_IMPORT_ARCHIVE_H_
#define DMDAX_IMPORT_IMPORT_ARCHIVE_H_

#include <cstddef>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace dmdax {

struct ArchiveMember {
  enum Kind { kFile, kHardLink, kSymbolicLink, kDirectory, kOther };

  std::string path;
  Kind kind = kFile;
  std::string target;  // of a link
  // All of a file; ENOSPC: it has more than `most`, and `text` what it begins
  // with.  Not calling it skips the member.
  std::function<absl::Status(size_t most, std::string* text)> read;
};

// Whether it is packed, or a tar, by what it begins with.
bool LooksLikeArchive(absl::string_view bytes);
// What is packed in it begins with; "": it is not packed, or damaged there.
std::string UnpackedBeginning(absl::string_view bytes);

// Calls `visit` for each member of an archive in memory: tar, alone or
// compressed.  A compressed file that is no archive is one member with the
// path "".  EINVAL: damaged, or more than an archive; EFBIG: unpacked it has
// too many bytes, or too many between its members.
absl::Status VisitArchive(
    absl::string_view bytes, const std::string& name,
    const std::function<absl::Status(const ArchiveMember&)>& visit);

}  // namespace dmdax

#endif  // DMDAX_IMPORT_IMPORT_ARCHIVE_H_
