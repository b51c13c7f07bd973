// SPDX-License-Identifier: Apache-2.0
//
// RaidRow: one page of each device of a row of raid4, raid5 or raid6: its data,
// its parity, and what is made of them for devices that are not there.
//
//   RaidRow row(rs, members, stripe);
//   row.Put(stripe.index, 0, bytes);  // what is written
//   row.Write();
//   row.errors();  // devices to put out of the set
//
// What the legs have in parity of a set that was never in sync is changed as md
// changes it: by what is written (rmw) or anew (rcw), as if nothing were in its
// cache of stripes.  A resync goes through sets of at most 16 MiB; of a larger
// one, which would take hours, rows get right parity when they are written.
// Mirrors: handle_stripe_dirtying, ops_run_compute, handle_failed_stripe of
// drivers/md/raid5.c (4.14 to 7.3).
// Threading: thread-compatible.
#ifndef DMDAX_DM_TARGETS_RAID_DM_RAID_ROW_H_
#define DMDAX_DM_TARGETS_RAID_DM_RAID_ROW_H_

#include <array>
#include <cstdint>
#include <set>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "dm/targets/raid/dm_raid.h"
#include "dm/targets/raid/dm_raid_layout.h"

namespace dmdax {

// RAID5_STRIPE_SIZE.
inline constexpr uint64_t kRaidPageBytes = 4096;
inline constexpr uint64_t kRaidPage = kRaidPageBytes >> kSectorShift;
using RaidPage = std::array<unsigned char, kRaidPageBytes>;

// Whether a set is too large for a resync that takes no time.
bool RaidTooLarge(const RaidSet& rs);

class RaidRow {
 public:
  // `members` as RaidSet::Members(), which may change meanwhile.
  RaidRow(const RaidSet& rs, const std::vector<RaidMember>& members,
          RaidStripe stripe);

  // Of chunk `index`: bytes [from, from + bytes.size()) are written.
  void Put(uint32_t index, size_t from, absl::Span<const char> bytes);

  // What data chunk `index` has.  False: an error, or too little is there.
  bool Get(uint32_t index, RaidPage* page);
  bool Write();
  // Parity as it has to be, and data on devices that are there but not in sync.
  bool Sync();
  // Whether parity is other than it has to be.
  bool Mismatches();

  // Devices that md puts out of the set, in the order in which it does.
  const std::vector<uint32_t>& errors() const { return errors_; }

 private:
  struct Written {
    uint32_t index;
    size_t from;
    absl::Span<const char> bytes;
  };
  using Pages = std::vector<std::pair<uint32_t, RaidPage>>;

  bool has_q() const { return stripe_.q != RaidStripe::kNone; }
  bool Has(uint32_t dev) const;
  bool Takes(uint32_t dev) const;
  sector_t At() const { return sector_t(stripe_.sector + rs_.data_begin()); }
  bool Read(uint32_t dev, RaidPage* page);
  bool Store(uint32_t dev, const RaidPage& page);
  bool Writes(uint32_t index) const;
  bool Overwrites(uint32_t index) const;
  void Apply(uint32_t index, RaidPage* page) const;
  uint32_t Cost(uint32_t dev) const;
  uint32_t RmwCost() const;
  uint32_t RcwCost() const;
  bool ReadModifyWrite();
  bool ReconstructWrite();
  bool StoreAll(const Pages& pages, const RaidPage& p, const RaidPage& q);
  bool Reconstruct(uint32_t index, RaidPage* page);
  bool Expect(RaidPage* p, RaidPage* q, Pages* pages);
  void MendReadErrors();
  bool Enough() const;

  const RaidSet& rs_;
  const std::vector<RaidMember>& members_;
  RaidStripe stripe_;
  std::vector<Written> writes_;
  std::set<uint32_t> read_errors_, write_errors_;
  std::vector<uint32_t> errors_;
  bool syncs_ = false;
};

}  // namespace dmdax

#endif  // DMDAX_DM_TARGETS_RAID_DM_RAID_ROW_H_
