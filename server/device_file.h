// SPDX-License-Identifier: Apache-2.0
//
// DeviceFile: an open block device of the machine, as a program has it.
//
//   absl::StatusOr<std::unique_ptr<DeviceFile>> file =
//       DeviceFile::Open(ctl, bdev->dev(), O_RDWR, "dd");
//   (*file)->Write(1000, bytes);   // pwrite(2): any offset and length
//
// As long as it lives the device is open: `dmsetup remove` is EBUSY.  Bytes of
// a block that a write covers in part are read first.
//
// Errors: the errno of the system call.  Threading: thread-compatible.
#ifndef DMDAX_SERVER_DEVICE_FILE_H_
#define DMDAX_SERVER_DEVICE_FILE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "block/block_device.h"
#include "dm/dm_ioctl.h"

namespace dmdax {

class DeviceFile {
 public:
  static absl::StatusOr<std::unique_ptr<DeviceFile>> Open(DmCtl& ctl, DevT dev,
                                                          int flags,
                                                          std::string comm);
  ~DeviceFile();
  DeviceFile(const DeviceFile&) = delete;
  DeviceFile& operator=(const DeviceFile&) = delete;

  absl::StatusOr<size_t> Read(uint64_t offset, absl::Span<char> bytes);
  absl::StatusOr<size_t> Write(uint64_t offset, absl::Span<const char> bytes);
  absl::Status Fsync() { return absl::OkStatus(); }
  uint64_t Size() const;
  // ioctl(2): what it returns, and what it writes in `reply`.  `bytes` is what
  // the argument points to.  ENOTTY also for those that are not modelled.
  absl::StatusOr<int> Ioctl(uint32_t command, absl::string_view bytes,
                            std::string* reply);

 private:
  // blkdev_issue_zeroout() of whole sectors.
  absl::Status ZeroOut(uint64_t offset, uint64_t size);
  DeviceFile(DmCtl& ctl, BlockDevice& bdev, unsigned mode, std::string comm)
      : ctl_(ctl), bdev_(bdev), mode_(mode), comm_(std::move(comm)) {}

  DmCtl& ctl_;
  BlockDevice& bdev_;
  const unsigned mode_;  // FMODE_*
  const std::string comm_;
};

}  // namespace dmdax

#endif  // DMDAX_SERVER_DEVICE_FILE_H_
