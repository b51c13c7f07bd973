// SPDX-License-Identifier: Apache-2.0
//
// raid: where I/O goes, parity, and what is made of it for a device that is
// not there.  What the legs have in parity of a set that was never in sync is
// changed as md changes it: by what is written (rmw) or anew (rcw), as if
// nothing were in its cache of stripes.  A resync goes through sets of at most
// 16 MiB; of a larger one, which would take hours, rows get right parity when
// they are written.  A device that fails is not put out of the set: without
// metadata md waits for ever then.
// Mirrors: raid0_make_request, raid1_make_request, raid10_make_request,
// handle_stripe_dirtying, ops_run_compute of drivers/md/raid*.c (4.14 to 7.3).
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <map>
#include <optional>
#include <vector>

#include "dm/bio_map.h"
#include "dm/targets/raid/dm_raid_gf.h"
#include "dm/targets/raid/dm_raid_layout.h"

namespace dmdax {
namespace {

// RAID5_STRIPE_SIZE.
constexpr uint64_t kPageBytes = 4096;
constexpr uint64_t kPage = kPageBytes >> kSectorShift;
using Page = std::array<unsigned char, kPageBytes>;

// raid1_read_request() and raid1_write_request(): the first leg that is there
// serves reads, and a write goes to all.
BioMap MapToCopies(const RaidSet& rs, const std::vector<RaidPlace>& places,
                   ReqOp op, uint64_t sectors) {
  BioMap map = {.kind = BioMap::Kind::kError, .err = EIO};
  for (const RaidPlace& place : places) {
    const DmDev* dev = rs.devs[place.dev].data;
    const sector_t sector(place.sector + rs.data_begin());
    if (dev == nullptr) continue;
    if (map.kind == BioMap::Kind::kError) {
      map = {.kind = BioMap::Kind::kRemapped,
             .dev = dev,
             .sector = sector,
             .sectors = sectors};
      if (IsRead(op)) break;
    } else {
      map.also.push_back({dev, sector});
    }
  }
  return map;
}

// Where raid1 has a sector.
std::vector<RaidPlace> Legs(const RaidSet& rs, uint64_t offset) {
  std::vector<RaidPlace> legs;
  for (uint32_t i = 0; i < rs.disks(); ++i) legs.push_back({i, offset});
  return legs;
}

void AddTimes(unsigned char factor, const Page& page, Page* sum) {
  std::array<unsigned char, 256> table;
  for (unsigned i = 0; i < 256; ++i) {
    table[i] = GfMul(factor, static_cast<unsigned char>(i));
  }
  for (size_t i = 0; i < kPageBytes; ++i) (*sum)[i] ^= table[page[i]];
}

void Add(const Page& page, Page* sum) {
  for (size_t i = 0; i < kPageBytes; ++i) (*sum)[i] ^= page[i];
}

// One page of each device of a row.
class Row {
 public:
  Row(const RaidSet& rs, RaidStripe stripe) : rs_(rs), stripe_(stripe) {
    stripe_.sector -= stripe_.sector % kPage;
  }

  // Of chunk `index`: bytes [from, from + bytes.size()) are written.
  void Put(uint32_t index, size_t from, absl::Span<const char> bytes) {
    writes_.push_back({index, from, bytes});
  }

  // What data chunk `index` has.  False: an error, or too little is there.
  bool Get(uint32_t index, Page* page) const {
    const uint32_t dev = stripe_.data[index];
    return Has(dev) ? Read(dev, page) : Reconstruct(index, page);
  }

  // Parity as it has to be.
  bool Sync() {
    syncs_ = true;
    return ReconstructWrite();
  }

  bool Write() {
    // Of a set in sync both come to the same, and of a large one only what is
    // written has been brought in sync.
    const bool modify = !rs_.NeedsResync() && Rmw() < Rcw();
    return modify ? ReadModifyWrite() : ReconstructWrite();
  }

 private:
  struct Put1 {
    uint32_t index;
    size_t from;
    absl::Span<const char> bytes;
  };

  bool Has(uint32_t dev) const { return rs_.devs[dev].data != nullptr; }
  sector_t At() const { return sector_t(stripe_.sector + rs_.data_begin()); }
  bool Read(uint32_t dev, Page* page) const {
    return BioRead(*rs_.devs[dev].data->bdev, At(),
                   absl::MakeSpan(reinterpret_cast<char*>(page->data()),
                                  kPageBytes))
        .ok();
  }
  bool Store(uint32_t dev, const Page& page) const {
    if (dev == RaidStripe::kNone || !Has(dev)) return true;
    // Blank devices stay so.
    Page now;
    if (syncs_ && Read(dev, &now) && now == page) return true;
    return BioWrite(*rs_.devs[dev].data->bdev, At(),
                    absl::MakeConstSpan(
                        reinterpret_cast<const char*>(page.data()), kPageBytes))
        .ok();
  }
  bool Writes(uint32_t index) const {
    return std::any_of(writes_.begin(), writes_.end(),
                       [&](const Put1& w) { return w.index == index; });
  }
  bool Overwrites(uint32_t index) const {
    size_t bytes = 0;
    for (const Put1& w : writes_) {
      if (w.index == index) bytes += w.bytes.size();
    }
    return bytes == kPageBytes;
  }
  void Apply(uint32_t index, Page* page) const {
    for (const Put1& w : writes_) {
      if (w.index == index) {
        memcpy(page->data() + w.from, w.bytes.data(), w.bytes.size());
      }
    }
  }

