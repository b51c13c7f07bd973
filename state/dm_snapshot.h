// SPDX-License-Identifier: Apache-2.0
//
// DmSnapshotter: all mapped devices as data, and back, exactly as they were.
//
// A snapshot is not a replay of the commands: a table that a kernel accepted
// stays accepted even if the same load would be refused today (the device
// below changed, say), and what the kernel decided once (the type, which legs
// had DAX when they were opened, sticky flags, limits, open counts) is kept
// and not decided anew.  The devices do that themselves, with the values of
// dm/mapped_device_state.h; this is how those are written as messages.
//
//   proto::World world;
//   DmSnapshotter(ctl).Save(&world);          // adds world.mapped_device()
//   DmSnapshotter(fresh_ctl).Restore(world);  // on the same machine
//
// Threading: the caller keeps commands away meanwhile.
#ifndef DMDAX_STATE_DM_SNAPSHOT_H_
#define DMDAX_STATE_DM_SNAPSHOT_H_

#include <cstdint>

#include "absl/status/status.h"
#include "dm/dm_ioctl.h"
#include "state/world.pb.h"

namespace dmdax {

class DmSnapshotter {
 public:
  explicit DmSnapshotter(DmCtl& ctl) : ctl_(ctl) {}

  void Save(proto::World* world) const;
  // One of them, if it is there.
  void Save(uint32_t minor, proto::World* world) const;
  // DataLoss: the message contradicts itself or names devices that the
  // machine does not have.
  absl::Status Restore(const proto::World& world);

 private:
  DmCtl& ctl_;
};

// QueueLimits as a message, and back.
proto::Limits LimitsToProto(const QueueLimits& limits);
QueueLimits LimitsFromProto(const proto::Limits& in);

}  // namespace dmdax

#endif  // DMDAX_STATE_DM_SNAPSHOT_H_
