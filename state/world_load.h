// SPDX-License-Identifier: Apache-2.0
//
// A World becomes a running machine, and a machine a World.
//
//   absl::StatusOr<Session> session = LoadWorld(w->world, w->source);
//   if (!session.ok()) std::cerr << session.status().message();
//   // w.textproto:9:14: mapped device 'home': target 0: Invalid argument:
//   // device-mapper: table: 254:0: pmem0 too small for target: start=0, ...;
//   // nearest valid length: 1048576
//
// Order, whether a person wrote the World or it is a snapshot: pmem, disks,
// partitions, nodes; mapped devices, by the commands that dmsetup would give
// (state/dm_load.h), or as they were (state/dm_snapshot.h); mounts, device-dax,
// processes, and what they have touched.
// Threading: as Machine and DmCtl.
#ifndef DMDAX_STATE_WORLD_LOAD_H_
#define DMDAX_STATE_WORLD_LOAD_H_

#include "absl/status/statusor.h"
#include "base/kernel_alias.h"
#include "state/dm_load.h"
#include "state/session.h"
#include "state/source_map.h"
#include "state/user_world.h"
#include "state/world.pb.h"

namespace dmdax {

// The errors begin with the place in the file where `map` knows it, and carry
// the errno of the step that failed:
//   EINVAL  a name or uuid too long or with a NUL in it, a number out of
//           range, an unknown kernel, a row without a target
//   ELOOP   tables that name each other in a circle
//   EEXIST, EBUSY, ENOENT  as Machine::AddPmem() and AddBlock()
//   any     what the kernel answers to a table, with its words
absl::StatusOr<Session> LoadWorld(const proto::World& world,
                                  const SourceMap& map = {},
                                  const TableMender& mend = nullptr);

// The two halves of LoadWorld() and SessionFromSnapshot().  The first makes a
// machine without anything that runs the World's kernel (EINVAL: there is no
// such kernel, or a release that is none); the second puts all of the World on
// it.
absl::StatusOr<Session> BootWorld(const proto::World& world,
                                  const SourceMap& map = {});
absl::Status FillMachine(const proto::World& world, WorldKind kind,
                         const SourceMap& map, Session& session,
                         const TableMender& mend = nullptr);

// Who answers for a World's machine: with a note, and the next newer profile,
// where World::kernel is only the nearest to World::release, the older of the
// two next to it or (what the machine has mounted, that one refuses) the newer.
KernelAnswer KernelOf(const proto::World& world);

// The hardware and the tables of a running machine, without what only a
// snapshot keeps (event numbers, sticky flags).  Rows are the kernel's TABLE
// status, so devices are major:minor.  Loading it gives the same tables.
proto::World DescribeWorld(const Session& session);

}  // namespace dmdax

#endif  // DMDAX_STATE_WORLD_LOAD_H_
