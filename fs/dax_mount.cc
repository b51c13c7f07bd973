// SPDX-License-Identifier: Apache-2.0
#include "fs/dax_mount.h"

#include "fs/file_system_type.h"
#include "fs/fs_context.h"

namespace dmdax {

bool SuperBlock::ShouldEnableDax(bool inode_flag) const {
  if (dax == DaxMode::kNever || journals_data || dax_dev == nullptr) {
    return false;
  }
  return dax == DaxMode::kAlways || inode_flag;
}

std::string SuperBlock::DaxOption() const {
  return s_type == nullptr ? "" : s_type->show_options(*this);
}

absl::StatusOr<SuperBlock> MountDax(const MountRequest& request,
                                    BlockDevice& bdev,
                                    const KernelProfile& profile,
                                    KernelLog& log, const Machine* machine) {
  absl::StatusOr<const FileSystemType*> type = FindFileSystemType(request.type);
  if (!type.ok()) return type.status();
  absl::StatusOr<const FileSystemType*> driver = FindFileSystemDriver(request);
  if (!driver.ok()) return driver.status();
  FsContext fc(**type, **driver, request, bdev, profile, log, machine);
  return (*driver)->fill_super(fc);
}

}  // namespace dmdax
