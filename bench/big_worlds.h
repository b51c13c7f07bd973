// SPDX-License-Identifier: Apache-2.0
//
// Worlds with many of one kind, for growth_bench.cc and state_bench.cc.
//
//   proto::World world = ManyDevices(100000);
// Threading: pure functions.
#ifndef DMDAX_BENCH_BIG_WORLDS_H_
#define DMDAX_BENCH_BIG_WORLDS_H_

#include <cstddef>
#include <cstdint>

#include "state/world.pb.h"

namespace dmdax::bench {

// Mapped devices "d0", "d1" ... of one linear row each, on one pmem.
proto::World ManyDevices(size_t n);
// Disks with a partition each.
proto::World ManyDisks(size_t n);
// Mappings of one process, no two of which can be joined.
proto::World ManyMappings(size_t n);
// Mapped devices on top of each other.
proto::World Chain(size_t n);
// One stripe over as many disks.
proto::World ManyLegs(size_t n);
// A device "d0" of one row, and "big" with a table of n rows.
proto::World ManyRows(size_t n);
// Files of one mount, on a pmem with a device "d0".
proto::World ManyFiles(size_t n);
// Extents of one file, no two of which can be joined.
proto::World ManyExtents(size_t n);
// Pages of a file that one process has touched, beside a device "d0".
proto::World ManyTouches(size_t n);

// A device-dax of n ranges, and n of one range each, in no order.
proto::World ManyDaxRanges(size_t n);
proto::World ManyDaxes(size_t n);

// n snapshots of one origin, each with a COW device of its own.
proto::World ManySnapshots(size_t n);
// A thin pool that n messages have made n thin devices in.
proto::World ManyThins(size_t n);

// Files of 2 MiB: aligned ones of a mount on a volume that is not, those of a
// mount on a pmem that lie off a boundary themselves, the same with no free
// piece anywhere, and volumes of which each is off a boundary and has a mount
// with one file.
proto::World MisalignedFiles(size_t n);
proto::World OffFiles(size_t n);
proto::World ApartFiles(size_t n);
proto::World MisalignedVolumes(size_t n);
// The volumes as LVM2's of one group; and others of one, each striped over the
// same two pmems.
proto::World GroupVolumes(size_t n);
proto::World StripedVolumes(size_t n);
// Two files each of n / 2 file systems, on volumes off a boundary of as many
// pmems: those two have one list in common.
proto::World PairsOfFiles(size_t n);
// Files of 2 MiB, each on a pmem of its own whose data begins at 1 MiB.
proto::World ShiftedDisks(size_t n);
// Mounts with a file each, on volumes that have DAX, by options that v4_14 does
// not take.
proto::World RefusedMounts(size_t n);
// A file on two levels of n rows each, in reverse order, all too short for a
// huge page.
proto::World ReversedRows(size_t n);
// Free pmems of so many bytes.
proto::World FreePmems(size_t n, uint64_t bytes);

}  // namespace dmdax::bench

#endif  // DMDAX_BENCH_BIG_WORLDS_H_
