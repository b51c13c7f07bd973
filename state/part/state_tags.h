// SPDX-License-Identifier: Apache-2.0
//
// TagsOf: by what an object of a state is found, other than by its key.
//
//   TagsOf(StateObjectKind::kNode, bytes)[0];  // "at:259:0"
//
// A database keeps them as an index, so that a device is found, and who has it
// open, without reading the others.
//
//   name:N, uuid:U  a mapped device
//   dev:D           a pmem or block device, by number
//   part:N          a partition of disk N
//   at:D            a node of device D
//   open<i>:D       who has device D open; one that has it open twice (a table
//                   for reading, one for writing) has i = 0 and 1
//   open:N          a device-dax that is made of pmem N
// Threading: pure functions.
#ifndef DMDAX_STATE_PART_STATE_TAGS_H_
#define DMDAX_STATE_PART_STATE_TAGS_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "state/state_objects.h"

namespace dmdax {

// None where the bytes are no such object: whoever reads it will say so.
std::vector<std::string> TagsOf(StateObjectKind kind, absl::string_view bytes);

// A mapped device opens a device at most once for reading and once for writing.
inline constexpr int kMostOpensOfOne = 2;

std::string NameTag(absl::string_view name);
std::string UuidTag(absl::string_view uuid);
std::string DevTag(absl::string_view dev);
std::string PartitionTag(absl::string_view disk);
std::string NodeTag(absl::string_view dev);
std::string OpenTag(int nth, absl::string_view dev);
std::string DevDaxTag(absl::string_view pmem);

}  // namespace dmdax

#endif  // DMDAX_STATE_PART_STATE_TAGS_H_
