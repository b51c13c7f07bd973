// SPDX-License-Identifier: Apache-2.0
//
// Rows into extents.  Stripes are in compiled_map_stripe.cc.
#include "dm/compiled_map_build.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "dm/mapped_device.h"

namespace dmdax {
namespace {

// Extents that a map may have beyond its rows before it keeps maps below:
// 64 bytes a row and 48 MiB.
constexpr uint64_t kExtentsPerRow = 8;
constexpr uint64_t kMostExtents = 4 << 20;
// Half of what the chain does before it gives up (ELOOP); see DmDaxForward().
constexpr int kMostLevels = 128;
// No sector of a table this long wraps.
constexpr uint64_t kMostSectors = uint64_t{1} << 60;
// Rows between asking memory for a cache line below and using it.
constexpr size_t kAhead = 32;
// Frames that a narrow extent can hold.
constexpr uint64_t kNarrowPfns = NarrowExtents::kSpecial;

}  // namespace

std::shared_ptr<const CompiledMap> BuildCompiledMap(MappedDevice& md,
                                                    const DmTable& table) {
  return CompiledMapBuilder(md, table).Build();
}

CompiledMapBuilder::CompiledMapBuilder(MappedDevice& md, const DmTable& table)
    : md_(md), table_(table), map_(std::make_shared<CompiledMap>()) {}

std::shared_ptr<const CompiledMap> CompiledMapBuilder::Build() {
  if (table_.size() == 0 || table_.size() > kMostSectors) return nullptr;
  map_->pages_ = (table_.size() + kPageSectors - 1) / kPageSectors;
  const size_t rows = table_.num_targets();
  most_extents_ = kMostExtents + kExtentsPerRow * rows;
  map_->narrow_ = MakeNarrow();
  if (map_->levels_ > kMostLevels) return nullptr;
  // As many as there can be if no page below is used twice.
  uint64_t room = rows;
  for (const auto& [dev, below] : below_) {
    if (below.map != nullptr) room += below.map->nr_extents();
  }
  room = std::min(room, most_extents_);
  if (map_->narrow_) {
    map_->narrow_extents_.Reserve(room);
  } else {
    map_->wide_extents_.Reserve(room);
  }
  if (table_.columns() != nullptr) {
    AddColumns(*table_.columns());
  } else {
    for (const DmTarget& ti : table_.targets()) AddRow(ti);
  }
  if (map_->narrow_) {
    map_->narrow_extents_.Finish(map_->pages_);
  } else {
    map_->wide_extents_.Finish(map_->pages_);
  }
  map_->FindKernel();
  map_->ChooseShortcut();
  return std::move(map_);
}

// Resolves all devices of the table, and says whether their frames and our
// pages fit 32 bits.
bool CompiledMapBuilder::MakeNarrow() {
  bool narrow = map_->pages_ < kNarrowPfns;
  for (const DmTable::TableDev& dd : table_.devices()) {
    const Below& below = Resolve(*dd.dm_dev);
    AddLeaves(below);
    if (below.window) {
      narrow &= below.window->pfn.value() + below.window->pages < kNarrowPfns;
    } else if (below.map != nullptr) {
      narrow &= below.map->narrow_;
      map_->levels_ = std::max(map_->levels_, below.map->levels_ + 1);
    }
  }
  SortLeaves();
  return narrow;
}

void CompiledMapBuilder::AddLeaves(const Below& below) {
  if (below.window) {
    map_->leaves_.push_back({.pfn = below.window->pfn.value(),
                             .pfn_flags = below.window->pfn_flags,
                             .kaddr = below.window->kaddr});
  } else if (below.map != nullptr) {
    map_->leaves_.insert(map_->leaves_.end(), below.map->leaves_.begin(),
                         below.map->leaves_.end());
  }
}

// Leaves that tell the same of their frames become one, so that most maps
// need not look for the right one.
void CompiledMapBuilder::SortLeaves() {
  std::vector<DaxLeaf>& leaves = map_->leaves_;
  std::sort(leaves.begin(), leaves.end(),
            [](const auto& a, const auto& b) { return a.pfn < b.pfn; });
  const auto same = [](const DaxLeaf& a, const DaxLeaf& b) {
    const bool no_bytes = a.kaddr == nullptr && b.kaddr == nullptr;
    return a.pfn_flags == b.pfn_flags && (no_bytes || a.pfn == b.pfn);
  };
  leaves.erase(std::unique(leaves.begin(), leaves.end(), same), leaves.end());
  if (leaves.empty()) leaves.emplace_back();
  for (DaxLeaf& leaf : leaves) leaf.first = leaf.pfn;
  leaves.front().first = 0;
}

const CompiledMapBuilder::Below& CompiledMapBuilder::Resolve(const DmDev& dev) {
  // Rows next to each other tend to use the same device.
  if (last_dev_ == &dev) return *last_below_;
  auto [it, added] = below_.try_emplace(&dev);
  Below& below = it->second;
  if (added) {
    DaxDevice* dax = dev.dax_dev;
    if (dax == nullptr) {
      below.err = EOPNOTSUPP;
    } else if (!dax->alive()) {
      below.err = ENXIO;
    } else if (dax->ops() == nullptr) {
      below.err = EOPNOTSUPP;
    } else if (auto* md = dynamic_cast<MappedDevice*>(dax->ops())) {
      below.map = md->compiled();
    } else {
      below.window = dax->ops()->Window();
    }
  }
  last_dev_ = &dev;
  last_below_ = &below;
  return below;
}

// AddRow() of all rows.  What is plain is done here, from the columns,
// which costs little; a row that is not becomes a DmTarget and goes the way of
// all others.
void CompiledMapBuilder::AddColumns(const LinearTargets& columns) {
  struct Device {
    uint64_t start_sect = 0;
    uint64_t pages = 0;  // of the window, or of the map
    uint64_t pfn = 0;
    const CompiledMap* map = nullptr;
    const Below* below = nullptr;
  };
  std::vector<Device> devices;
  for (const LinearTargets::Use& use : columns.uses()) {
    Device& d = devices.emplace_back();
    if (use.dev == nullptr) continue;
    const Below& below = Resolve(*use.dev);
    d = {.start_sect = use.dev->bdev->start_sect().value(), .below = &below};
    if (below.err != 0) continue;
    if (below.map != nullptr) {
      d.map = below.map.get();
      d.pages = below.map->pages_;
    } else if (below.window) {
      d.pages = below.window->pages;
      d.pfn = below.window->pfn.value();
    }
  }
  const LinearRows& rows = columns.rows();
  const size_t n = columns.size();
  const auto prefetch = [&](size_t i, const auto& fetch) {
    if (i >= n) return;
    const Device& d = devices[rows.device[i]];
    const uint64_t q = (rows.start[i] + d.start_sect) / kPageSectors;
    if (d.map == nullptr || q >= d.pages) return;
    const uint64_t end = q + rows.length[i] / kPageSectors;
    const uint64_t last = std::max(q + 1, std::min(end, d.pages)) - 1;
    d.map->narrow_ ? fetch(d.map->narrow_extents_, q, last)
                   : fetch(d.map->wide_extents_, q, last);
  };
  const bool stacked = map_->levels_ > 1;
  uint64_t begin = 0;
  for (size_t i = 0; i < n; ++i) {
    if (stacked) {
      // Rows lie anywhere on the map below: a directory slot and extents that
      // are not cached.  Asking for them early halves the time over a map of
      // three million (the benchmark family `flatten:MxD`).
      prefetch(i + 2 * kAhead,
               [](const auto& e, uint64_t q, uint64_t) { e.PrefetchSlot(q); });
      prefetch(i + kAhead, [](const auto& e, uint64_t q, uint64_t last) {
        e.PrefetchEntry(q);
        e.PrefetchEntry(last);
      });
    }
    const uint64_t length = rows.length[i];
    const Device& d = devices[rows.device[i]];
    const uint64_t sector = rows.start[i] + d.start_sect;
    const uint64_t q = sector / kPageSectors;
    const bool plain = (begin | length | sector) % kPageSectors == 0 &&
                       q + length / kPageSectors <= d.pages;
    if (!plain) {
      AddRow(columns.Make(i, begin));
    } else if (d.map == nullptr) {
      AddRun(begin / kPageSectors, d.pfn + q);
    } else {
      AddMapBelow(begin / kPageSectors, length / kPageSectors, d.below->map, q);
    }
    begin += length;
  }
}

// A page belongs to the row that has its first sector; a page that the row's
// end cuts has no address.
void CompiledMapBuilder::AddRow(const DmTarget& ti) {
  const uint64_t end = ti.begin.value() + ti.len.value();
  const uint64_t first = (ti.begin.value() + kPageSectors - 1) / kPageSectors;
  const uint64_t last = end / kPageSectors;
  if (first < last) AddPages(ti, first, last);
  if (first <= last && end % kPageSectors != 0) AddError(last, EIO);
}

// Whole pages [first, last) of a row.
void CompiledMapBuilder::AddPages(const DmTarget& ti, uint64_t first,
                                  uint64_t last) {
  if (ti.type->direct_access == nullptr) return AddError(first, EIO);
  layout_.legs.clear();
  layout_.chunk = 0;
  if (ti.type->dax_layout == nullptr || !ti.type->dax_layout(ti, &layout_) ||
      ti.max_io_len != layout_.chunk) {
    return AddChain(first);
  }
  if (layout_.legs.empty()) return AddError(first, EIO);
  if (layout_.chunk == 0) return AddLinear(ti, first, last);
  AddStriped(ti, first, last);
}

void CompiledMapBuilder::AddLinear(const DmTarget& ti, uint64_t first,
                                   uint64_t last) {
  const DaxLayout::Leg& leg = layout_.legs[0];
  // Modulo 2^64 as in the kernel; a row whose sectors wrap is the chain's.
  const uint64_t sector = leg.start.value() +
                          leg.dev->bdev->start_sect().value() +
                          ti.Offset(PageToSector(pgoff_t(first)));
  if (sector + (last - first) * kPageSectors < sector) return AddChain(first);
  pgoff_t q;
  const sector_t relative(sector - leg.dev->bdev->start_sect().value());
  if (!DmDaxPgoff(ProfileOf(ti), *leg.dev, relative, &q)) {
    return AddError(first, EINVAL);
  }
  AddBelow(first, last - first, Resolve(*leg.dev), q.value());
}

// Pages [page, page + pages) are those from `q` on below.
void CompiledMapBuilder::AddBelow(uint64_t page, uint64_t pages,
                                  const Below& below, uint64_t q) {
  if (below.err != 0) return AddError(page, below.err);
  if (below.map != nullptr) return AddMapBelow(page, pages, below.map, q);
  if (!below.window) return AddChain(page);
  const DaxWindow& window = *below.window;
  uint64_t here = 0;
  if (q < window.pages) {
    AddRun(page, window.pfn.value() + q);
    here = window.pages - q;
  }
  // At the very end of the memory nothing is left; beyond it the kernel's
  // difference wraps, which is best left to the chain.
  if (here < pages && q + here == window.pages) {
    AddError(page + here, ERANGE);
    ++here;
  }
  if (here < pages) AddChain(page + here);
}

void CompiledMapBuilder::AddMapBelow(
    uint64_t page, uint64_t pages,
    const std::shared_ptr<const CompiledMap>& map, uint64_t q) {
  const uint64_t up = q - page;  // modulo 2^64: page + up is below's page
  const uint64_t inside =
      q < map->pages_ ? std::min(pages, map->pages_ - q) : 0;
  const auto add = [&](const auto& extents) {
    const size_t first = extents.Find(q);
    // A page makes one extent at most, so that counting them, another search
    // that misses the cache, is rarely needed.
    if (extents_ + inside > most_extents_ &&
        extents_ + (extents.Find(q + inside - 1) - first) > most_extents_) {
      AddSpecial(page, {.kind = Kind::kBelow, .offset = up, .below = map});
      return;
    }
    for (size_t i = first; extents[i].start < q + inside; ++i) {
      const auto& extent = extents[i];
      const uint64_t from = std::max<uint64_t>(extent.start, q);
      if (extent.value < extents.kSpecial) {
        AddRun(from - up, extent.value + (from - extent.start));
        continue;
      }
      const uint64_t number = extent.value - extents.kSpecial;
      if (number < CompiledMap::kErrors) {
        AddError(from - up, static_cast<int>(number));
      } else {
        Special special = map->specials_[number - CompiledMap::kErrors];
        special.offset += up;
        AddSpecial(from - up, std::move(special));
      }
    }
  };
  if (inside > 0) {
    map->narrow_ ? add(map->narrow_extents_) : add(map->wide_extents_);
  }
  if (inside == pages) return;
  // No row below has these pages, unless their sectors wrap.
  if (q + pages > kMostSectors) return AddChain(page + inside);
  AddError(page + inside, EIO);
}

void CompiledMapBuilder::AddSpecial(uint64_t page, Special special) {
  const size_t number = map_->specials_.size();
  map_->specials_.push_back(std::move(special));
  AddRun(page, FirstSpecial() + CompiledMap::kErrors + number);
}

void CompiledMapBuilder::AddError(uint64_t page, int err) {
  AddRun(page, FirstSpecial() + static_cast<uint64_t>(err));
}

uint64_t CompiledMapBuilder::FirstSpecial() const {
  return map_->narrow_ ? NarrowExtents::kSpecial : WideExtents::kSpecial;
}

void CompiledMapBuilder::AddChain(uint64_t page) {
  AddSpecial(page, {.kind = Kind::kChain});
}

}  // namespace dmdax
