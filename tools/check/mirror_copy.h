// SPDX-License-Identifier: Apache-2.0
//
// The copies of a mirror, and which of them stays when it becomes one.
//
// LVM2 keeps the first, or where the physical volumes of others are named, one
// that lies on none of those:
//
//   lvconvert -m0 vg/m              # /dev/pmem0 and /dev/sda: the first
//   lvconvert -m0 vg/m /dev/pmem0   # the one on /dev/sda
//
// Mirrors: LVM2's is_mirror_image_removable() of lib/metadata/mirror.c and
// _raid_extract_images() of lib/metadata/raid_manip.c (2.03).
// Threading: pure functions.
#ifndef DMDAX_TOOLS_CHECK_MIRROR_COPY_H_
#define DMDAX_TOOLS_CHECK_MIRROR_COPY_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "state/session.h"
#include "state/world.pb.h"

namespace dmdax {

struct MirrorCopy {
  std::string device;    // "": it is missing
  uint64_t start = 0;    // sectors
  std::string metadata;  // its raid metadata's device, or ""
};

// Those of a row of a mirror or of raid1, in order; none: it is neither.
std::vector<MirrorCopy> CopiesOf(const proto::Target& row);

// The legs of a raid row, behind "<#params> ... <#devices>".
std::vector<MirrorCopy> RaidLegs(const proto::Target& row);

struct KeptCopy {
  size_t number = 0;  // among CopiesOf() each row
  // The physical volumes to name for it, as paths; none: LVM2 keeps it anyway.
  std::vector<std::string> named;
};

// Of those with DAX the one of which least lies off a boundary of 2 MiB, and of
// equal ones the first.  One that is not LVM2's keeps its first: nobody else
// sees to it that another is in sync.  Nothing: none has DAX, or no row is of a
// mirror.
std::optional<KeptCopy> CopyToKeep(const Session& session, proto::World& world,
                                   const proto::MappedDevice& device);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CHECK_MIRROR_COPY_H_
