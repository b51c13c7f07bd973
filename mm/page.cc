// SPDX-License-Identifier: Apache-2.0
#include "mm/page.h"

#include <algorithm>
#include <iterator>
#include <memory>

#include "base/round_up.h"

namespace dmdax {
namespace {

// Ordinary memory lies below 2 GiB: no device memory of a PC does.
constexpr uint64_t kRamEnd = uint64_t{2} << 30;
constexpr uint64_t kFirstRam = uint64_t{64} << 20;

constexpr uint64_t kStructPageSize = 64;
// VMEMMAP_RESERVE_NR: pages of struct pages that are never shared.
constexpr uint64_t kVmemmapReserveNr = 2;

}  // namespace

uint64_t UniqueStructPages(const FaultProfile& profile,
                           const DevPagemap& pgmap) {
  const uint64_t nr = uint64_t{1} << pgmap.vmemmap_shift;
  const uint64_t per_page = profile.page_size() / kStructPageSize;
  const uint64_t reserved = kVmemmapReserveNr * per_page;
  return pgmap.optimize_vmemmap && nr > reserved ? reserved : nr;
}

MemMap::MemMap(const FaultProfile& profile) : profile_(profile) {
  zero_pfn_ = pfn_t((uint64_t{32} << 20) >> profile.page_shift);
  huge_zero_pfn_ = pfn_t(profile.pmd_nr());
  next_ram_ = kFirstRam >> profile.page_shift;
}

std::unique_ptr<MemMap> MemMap::Idle() const {
  auto idle = std::make_unique<MemMap>(profile_);
  for (const auto& [start, pgmap] : pagemaps_) idle->AddPagemap(*pgmap);
  idle->next_ram_ = next_ram_;
  return idle;
}

DevPagemap* MemMap::AddPagemap(const DevPagemap& pgmap) {
  return pagemaps_.emplace(pgmap.start, std::make_unique<DevPagemap>(pgmap))
      ->second.get();
}

void MemMap::RemovePagemap(DevPagemap* pgmap) {
  const auto [first, last] = pagemaps_.equal_range(pgmap->start);
  const auto it = std::find_if(first, last, [&](const auto& entry) {
    return entry.second.get() == pgmap;
  });
  if (it != last) pagemaps_.erase(it);
}

DevPagemap* MemMap::FindPagemap(pfn_t pfn) const {
  const auto after = pagemaps_.upper_bound(pfn);
  if (after == pagemaps_.begin()) return nullptr;
  DevPagemap* pgmap = std::prev(after)->second.get();
  return pfn - pgmap->start < pgmap->nr ? pgmap : nullptr;
}

DevPagemap* MemMap::GetDevPagemap(pfn_t pfn) {
  DevPagemap* pgmap = FindPagemap(pfn);
  if (pgmap == nullptr || !pgmap->ref_live) return nullptr;
  ++pgmap->refs;
  return pgmap;
}

bool MemMap::IsRam(pfn_t pfn) const {
  return pfn.value() < (kRamEnd >> profile_.page_shift);
}

bool MemMap::PfnValid(pfn_t pfn) const {
  return IsRam(pfn) || FindPagemap(pfn) != nullptr;
}

pfn_t MemMap::AllocRam(int order) {
  const uint64_t nr = uint64_t{1} << order;
  next_ram_ = RoundUp(next_ram_, nr);
  // What the buddy allocator hands out piece by piece does not lie in a row.
  if (nr < profile_.pmd_nr() && next_ram_ % profile_.pmd_nr() == 0) {
    next_ram_ += nr;
  }
  const pfn_t first(next_ram_);
  next_ram_ += nr;
  return first;
}

MemMap::Folio MemMap::FolioOf(pfn_t pfn) const {
  const DevPagemap* pgmap = FindPagemap(pfn);
  if (pgmap != nullptr && pgmap->vmemmap_shift > 0) {
    // Folios are laid out from the start of the range.
    const int shift = pgmap->vmemmap_shift;
    const uint64_t offset = pfn - pgmap->start;
    return {pgmap->start + ((offset >> shift) << shift), shift};
  }
  auto it = folios_.upper_bound(pfn.value());
  if (it == folios_.begin()) return {pfn, 0};
  --it;
  if (pfn.value() - it->first < (uint64_t{1} << it->second)) {
    return {pfn_t(it->first), it->second};
  }
  return {pfn, 0};
}

void MemMap::MakeFolio(pfn_t head, int order) { folios_[head.value()] = order; }

void MemMap::SplitFolio(pfn_t head) { folios_.erase(head.value()); }

int MemMap::IdleRefcount(pfn_t pfn) const {
  const DevPagemap* pgmap = FindPagemap(pfn);
  if (pgmap == nullptr) return 1;
  return pgmap->type == MemoryType::kFsDax ? profile_.fsdax_idle_refcount
                                           : profile_.devdax_idle_refcount;
}

int MemMap::Refcount(pfn_t pfn) const {
  const pfn_t head = FolioHead(pfn);
  auto it = pages_.find(head.value());
  return IdleRefcount(head) + (it == pages_.end() ? 0 : it->second.refs);
}

int MemMap::Mapcount(pfn_t pfn) const {
  auto it = pages_.find(FolioHead(pfn).value());
  return it == pages_.end() ? 0 : it->second.mapcount;
}

void MemMap::Get(pfn_t pfn, int n) { pages_[FolioHead(pfn).value()].refs += n; }

void MemMap::Put(pfn_t pfn, int n) {
  const pfn_t head = FolioHead(pfn);
  PageState& page = pages_[head.value()];
  page.refs -= n;
  const int count = IdleRefcount(head) + page.refs;
  if (count > 0) return;
  // Memory of a device is never freed: a count that rests at 1 is set again,
  // one that rests at 0 is right already.
  if (IsRam(head)) {
    pages_.erase(head.value());
  } else if (IdleRefcount(head) == 1) {
    page.refs = 0;
  }
}

void MemMap::AddMapcount(pfn_t pfn, int n) {
  pages_[FolioHead(pfn).value()].mapcount += n;
}

bool MemMap::SharedByFork(pfn_t pfn) const {
  auto it = pages_.find(pfn.value());
  return it != pages_.end() && it->second.forked && Refcount(pfn) > 1;
}

void MemMap::ShareByFork(pfn_t pfn) { pages_[pfn.value()].forked = true; }

bool MemMap::HwPoison(pfn_t pfn) const {
  auto it = pages_.find(pfn.value());
  return it != pages_.end() && it->second.hwpoison;
}

void MemMap::SetHwPoison(pfn_t pfn, bool on) {
  pages_[pfn.value()].hwpoison = on;
}

}  // namespace dmdax