  // How many pages must be read for the one and the other; none can be read of
  // a device that is missing.
  uint32_t Cost(uint32_t dev) const { return Has(dev) ? 1 : 2 * rs_.disks(); }
  uint32_t Rmw() const {
    uint32_t cost = Cost(stripe_.p);
    if (stripe_.q != RaidStripe::kNone) cost += Cost(stripe_.q);
    for (uint32_t i = 0; i < stripe_.data.size(); ++i) {
      if (Writes(i)) cost += Cost(stripe_.data[i]);
    }
    return cost;
  }
  uint32_t Rcw() const {
    uint32_t cost = 0;
    for (uint32_t i = 0; i < stripe_.data.size(); ++i) {
      if (!Overwrites(i)) cost += Cost(stripe_.data[i]);
    }
    return cost;
  }

  bool ReadModifyWrite() const {
    Page p = {}, q = {};
    if (!Read(stripe_.p, &p)) return false;
    const bool has_q = stripe_.q != RaidStripe::kNone;
    if (has_q && !Read(stripe_.q, &q)) return false;
    std::vector<std::pair<uint32_t, Page>> pages;
    for (uint32_t i = 0; i < stripe_.data.size(); ++i) {
      if (!Writes(i)) continue;
      Page page;
      if (!Get(i, &page)) return false;
      Page change = page;
      Apply(i, &page);
      Add(page, &change);
      Add(change, &p);
      if (has_q) AddTimes(GfPow2(stripe_.power[stripe_.data[i]]), change, &q);
      pages.emplace_back(stripe_.data[i], page);
    }
    return StoreAll(pages, p, q);
  }

  bool ReconstructWrite() const {
    Page p = {}, q = {};
    const bool has_q = stripe_.q != RaidStripe::kNone;
    std::vector<std::pair<uint32_t, Page>> pages;
    for (uint32_t i = 0; i < stripe_.data.size(); ++i) {
      Page page = {};
      if (!Overwrites(i) && !Get(i, &page)) return false;
      Apply(i, &page);
      Add(page, &p);
      if (has_q) AddTimes(GfPow2(stripe_.power[stripe_.data[i]]), page, &q);
      if (Writes(i)) pages.emplace_back(stripe_.data[i], page);
    }
    return StoreAll(pages, p, q);
  }

  bool StoreAll(const std::vector<std::pair<uint32_t, Page>>& pages,
                const Page& p, const Page& q) const {
    bool ok = Store(stripe_.p, p) && Store(stripe_.q, q);
    for (const auto& [dev, page] : pages) ok &= Store(dev, page);
    return ok;
  }

