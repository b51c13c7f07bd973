// SPDX-License-Identifier: Apache-2.0
//
// `dmdax mount --scan`: the files of a file system come from the bytes that its
// device has in the machine.
//
// The three are called one after the other, with the mount before the last.
// `device` is what errors call it.  Threading: the caller's of the session.
#ifndef DMDAX_TOOLS_MOUNT_SCAN_H_
#define DMDAX_TOOLS_MOUNT_SCAN_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "block/block_device.h"
#include "process/mount_point.h"
#include "process/scan/ext_scan.h"
#include "state/session.h"

namespace dmdax {

// As ScanExt(); and what keeps the device from being read: it is suspended, has
// a bad block, is in nobody's file.
absl::StatusOr<ScannedFileSystem> ScanDevice(Session& session,
                                             const BlockDevice& bdev,
                                             const std::string& device);

// Whether the type in the options is a user's wish, which the super block may
// contradict (EINVAL).
enum class GivenType { kNo, kYes };

// Takes over what the super block says, and where there are no free blocks.
absl::Status UseSuperBlock(const ScannedFileSystem& found,
                           const std::string& device, GivenType given,
                           MountOptions& options);

// EINVAL, with the inode: what MountPoint::AddFile() refuses.
absl::Status AddScannedFiles(const ScannedFileSystem& found,
                             const std::string& device, MountPoint& mount);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_MOUNT_SCAN_H_
