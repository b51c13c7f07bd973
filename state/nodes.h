// SPDX-License-Identifier: Apache-2.0
//
// The nodes of a World: paths in /dev that lead to device numbers.
//
//   absl::Status s = AddNodes(world, machine, map, WorldKind::kWritten);
//   // ... the mapped devices are made ...
//   if (s.ok()) s = CheckNodes(world, session, map);
//
// Errors begin with the place that `map` knows.
// Mirrors: init_special_inode() of fs/inode.c (6.1): a node is a number, and
// whether a device has it is asked when the node is opened.  In a World that
// somebody wrote, a node that leads nowhere is a mistake.
// Threading: like Machine.
#ifndef DMDAX_STATE_NODES_H_
#define DMDAX_STATE_NODES_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "block/machine.h"
#include "state/source_map.h"
#include "state/user_world.h"
#include "state/world.pb.h"

namespace dmdax {

// "259:0": two numbers, a colon and nothing else, as we read what is ours.  A
// table's words are the kernel's to read, which cuts numbers and skips blanks
// (ScanMajorMinor()).  EINVAL.
absl::StatusOr<DevT> DevNumber(absl::string_view text);

// The same as it is written for the device or node `name`; "" is none.
absl::StatusOr<std::optional<DevT>> ParseDev(const std::string& name,
                                             const std::string& text);

// All of world.node.  EINVAL: a number that is not major:minor, or none; of
// what people write, EEXIST: two nodes with one path, or the path of a disk's.
absl::Status AddNodes(const proto::World& world, Machine& machine,
                      const SourceMap& map, WorldKind kind);

// Whether a disk, a partition or a mapped device has the number.
bool HasDevice(const Session& session, DevT dev);

// ENXIO: a node of the World leads to a number that nobody has; EEXIST: a
// device has put its own node there.  For a World whose devices are all there.
absl::Status CheckNodes(const proto::World& world, const Session& session,
                        const SourceMap& map);

}  // namespace dmdax

#endif  // DMDAX_STATE_NODES_H_
