// SPDX-License-Identifier: Apache-2.0
//
// dm_get_device(): from the words of a table line to an open device.  Mirrors
// drivers/md/dm-table.c (6.1, 6.12).
#include <cerrno>
#include <limits>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "dm/dm_table.h"
#include "dm/mapped_device.h"

namespace dmdax {

Machine& MachineOf(const DmTarget& ti) { return ti.table->md().machine(); }

const KernelProfile& ProfileOf(const DmTarget& ti) {
  return MachineOf(ti).profile();
}

void DmTableEvent(const DmTarget& ti) { ti.table->Event(); }

namespace {

absl::StatusOr<const DmDev*> GetDevice(DmTarget& ti, absl::string_view path,
                                       unsigned mode) {
  const KernelProfile& profile = ProfileOf(ti);
  MappedDevice& md = ti.table->md();
  absl::StatusOr<DevT> dev = MachineOf(ti).DmGetDevT(path);
  const std::optional<DevT> number = ScanMajorMinor(path);
  if (number && profile.dm_devnum_comes_first) {
    if (!number->Fits()) {
      return ErrnoError(EOVERFLOW,
                        absl::StrCat(number->ToString(), " is out of range"));
    }
    dev = *number;
  }
  if (!dev.ok()) return dev.status();
  if (profile.dm_refuses_itself && *dev == md.dev()) {
    return ErrnoError(EINVAL, "a device can not be stacked on itself");
  }
  return ti.table->GetDevice(*dev, mode);
}

}  // namespace

absl::StatusOr<const DmDev*> DmGetDevice(DmTarget& ti, absl::string_view path) {
  return GetDevice(ti, path, ti.table->mode());
}

absl::StatusOr<const DmDev*> DmGetDevice(DmTarget& ti, absl::string_view path,
                                         absl::string_view error) {
  return DmGetDevice(ti, path, ti.table->mode(), error);
}

absl::StatusOr<const DmDev*> DmGetDevice(DmTarget& ti, absl::string_view path,
                                         unsigned mode,
                                         absl::string_view error) {
  absl::StatusOr<const DmDev*> dev = GetDevice(ti, path, mode);
  if (dev.ok()) return dev;
  return ErrnoError(ErrnoOf(dev.status()), error);
}

void DmPutDevice(DmTarget& ti, const DmDev* dev) { ti.table->PutDevice(dev); }

absl::Status DmSetTargetMaxIoLen(DmTarget& ti, uint64_t len) {
  constexpr uint64_t kMax = std::numeric_limits<uint32_t>::max();
  if (len > kMax) {
    DmLog(MachineOf(ti), KernLevel::kErr, "core",
          absl::StrCat("Specified maximum size of target IO (", len,
                       ") exceeds limit (", kMax, ")"));
    return DmError("Maximum size of target IO is too large");
  }
  ti.max_io_len = static_cast<uint32_t>(len);
  return absl::OkStatus();
}

}  // namespace dmdax
