// SPDX-License-Identifier: Apache-2.0
//
// PmemFile: a file of the host that has the bytes of a PmemDevice.
//
//   std::optional<PmemFile> file = PmemFile::Of(*pmem);
//   bytes[0] = 'x';           // nobody else sees it
//   file->Written()->size();  // 1
//   file->Keep(fd);           // now the file has it
//
// Who loads a machine may only have a question, or be refused, and somebody
// else may have written down which file it is.  So the file is opened for
// reading, and what is written stays in memory until it is kept, or until the
// file is shared: then every write is the file's at once.
// Mirrors: nothing; what MAP_PRIVATE of mmap(2) does.
// Threading: thread-compatible; who shares it does so before others write.
#ifndef DMDAX_DAX_PMEM_FILE_H_
#define DMDAX_DAX_PMEM_FILE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dax/pmem.h"

namespace dmdax {

class PmemFile {
 public:
  // Maps the file of `options`.  The errno of open(2) or mmap(2); EINVAL for a
  // file that is too small, or that is no regular file.
  static absl::StatusOr<char*> Map(const PmemOptions& options);

  // That of a device, which must outlive it; nullopt if it has none.
  static std::optional<PmemFile> Of(PmemDevice& pmem);

  const std::string& device() const { return options_->name; }
  const std::string& path() const { return options_->file; }

  // Where pages begin that differ from the file's; none once it is shared.  The
  // errno of open(2) or read(2).
  absl::StatusOr<std::vector<uint64_t>> Written() const;
  // Writes those to `fd`, which is the file, open for writing.
  absl::Status Keep(int fd) const;
  // The same, and from now on every write is the file's.
  absl::Status Share(int fd) const;

 private:
  PmemFile(const PmemOptions& options, char* bytes)
      : options_(&options), bytes_(bytes) {}

  // Pages of which this process has a copy of its own, or may have.
  std::vector<uint64_t> Copied() const;
  absl::StatusOr<std::vector<uint64_t>> Differing(int fd) const;

  const PmemOptions* options_;
  char* bytes_;
};

}  // namespace dmdax

#endif  // DMDAX_DAX_PMEM_FILE_H_
