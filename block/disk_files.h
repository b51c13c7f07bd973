// SPDX-License-Identifier: Apache-2.0
//
// DiskFiles: where the disks of a machine that outlives its process have the
// files with their bytes, each under a name of its own.
//
//   absl::StatusOr<DiskFiles::NewFile> file = files->Make();
//   // the same file, also in the next process
//   absl::StatusOr<Fd> again = files->Open(file->name);
//
// A name is never given twice: whoever remembers one finds that disk's bytes or
// none.
// Errors: statuses with the errno of the system call.
// Threading: as the implementation; state/dir/disk_file_dir.h is thread-safe.
#ifndef DMDAX_BLOCK_DISK_FILES_H_
#define DMDAX_BLOCK_DISK_FILES_H_

#include <atomic>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/fd.h"

namespace dmdax {

class DiskFiles {
 public:
  struct NewFile {
    std::string name;
    Fd fd;  // for reading and writing
  };

  virtual ~DiskFiles() = default;
  virtual absl::StatusOr<NewFile> Make() = 0;
  // For reading and writing, or where that is not allowed for reading.
  virtual absl::StatusOr<Fd> Open(const std::string& name) = 0;
  // One that nobody remembers.
  virtual void Remove(const std::string& name) = 0;
  // Has the names of new files survive a power cut.
  virtual absl::Status SyncNames() = 0;

  // Where a write goes.  A question writes nothing to a file, nor does a change
  // that is refused, so at first it goes to the memory of the process, which
  // DiskBytes::Keep() writes to the file.
  enum class Writes { kToMemory, kToFile };
  void set_writes(Writes writes) { writes_.store(writes); }
  Writes writes() const { return writes_.load(); }

 private:
  std::atomic<Writes> writes_{Writes::kToMemory};
};

}  // namespace dmdax

#endif  // DMDAX_BLOCK_DISK_FILES_H_
