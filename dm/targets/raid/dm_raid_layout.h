// SPDX-License-Identifier: Apache-2.0
//
// Where md lays the sectors of a set on its devices.
//
//   RaidStripe stripe = StripeOf(rs, 1024);
//   stripe.data[1];  // the device that has the second block of the row
//   for (const RaidPlace& place : CopiesOf(rs, 1024)) ...
//
// All sectors are relative to where data begin on a device.
// Mirrors: raid5_compute_sector, raid6_idx_to_slot of drivers/md/raid5.c,
// __raid10_find_phys, setup_geo of drivers/md/raid10.c, map_sector of
// drivers/md/raid0.c (4.14 to 7.3).
#ifndef DMDAX_DM_TARGETS_RAID_DM_RAID_LAYOUT_H_
#define DMDAX_DM_TARGETS_RAID_DM_RAID_LAYOUT_H_

#include <cstdint>
#include <vector>

#include "dm/targets/raid/dm_raid.h"

namespace dmdax {

struct RaidPlace {
  uint32_t dev;
  uint64_t sector;
};

// Where raid1 has a sector.
std::vector<RaidPlace> LegsOf(const RaidSet& rs, uint64_t sector);
// raid0 and raid10: the copies of a sector, the one to be read first.
std::vector<RaidPlace> CopiesOf(const RaidSet& rs, uint64_t sector);

// A row of chunks of raid4, raid5 or raid6.
struct RaidStripe {
  static constexpr uint32_t kNone = ~0u;
  // The device of each data chunk, in the order of the set's sectors.
  std::vector<uint32_t> data;
  uint32_t p;
  uint32_t q = kNone;
  // The power of the generator that a device's data have in Q.
  std::vector<unsigned> power;  // by device

  // Of the sector asked for.
  uint32_t index;   // of its chunk in `data`
  uint64_t sector;  // on each device
};
RaidStripe StripeOf(const RaidSet& rs, uint64_t sector);

}  // namespace dmdax

#endif  // DMDAX_DM_TARGETS_RAID_DM_RAID_LAYOUT_H_
