// SPDX-License-Identifier: Apache-2.0
//
// DiskFileDir: the files of a state directory that have the bytes of disks.
//
//   DiskFileDir files(dir);
//   absl::StatusOr<DiskFiles::NewFile> file = files.Make();
//   // disk.0123456789abcdef, and in the database the disk's row says so
//
// A file is made, and synced, before the database says that there is one, and
// removed after it says that there is none: a command that is killed in between
// leaves one that nobody knows, which RemoveOthers() removes: when a machine is
// replaced or a disk removed, and before a server first writes.
//
// Errors: as PrivateDir; ENOENT names the disk's file that is missing.
// Threading: thread-safe.
#ifndef DMDAX_STATE_DIR_DISK_FILE_DIR_H_
#define DMDAX_STATE_DIR_DISK_FILE_DIR_H_

#include <memory>
#include <set>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/fd.h"
#include "block/disk_files.h"
#include "state/private_dir.h"

namespace dmdax {

class DiskFileDir final : public DiskFiles {
 public:
  explicit DiskFileDir(std::shared_ptr<const PrivateDir> dir)
      : dir_(std::move(dir)) {}

  // Mode 0600, under a name that no file ever had.
  absl::StatusOr<NewFile> Make() override;
  absl::StatusOr<Fd> Open(const std::string& name) override;
  void Remove(const std::string& name) override { dir_->Remove(name); }
  absl::Status SyncNames() override { return dir_->Sync(); }

  // Whether a file is called as these are.
  static bool IsDiskFile(absl::string_view name);
  // Removes all but these, if there are others.  Only with the state's lock.
  static void RemoveOthers(const PrivateDir& dir,
                           const std::set<std::string>& known);

 private:
  std::shared_ptr<const PrivateDir> dir_;
};

}  // namespace dmdax

#endif  // DMDAX_STATE_DIR_DISK_FILE_DIR_H_
