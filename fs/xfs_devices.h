// SPDX-License-Identifier: Apache-2.0
//
// The devices that an xfs has besides the mounted one: of its log, and of the
// data of realtime files.
// They are opened and closed again: nobody holds them while the file system is
// mounted.
// Mirrors: xfs_open_devices, xfs_blkdev_get of fs/xfs/xfs_super.c and the log
// in xfs_validate_sb_common of fs/xfs/libxfs/xfs_sb.c (5.10, 6.1, 6.12, 7.2).
// Threading: thread-compatible.
// Errors: those of opening a device, and EINVAL; the kernel's words are logged.
#ifndef DMDAX_FS_XFS_DEVICES_H_
#define DMDAX_FS_XFS_DEVICES_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "block/block_device.h"
#include "fs/fs_context.h"

namespace dmdax {

class XfsDevices {
 public:
  // What logdev= and rtdev= name.
  absl::Status Open(FsContext& fc);
  // Whether the log is where mkfs put it.
  absl::Status CheckLog(FsContext& fc) const;
  // Whether data of realtime files has DAX.
  bool RealtimeHasDax(FsContext& fc) const;

 private:
  struct Device {
    absl::string_view path;       // "": there is none
    BlockDevice* bdev = nullptr;  // null: it is not known
  };

  absl::StatusOr<Device> Get(FsContext& fc, absl::string_view option);

  Device log_;
  Device realtime_;
};

}  // namespace dmdax

#endif  // DMDAX_FS_XFS_DEVICES_H_
