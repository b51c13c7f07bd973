// SPDX-License-Identifier: Apache-2.0
#include "fs/xfs_devices.h"

#include <cerrno>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "fs/mount_words.h"

namespace dmdax {
namespace {

constexpr absl::string_view kLogWithin =
    "filesystem is marked as having an internal log; do not specify logdev on "
    "the mount command line.";
constexpr absl::string_view kLogOutside =
    "filesystem is marked as having an external log; specify logdev on the "
    "mount command line.";

// blkdev_get_by_path(), of a device that somebody else may have claimed.
absl::Status TryOpen(FsContext& fc, BlockDevice& bdev) {
  if (&bdev == &fc.bdev()) {
    // It is open already, for whom decides.
    if (fc.profile().xfs_super_holds_devices) return absl::OkStatus();
    return ErrnoError(EBUSY, "it is being mounted");
  }
  constexpr unsigned kMode = FMODE_READ | FMODE_WRITE | FMODE_EXCL;
  const absl::Status opened = bdev.Open(kMode, &fc);
  if (opened.ok()) bdev.Close(kMode);
  return opened;
}

}  // namespace

absl::StatusOr<XfsDevices::Device> XfsDevices::Get(FsContext& fc,
                                                   absl::string_view option) {
  Device device{.path = MountValue(fc.request().options, option).value_or("")};
  if (device.path.empty()) return device;
  absl::StatusOr<BlockDevice*> bdev = fc.LookupBdev(device.path);
  absl::Status s = bdev.status();
  if (s.ok()) device.bdev = *bdev;
  if (device.bdev != nullptr) s = TryOpen(fc, *device.bdev);
  if (s.ok()) return device;
  const std::string words =
      absl::StrCat("Invalid device [", device.path, "], error=", -ErrnoOf(s));
  fc.Say(KernLevel::kWarn, words);
  return ErrnoError(ErrnoOf(s), words);
}

absl::Status XfsDevices::Open(FsContext& fc) {
  absl::StatusOr<Device> log = Get(fc, "logdev");
  if (!log.ok()) return log.status();
  log_ = *log;
  absl::StatusOr<Device> realtime = Get(fc, "rtdev");
  if (!realtime.ok()) return realtime.status();
  realtime_ = *realtime;
  const BlockDevice* rt = realtime_.bdev;
  if (rt != nullptr && (rt == &fc.bdev() || rt == log_.bdev)) {
    return fc.Refuse(KernLevel::kWarn,
                     "Cannot mount filesystem with identical rtdev and "
                     "ddev/logdev.");
  }
  return absl::OkStatus();
}

absl::Status XfsDevices::CheckLog(FsContext& fc) const {
  const LogPlace place = fc.request().log;
  if (place == LogPlace::kUnknown) return absl::OkStatus();
  const bool given = !log_.path.empty() && log_.bdev != &fc.bdev();
  if (given == (place == LogPlace::kOutside)) return absl::OkStatus();
  return fc.Refuse(KernLevel::kWarn, given ? kLogWithin : kLogOutside);
}

bool XfsDevices::RealtimeHasDax(FsContext& fc) const {
  return realtime_.bdev != nullptr && fc.DaxOf(*realtime_.bdev) != nullptr;
}

}  // namespace dmdax
