// SPDX-License-Identifier: Apache-2.0
#include "dm/targets/raid/dm_raid_row.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "dm/bio_map.h"
#include "dm/targets/raid/dm_raid_gf.h"
#include "dm/targets/raid/dm_raid_md.h"

namespace dmdax {
namespace {

void AddTimes(unsigned char factor, const RaidPage& page, RaidPage* sum) {
  std::array<unsigned char, 256> table;
  for (unsigned i = 0; i < 256; ++i) {
    table[i] = GfMul(factor, static_cast<unsigned char>(i));
  }
  for (size_t i = 0; i < kRaidPageBytes; ++i) (*sum)[i] ^= table[page[i]];
}

void Add(const RaidPage& page, RaidPage* sum) {
  for (size_t i = 0; i < kRaidPageBytes; ++i) (*sum)[i] ^= page[i];
}

}  // namespace

bool RaidTooLarge(const RaidSet& rs) {
  constexpr uint64_t kMost = 16 << (20 - kSectorShift);
  return rs.dev_sectors * rs.disks() > kMost;
}

RaidRow::RaidRow(const RaidSet& rs, const std::vector<RaidMember>& members,
                 RaidStripe stripe)
    : rs_(rs), members_(members), stripe_(std::move(stripe)) {
  stripe_.sector -= stripe_.sector % kRaidPage;
}

void RaidRow::Put(uint32_t index, size_t from, absl::Span<const char> bytes) {
  writes_.push_back({index, from, bytes});
}

bool RaidRow::Get(uint32_t index, RaidPage* page) {
  const uint32_t dev = stripe_.data[index];
  const bool ok = (Has(dev) && Read(dev, page)) || Reconstruct(index, page);
  if (ok) MendReadErrors();
  return ok;
}

bool RaidRow::Sync() {
  syncs_ = true;
  const bool ok = ReconstructWrite();
  if (ok) MendReadErrors();
  return ok;
}

bool RaidRow::Write() {
  // Of a set in sync both come to the same, and of a large one only what is
  // written has been brought in sync.
  const bool in_sync = rs_.Has(kNosync) || !RaidTooLarge(rs_);
  const bool ok =
      in_sync && RmwCost() < RcwCost() ? ReadModifyWrite() : ReconstructWrite();
  if (ok) MendReadErrors();
  return ok;
}

bool RaidRow::Mismatches() {
  RaidPage p, q, now;
  Pages pages;
  if (!Expect(&p, &q, &pages)) return false;
  if (Has(stripe_.p) && Read(stripe_.p, &now) && now != p) return true;
  return has_q() && Has(stripe_.q) && Read(stripe_.q, &now) && now != q;
}

bool RaidRow::Has(uint32_t dev) const {
  return RaidServes(rs_, members_, dev) && !read_errors_.contains(dev);
}

bool RaidRow::Takes(uint32_t dev) const {
  return RaidTakes(rs_, members_, dev);
}

bool RaidRow::Read(uint32_t dev, RaidPage* page) {
  const bool ok = BioRead(*rs_.devs[dev].data->bdev, At(),
                          absl::MakeSpan(reinterpret_cast<char*>(page->data()),
                                         kRaidPageBytes))
                      .ok();
  if (!ok) read_errors_.insert(dev);
  if (!ok && !Enough()) {
    // handle_failed_stripe(): all that could not be read, from the last on.
    errors_.assign(read_errors_.rbegin(), read_errors_.rend());
  }
  return ok;
}

// Whether what has been read and written leaves the data of the row.
bool RaidRow::Enough() const {
  uint32_t missing = 0;
  for (uint32_t i = 0; i < rs_.disks(); ++i) {
    if (!Has(i) || write_errors_.contains(i)) ++missing;
  }
  return missing <= rs_.type->parity_devs;
}

// What could not be read is written anew (R5_ReWrite), where that can be.
void RaidRow::MendReadErrors() {
  const std::set<uint32_t> bad = read_errors_;
  for (const uint32_t dev : bad) {
    RaidPage page = {};
    bool known = false;
    for (uint32_t i = 0; i < stripe_.data.size(); ++i) {
      if (stripe_.data[i] == dev) known = Reconstruct(i, &page);
      if (stripe_.data[i] == dev && known) Apply(i, &page);
    }
    if (!known && (dev == stripe_.p || dev == stripe_.q)) {
      RaidPage p, q;
      Pages pages;
      known = Expect(&p, &q, &pages);
      page = dev == stripe_.p ? p : q;
    }
    if (!known) continue;
    const absl::Span<const char> bytes(
        reinterpret_cast<const char*>(page.data()), kRaidPageBytes);
    RaidPage again;
    BlockDevice& bdev = *rs_.devs[dev].data->bdev;
    if (BioWrite(bdev, At(), bytes).ok() &&
        BioRead(bdev, At(),
                absl::MakeSpan(reinterpret_cast<char*>(again.data()),
                               kRaidPageBytes))
            .ok()) {
      continue;
    }
    if (!write_errors_.contains(dev)) errors_.push_back(dev);
  }
}

bool RaidRow::Store(uint32_t dev, const RaidPage& page) {
  if (dev == RaidStripe::kNone || !Takes(dev)) return true;
  // Blank devices stay so.
  RaidPage now;
  if (syncs_ && Has(dev) && Read(dev, &now) && now == page) return true;
  const absl::Span<const char> bytes(reinterpret_cast<const char*>(page.data()),
                                     kRaidPageBytes);
  if (BioWrite(*rs_.devs[dev].data->bdev, At(), bytes).ok()) return true;
  write_errors_.insert(dev);
  errors_.push_back(dev);
  return false;
}

bool RaidRow::Writes(uint32_t index) const {
  return std::any_of(writes_.begin(), writes_.end(),
                     [&](const Written& w) { return w.index == index; });
}

bool RaidRow::Overwrites(uint32_t index) const {
  size_t bytes = 0;
  for (const Written& w : writes_) {
    if (w.index == index) bytes += w.bytes.size();
  }
  return bytes == kRaidPageBytes;
}

void RaidRow::Apply(uint32_t index, RaidPage* page) const {
  for (const Written& w : writes_) {
    if (w.index == index) {
      memcpy(page->data() + w.from, w.bytes.data(), w.bytes.size());
    }
  }
}

// How many pages must be read for the one and the other; none can be read of a
// device that is missing.
uint32_t RaidRow::Cost(uint32_t dev) const {
  return Has(dev) ? 1 : 2 * rs_.disks();
}

uint32_t RaidRow::RmwCost() const {
  uint32_t cost = Cost(stripe_.p);
  if (has_q()) cost += Cost(stripe_.q);
  for (uint32_t i = 0; i < stripe_.data.size(); ++i) {
    if (Writes(i)) cost += Cost(stripe_.data[i]);
  }
  return cost;
}

uint32_t RaidRow::RcwCost() const {
  uint32_t cost = 0;
  for (uint32_t i = 0; i < stripe_.data.size(); ++i) {
    if (!Overwrites(i)) cost += Cost(stripe_.data[i]);
  }
  return cost;
}

bool RaidRow::ReadModifyWrite() {
  RaidPage p = {}, q = {};
  // Parity that can not be read is made anew.
  if (!Read(stripe_.p, &p) || (has_q() && !Read(stripe_.q, &q))) {
    return ReconstructWrite();
  }
  Pages pages;
  for (uint32_t i = 0; i < stripe_.data.size(); ++i) {
    if (!Writes(i)) continue;
    RaidPage page;
    const uint32_t dev = stripe_.data[i];
    if (!(Has(dev) && Read(dev, &page)) && !Reconstruct(i, &page)) return false;
    RaidPage change = page;
    Apply(i, &page);
    Add(page, &change);
    Add(change, &p);
    if (has_q()) AddTimes(GfPow2(stripe_.power[dev]), change, &q);
    pages.emplace_back(dev, page);
  }
  return StoreAll(pages, p, q);
}

// Parity as it has to be with what is written; and the data that go to devices.
bool RaidRow::Expect(RaidPage* p, RaidPage* q, Pages* pages) {
  *p = {};
  *q = {};
  for (uint32_t i = 0; i < stripe_.data.size(); ++i) {
    RaidPage page = {};
    const uint32_t dev = stripe_.data[i];
    if (!Overwrites(i) && !(Has(dev) && Read(dev, &page)) &&
        !Reconstruct(i, &page)) {
      return false;
    }
    Apply(i, &page);
    Add(page, p);
    if (has_q()) AddTimes(GfPow2(stripe_.power[dev]), page, q);
    const bool recovers = syncs_ && Takes(dev) && !members_[dev].in_sync;
    if (Writes(i) || recovers) pages->emplace_back(dev, page);
  }
  return true;
}

bool RaidRow::ReconstructWrite() {
  RaidPage p, q;
  Pages pages;
  return Expect(&p, &q, &pages) && StoreAll(pages, p, q);
}

bool RaidRow::StoreAll(const Pages& pages, const RaidPage& p,
                       const RaidPage& q) {
  bool ok = true;
  // From the last device on, as md's stripes are written.
  std::vector<std::pair<uint32_t, const RaidPage*>> all = {{stripe_.p, &p}};
  if (has_q()) all.emplace_back(stripe_.q, &q);
  for (const auto& [dev, page] : pages) all.emplace_back(dev, &page);
  std::sort(all.rbegin(), all.rend());
  for (const auto& [dev, page] : all) ok &= Store(dev, *page);
  return ok || (!syncs_ && Enough());
}

// raid6_datap_recov(), raid6_2data_recov(), or a plain sum.
bool RaidRow::Reconstruct(uint32_t index, RaidPage* page) {
  RaidPage p = {}, q = {};
  std::optional<uint32_t> other;
  for (uint32_t i = 0; i < stripe_.data.size(); ++i) {
    const uint32_t dev = stripe_.data[i];
    if (i == index) continue;
    RaidPage data;
    if (!Has(dev) || !Read(dev, &data)) {
      if (other) return false;
      other = i;
      continue;
    }
    Add(data, &p);
    if (!has_q()) continue;
    AddTimes(GfPow2(stripe_.power[dev]), data, &q);
  }
  RaidPage parity;
  if (!other && Has(stripe_.p) && Read(stripe_.p, &parity)) {
    Add(parity, &p);
    *page = p;
    return true;
  }
  if (!has_q() || !Has(stripe_.q) || !Read(stripe_.q, &parity)) return false;
  Add(parity, &q);
  const unsigned x = stripe_.power[stripe_.data[index]];
  *page = {};
  if (!other) {
    AddTimes(GfInverse(GfPow2(x)), q, page);
    return true;
  }
  if (!Has(stripe_.p) || !Read(stripe_.p, &parity)) return false;
  Add(parity, &p);
  // X + Y = p, g^x X + g^y Y = q.
  const unsigned y = stripe_.power[stripe_.data[*other]];
  const unsigned char scale = GfInverse(GfPow2(x) ^ GfPow2(y));
  AddTimes(GfMul(scale, GfPow2(y)), p, page);
  AddTimes(scale, q, page);
  return true;
}

}  // namespace dmdax