  // raid6_datap_recov(), raid6_2data_recov(), or a plain sum.
  bool Reconstruct(uint32_t index, Page* page) const {
    Page p = {}, q = {};
    std::optional<uint32_t> other;
    for (uint32_t i = 0; i < stripe_.data.size(); ++i) {
      const uint32_t dev = stripe_.data[i];
      if (i == index) continue;
      if (!Has(dev)) {
        if (other) return false;
        other = i;
        continue;
      }
      Page data;
      if (!Read(dev, &data)) return false;
      Add(data, &p);
      if (stripe_.q == RaidStripe::kNone) continue;
      AddTimes(GfPow2(stripe_.power[dev]), data, &q);
    }
    Page parity;
    if (!other && Has(stripe_.p)) {
      if (!Read(stripe_.p, &parity)) return false;
      Add(parity, &p);
      *page = p;
      return true;
    }
    if (stripe_.q == RaidStripe::kNone || !Has(stripe_.q) ||
        !Read(stripe_.q, &parity)) {
      return false;
    }
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

  const RaidSet& rs_;
  RaidStripe stripe_;
  std::vector<Put1> writes_;
  bool syncs_ = false;
};

// The pages of a bio, each with its place in the set.
template <typename Fn>
bool ForEachPage(const DmTarget& ti, const DmBio& bio, Fn fn) {
  const uint64_t start = ti.Offset(bio.sector);
  for (uint64_t done = 0; done < bio.sectors;) {
    const uint64_t in_page = (start + done) % kPage;
    const uint64_t n = std::min(bio.sectors - done, kPage - in_page);
    if (!fn(start + done, in_page << kSectorShift, done << kSectorShift,
            n << kSectorShift)) {
      return false;
    }
    done += n;
  }
  return true;
}

bool WritePages(const DmTarget& ti, const RaidSet& rs, const DmBio& bio) {
  std::map<uint64_t, Row> rows;
  ForEachPage(ti, bio, [&](uint64_t sector, size_t from, size_t at, size_t n) {
    const RaidStripe stripe = StripeOf(rs, sector);
    const auto row = rows.try_emplace(stripe.sector / kPage, rs, stripe).first;
    row->second.Put(stripe.index, from, bio.written.subspan(at, n));
    return true;
  });
  bool ok = true;
  for (auto& [key, row] : rows) ok &= row.Write();
  return ok;
}

bool ReadPages(const DmTarget& ti, const RaidSet& rs, const DmBio& bio) {
  return ForEachPage(ti, bio,
                     [&](uint64_t sector, size_t from, size_t at, size_t n) {
                       const RaidStripe stripe = StripeOf(rs, sector);
                       Page page;
                       if (!Row(rs, stripe).Get(stripe.index, &page))
                         return false;
                       memcpy(bio.data.data() + at, page.data() + from, n);
                       return true;
                     });
}

}  // namespace

BioMap RaidMap(const DmTarget& ti, sector_t sector, ReqOp op) {
  const RaidSet& rs = ti.Private<RaidSet>();
  const uint64_t offset = ti.Offset(sector);
  if (rs.type->is_raid1()) return MapToCopies(rs, Legs(rs, offset), op, 0);
  // What lies behind in the chunk goes with it.
  const uint64_t left = rs.chunk_sectors - offset % rs.chunk_sectors;
  if (!rs.type->is_raid456()) {
    return MapToCopies(rs, CopiesOf(rs, offset), op, left);
  }
  // Of a write, the data and what has their parity.
  const RaidStripe stripe = StripeOf(rs, offset);
  const bool reads = IsRead(op);
  if (reads && rs.devs[stripe.data[stripe.index]].data == nullptr) {
    // It lies nowhere.
    return {.kind = BioMap::Kind::kError, .err = EOPNOTSUPP};
  }
  std::vector<RaidPlace> places = {{stripe.data[stripe.index], stripe.sector},
                                   {stripe.p, stripe.sector}};
  if (stripe.q != RaidStripe::kNone)
    places.push_back({stripe.q, stripe.sector});
  return MapToCopies(rs, places, op, left);
}

void ResyncLegs(const RaidSet& rs) {
  constexpr uint64_t kMost = 16 << (20 - kSectorShift);
  if (rs.dev_sectors * rs.disks() > kMost || rs.stripes.HeldHere()) return;
  OwnedLock lock(&rs.stripes);
  if (rs.type->is_raid456()) {
    for (uint64_t row = 0; row < rs.dev_sectors / rs.chunk_sectors; ++row) {
      const uint64_t first = row * rs.chunk_sectors * rs.data_stripes();
      for (uint64_t at = 0; at < rs.chunk_sectors; at += kPage) {
        (void)Row(rs, StripeOf(rs, first + at)).Sync();
      }
    }
    return;
  }
  const uint64_t unit = rs.chunk_sectors != 0 ? rs.chunk_sectors : kPage;
  std::vector<char> bytes, now;
  for (uint64_t at = 0; at < rs.resync_max_sectors; at += unit) {
    const uint64_t n = std::min(unit, rs.resync_max_sectors - at);
    const BioMap map =
        MapToCopies(rs, rs.type->is_raid1() ? Legs(rs, at) : CopiesOf(rs, at),
                    ReqOp::kWrite, 0);
    bytes.resize(n << kSectorShift);
    if (map.kind != BioMap::Kind::kRemapped ||
        !BioRead(*map.dev->bdev, map.sector, absl::MakeSpan(bytes)).ok()) {
      continue;
    }
    for (const BioMap::Place& place : map.also) {
      now.resize(bytes.size());
      if (BioRead(*place.dev->bdev, place.sector, absl::MakeSpan(now)).ok() &&
          now == bytes) {
        continue;
      }
      (void)BioWrite(*place.dev->bdev, place.sector, bytes);
    }
  }
}

std::optional<int> RaidSubmit(const DmTarget& ti, const DmBio& bio) {
  const RaidSet& rs = ti.Private<RaidSet>();
  if (!rs.type->is_raid456()) return std::nullopt;
  const bool reads = !bio.data.empty();
  const bool whole =
      std::all_of(rs.devs.begin(), rs.devs.end(),
                  [](const RaidDev& dev) { return dev.data != nullptr; });
  if (reads && whole) return std::nullopt;
  // A set that lies on itself.
  if (rs.stripes.HeldHere()) return EIO;
  OwnedLock lock(&rs.stripes);
  return (reads ? ReadPages(ti, rs, bio) : WritePages(ti, rs, bio)) ? 0 : EIO;
}

}  // namespace dmdax
