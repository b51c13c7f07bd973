// SPDX-License-Identifier: Apache-2.0
#include "dm/targets/raid/dm_raid_layout.h"

namespace dmdax {
namespace {

// enum of drivers/md/raid5.h.
enum Algorithm {
  kLeftAsymmetric = 0,
  kRightAsymmetric = 1,
  kLeftSymmetric = 2,
  kRightSymmetric = 3,
  kParity0 = 4,
  kParityN = 5,
  kRotatingZeroRestart = 8,
  kRotatingNRestart = 9,
  kRotatingNContinue = 10,
  // Those of raid5, with Q on the last device.
  kLeftAsymmetric6 = 16,
  kRightAsymmetric6 = 17,
  kLeftSymmetric6 = 18,
  kRightSymmetric6 = 19,
};

struct Raid10Geo {
  uint64_t near_copies = 1, far_copies = 1;
  bool far_offset = false;
  uint64_t far_set_size;
  uint64_t stride;  // sectors
};

// setup_geo() and calc_sectors().
Raid10Geo GeoOf(const RaidSet& rs) {
  Raid10Geo geo;
  // The type's name does not choose a format.
  const uint64_t disks = rs.disks();
  const bool near =
      rs.raid10_format == kRaid10Default || rs.raid10_format == kNear;
  (near ? geo.near_copies : geo.far_copies) = rs.raid10_copies;
  geo.far_offset = rs.raid10_format == kOffset;
  const bool far_sets = !near && !rs.Has(kRaid10UseNearSets);
  geo.far_set_size = far_sets ? geo.far_copies : disks;
  uint64_t chunks = rs.dev_sectors / rs.chunk_sectors;
  chunks = chunks / geo.far_copies * disks / geo.near_copies;
  chunks = (chunks * rs.raid10_copies + disks - 1) / disks;
  geo.stride = geo.far_offset ? rs.chunk_sectors
                              : chunks / geo.far_copies * rs.chunk_sectors;
  return geo;
}

// Where the next far copy of what is on device `dev` lies.
uint64_t NextFarDevice(const Raid10Geo& geo, uint64_t disks, uint64_t dev) {
  const uint64_t rest = disks % geo.far_set_size;
  const uint64_t last_start = (disks / geo.far_set_size - 1) * geo.far_set_size;
  const uint64_t set = dev / geo.far_set_size;
  dev += geo.near_copies;
  if (rest != 0 && dev > last_start) {
    return (dev - last_start) % (geo.far_set_size + rest) + last_start;
  }
  return dev % geo.far_set_size + geo.far_set_size * set;
}

std::vector<RaidPlace> Raid10Copies(const RaidSet& rs, uint64_t sector) {
  const Raid10Geo geo = GeoOf(rs);
  const uint64_t disks = rs.disks();
  const uint64_t chunk = sector / rs.chunk_sectors * geo.near_copies;
  uint64_t dev = chunk % disks;
  uint64_t stripe = chunk / disks;
  if (geo.far_offset) stripe *= geo.far_copies;
  uint64_t at = sector % rs.chunk_sectors + stripe * rs.chunk_sectors;
  std::vector<RaidPlace> places;
  for (uint64_t n = 0; n < geo.near_copies; ++n) {
    uint64_t d = dev, s = at;
    places.push_back({static_cast<uint32_t>(d), s});
    for (uint64_t f = 1; f < geo.far_copies; ++f) {
      d = NextFarDevice(geo, disks, d);
      s += geo.stride;
      places.push_back({static_cast<uint32_t>(d), s});
    }
    if (++dev >= disks) {
      dev = 0;
      at += rs.chunk_sectors;
    }
  }
  return places;
}

// Parity and the place of the first data chunk; those that follow are behind
// it, in a circle of `circle` devices, or past what is parity.
void PlaceRaid5(int algorithm, uint64_t row, uint32_t circle, RaidStripe* out,
                bool* rotates) {
  const auto turn = static_cast<uint32_t>(row % circle);
  *rotates = algorithm == kLeftSymmetric || algorithm == kRightSymmetric;
  switch (algorithm) {
    case kLeftAsymmetric:
    case kLeftSymmetric:
      out->p = circle - 1 - turn;
      return;
    case kRightAsymmetric:
    case kRightSymmetric:
      out->p = turn;
      return;
    case kParity0:
      out->p = 0;
      return;
    default:
      out->p = circle - 1;
  }
}

void PlaceRaid6(int algorithm, uint64_t row, uint32_t disks, RaidStripe* out,
                bool* rotates) {
  if (algorithm >= kLeftAsymmetric6) {
    PlaceRaid5(algorithm - kLeftAsymmetric6, row, disks - 1, out, rotates);
    out->q = disks - 1;
    return;
  }
  *rotates = algorithm == kRotatingNContinue;
  switch (algorithm) {
    case kRotatingZeroRestart:
      out->p = static_cast<uint32_t>(row % disks);
      out->q = (out->p + 1) % disks;
      return;
    case kRotatingNRestart:
      out->p = static_cast<uint32_t>(disks - 1 - (row + 1) % disks);
      out->q = (out->p + 1) % disks;
      return;
    case kRotatingNContinue:
      out->p = static_cast<uint32_t>(disks - 1 - row % disks);
      out->q = (out->p + disks - 1) % disks;
      return;
    default:  // kParityN
      out->p = disks - 2;
      out->q = disks - 1;
  }
}

// raid6_idx_to_slot(): DDF's layouts count all devices, md's those with data,
// from the one behind Q on.
void NumberPowers(const RaidStripe& stripe, bool ddf, uint32_t disks,
                  std::vector<unsigned>* power) {
  power->assign(disks, 0);
  const uint32_t first = ddf || stripe.q == disks - 1 ? 0 : stripe.q + 1;
  unsigned slot = 0;
  for (uint32_t i = 0; i < disks; ++i) {
    const uint32_t dev = (first + i) % disks;
    const bool parity = dev == stripe.p || dev == stripe.q;
    if (!parity) (*power)[dev] = slot;
    if (ddf || !parity) ++slot;
  }
}

}  // namespace

std::vector<RaidPlace> LegsOf(const RaidSet& rs, uint64_t sector) {
  std::vector<RaidPlace> legs;
  for (uint32_t i = 0; i < rs.disks(); ++i) legs.push_back({i, sector});
  return legs;
}

std::vector<RaidPlace> CopiesOf(const RaidSet& rs, uint64_t sector) {
  if (rs.type->is_raid10()) return Raid10Copies(rs, sector);
  const uint64_t chunk = sector / rs.chunk_sectors;
  return {{static_cast<uint32_t>(chunk % rs.disks()),
           chunk / rs.disks() * rs.chunk_sectors + sector % rs.chunk_sectors}};
}

RaidStripe StripeOf(const RaidSet& rs, uint64_t sector) {
  RaidStripe stripe = {};
  stripe.q = RaidStripe::kNone;
  const uint32_t disks = rs.disks();
  const uint64_t chunk = sector / rs.chunk_sectors;
  const uint64_t row = chunk / rs.data_stripes();
  stripe.index = static_cast<uint32_t>(chunk % rs.data_stripes());
  stripe.sector = row * rs.chunk_sectors + sector % rs.chunk_sectors;
  bool rotates = false;
  const int algorithm = rs.type->algorithm;
  uint32_t circle = disks;
  if (rs.type->level == 6) {
    PlaceRaid6(algorithm, row, disks, &stripe, &rotates);
    if (algorithm >= kLeftAsymmetric6) circle = disks - 1;
  } else {
    PlaceRaid5(algorithm, row, disks, &stripe, &rotates);
  }
  // Data that rotate begin behind the parity.
  const uint32_t last_parity = algorithm == kRotatingNContinue ||
                                       circle < disks ||
                                       stripe.q == RaidStripe::kNone
                                   ? stripe.p
                                   : stripe.q;
  for (uint32_t i = 0; i < circle; ++i) {
    const uint32_t dev = rotates ? (last_parity + 1 + i) % circle : i;
    if (dev != stripe.p && dev != stripe.q) stripe.data.push_back(dev);
  }
  const bool ddf = algorithm >= kRotatingZeroRestart &&
                   algorithm <= kRotatingNContinue && rs.type->level == 6;
  if (stripe.q != RaidStripe::kNone) {
    NumberPowers(stripe, ddf, disks, &stripe.power);
  }
  return stripe;
}

}  // namespace dmdax
