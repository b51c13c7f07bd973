// SPDX-License-Identifier: Apache-2.0
//
// OpenDeviceFile: a file that covers all of a block device, for questions about
// the device that only a file can answer.
//
//   absl::StatusOr<std::shared_ptr<File>> file =
//       OpenDeviceFile(session, *bdev, "vg-home");
//   SweepDax(*session.user, {.file = *file, .size = (*file)->f_inode->i_size});
//
//   CloseDeviceFile(session);
//
// There is one at a time.  The file system is ext4, mounted with DAX and
// without a claim on the device; where the device is larger than ext4's block
// numbers reach, xfs; or one that is made and mounted as `like` says, if a file
// of it can be so large.
// Mirrors: nothing; no kernel has such a file.
// Threading: as Machine and DmCtl.
#ifndef DMDAX_STATE_DEVICE_FILE_H_
#define DMDAX_STATE_DEVICE_FILE_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "block/block_device.h"
#include "state/session.h"

namespace dmdax {

struct File;          // mm/vm_area.h
struct MountRequest;  // fs/dax_mount.h

// kReadOnly: the file is open for reading only.
enum class DeviceFileMode { kReadWrite, kReadOnly };

// Errors are the mount's, in the kernel's words; EOPNOTSUPP: the file system
// mounts, but without DAX; EBUSY: one is open.  `said` is what the caller calls
// the device.
absl::StatusOr<std::shared_ptr<File>> OpenDeviceFile(
    Session& session, BlockDevice& bdev, absl::string_view said,
    DeviceFileMode mode = DeviceFileMode::kReadWrite,
    const MountRequest* like = nullptr);

// Unmounts it, so that another can be opened; the file is gone then.  EBUSY: it
// is mapped; EINVAL: none is open.
absl::Status CloseDeviceFile(Session& session);

}  // namespace dmdax

#endif  // DMDAX_STATE_DEVICE_FILE_H_
