// SPDX-License-Identifier: Apache-2.0
//
// FindDevice: the one way from what a person writes to a block device.
//
//   absl::StatusOr<BlockDevice*> bdev = FindDevice(session, "home");
//   // also "/dev/mapper/home", "/dev/dm-0", "254:0", "pmem0", "/dev/pmem0";
//   // "vg/lv" and "/dev/vg/lv" of LVM's "vg-lv"
//
// The name of a mapped device comes before that of a disk.  dmsetup has rules
// of its own (DmTask::SetNameFromPath), and a table's words go through
// Machine::DmGetDevT().
// Threading: as Machine and DmCtl.
#ifndef DMDAX_STATE_FIND_DEVICE_H_
#define DMDAX_STATE_FIND_DEVICE_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "state/session.h"

namespace dmdax {

// ENXIO: there is none; the message lists what there is.
absl::StatusOr<BlockDevice*> FindDevice(const Session& session,
                                        absl::string_view name);

}  // namespace dmdax

#endif  // DMDAX_STATE_FIND_DEVICE_H_
