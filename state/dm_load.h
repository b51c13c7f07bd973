// SPDX-License-Identifier: Apache-2.0
//
// The mapped devices of a World that a person wrote, by the commands that
// dmsetup would give.
//
//   absl::Status s = LoadMappedDevices(w->world, w->source, session);
//   // w.textproto:9:14: mapped device 'home': target 0: Invalid argument:
//   // device-mapper: table: 254:0: pmem0 too small for target: start=0, ...;
//   // nearest valid length: 1048576
//
// Order: all are created in the World's order, with their minors (without
// one: the lowest that no other asks for); then each table is loaded and
// resumed after those of the mapped devices it names, as /dev/mapper/NAME,
// /dev/dm-N, MAJOR:MINOR or a node of the World, and its geometry and queue
// set, so that what lies on top sees them; inactive tables, and suspension,
// last.
//
// The `runtime` parts are ignored: state/dm_snapshot.h restores those.
// Threading: as Machine and DmCtl.
#ifndef DMDAX_STATE_DM_LOAD_H_
#define DMDAX_STATE_DM_LOAD_H_

#include <functional>

#include "absl/status/status.h"
#include "state/session.h"
#include "state/source_map.h"
#include "state/world.pb.h"

namespace dmdax {

// Told of a live table that is refused.  True: it has changed that table in the
// World, whose other devices stay as they are, and the table is tried again.
using TableMender = std::function<bool(const absl::Status& refused)>;

// All of world.mapped_device, on a machine that has its hardware.  Errors are
// those of LoadWorld() (state/world_load.h).
absl::Status LoadMappedDevices(const proto::World& world, const SourceMap& map,
                               Session& session,
                               const TableMender& mend = nullptr);

// EINVAL: the disk has a number of mapped devices.
absl::Status CheckNoMappedNumber(const BlockDevice& disk, uint32_t dm_major);

}  // namespace dmdax

#endif  // DMDAX_STATE_DM_LOAD_H_
