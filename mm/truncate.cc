// SPDX-License-Identifier: Apache-2.0
#include "mm/truncate.h"

#include <algorithm>

#include "base/round_up.h"
#include "mm/mm_struct.h"

namespace dmdax {
namespace {

class Truncation {
 public:
  Truncation(const FaultProfile& profile, AddressSpace& mapping, uint64_t start,
             uint64_t end)
      : profile_(profile),
        mapping_(mapping),
        shift_(profile.page_shift),
        start_(start),
        end_(end) {}

  void Run() {
    uint64_t first = PageAfter(start_);
    uint64_t stop = end_ == kEndOfCache ? kEndOfCache : end_ >> shift_;
    const uint64_t at_start = start_ >> shift_;
    const uint64_t at_end = (end_ - 1) >> shift_;
    bool same_folio = at_start == at_end;
    if (mapping_.pages.contains(at_start)) {
      const auto [folio, order] = mapping_.Folio(at_start);
      const uint64_t next = folio + (uint64_t{1} << order);
      same_folio = at_end < next;
      if (!CutFolio(at_start)) {
        first = next;
        if (same_folio) stop = folio;
      }
    }
    if (!same_folio && mapping_.pages.contains(at_end)) {
      const uint64_t folio = mapping_.Folio(at_end).first;
      if (!CutFolio(at_end)) stop = folio;
    }
    if (first >= stop) return;
    mapping_.RemovePages(first, stop == kEndOfCache ? 0 : stop - first);
  }

 private:
  uint64_t PageAfter(uint64_t bytes) const {
    return RoundUp(bytes, profile_.page_size()) >> shift_;
  }

  // truncate_inode_partial_folio() of the folio of a page at an end of the
  // range.  False: it stays.
  bool CutFolio(uint64_t page) {
    const auto [folio, order] = mapping_.Folio(page);
    const uint64_t nr = uint64_t{1} << order;
    const uint64_t folio_end = (folio + nr) << shift_;
    const uint64_t from = std::max(folio << shift_, start_);
    const uint64_t to = std::min(folio_end, end_);
    if (to - from == nr << shift_) {
      mapping_.RemovePages(folio, nr);
      return true;
    }
    if (order == 0) return true;
    std::set<uint64_t>& dirty = mapping_.dirty;
    const bool cleans =
        mapping_.a_ops != nullptr && mapping_.a_ops->invalidation_cleans();
    if (cleans && PageAfter(from) < to >> shift_) {
      dirty.erase(dirty.lower_bound(PageAfter(from)),
                  dirty.lower_bound(to >> shift_));
    }
    const auto is_dirty = dirty.lower_bound(folio);
    if (is_dirty != dirty.end() && *is_dirty < folio + nr) {
      if (!profile_.dirty_folio_splits &&
          !mapping_.no_private.contains(folio)) {
        if (profile_.unsplit_folio_is_unmapped) {
          mapping_.UnmapMappingPages(folio, nr, EvenCows::kNo);
        }
        return false;
      }
      // Each piece is as dirty as the whole was.
      for (uint64_t i = folio; i < folio + nr; ++i) dirty.insert(i);
    }
    Split(folio, order, from >> shift_);
    if (!profile_.folio_splits_in_halves || to == folio_end) return true;
    const auto [rest, rest_order] = mapping_.Folio(to >> shift_);
    if (rest_order > 0) Split(rest, rest_order, to >> shift_);
    return true;
  }

  // folio_split() at `page`, or split_folio().
  void Split(uint64_t folio, int order, uint64_t page) {
    const uint64_t nr = uint64_t{1} << order;
    const bool no_private = mapping_.no_private.erase(folio) > 0;
    mapping_.folios.erase(folio);
    uint64_t first = folio;
    while (profile_.folio_splits_in_halves && order > 0) {
      --order;
      const uint64_t second = first + (uint64_t{1} << order);
      const uint64_t whole = page < second ? second : first;
      if (order > 0) mapping_.folios[whole] = order;
      if (order > 0 && no_private) mapping_.no_private.insert(whole);
      if (page >= second) first = second;
    }
    // PG_readahead stays with the first page.
    const uint64_t head = uint64_t{1} << mapping_.Folio(folio).second;
    std::set<uint64_t>& marks = mapping_.readahead;
    marks.erase(marks.lower_bound(folio + head), marks.lower_bound(folio + nr));
    mapping_.UnmapMappingPages(folio, nr, EvenCows::kNo);
  }

  const FaultProfile& profile_;
  AddressSpace& mapping_;
  const int shift_;
  const uint64_t start_, end_;
};

}  // namespace

void TruncateInodePagesRange(const FaultProfile& profile, AddressSpace& mapping,
                             uint64_t start, uint64_t end) {
  if (start >= end || mapping.pages.empty()) return;
  Truncation(profile, mapping, start, end).Run();
}

void InvalidateMappingPages(const MemMap& mem, AddressSpace& mapping) {
  for (auto at = mapping.pages.begin(); at != mapping.pages.end();) {
    const auto [first, order] = mapping.Folio(at->first);
    const uint64_t next = first + (uint64_t{1} << order);
    const auto dirty = mapping.dirty.lower_bound(first);
    const bool stays = (dirty != mapping.dirty.end() && *dirty < next) ||
                       mem.Mapcount(at->second) > 0;
    if (!stays) mapping.RemovePages(first, next - first);
    at = mapping.pages.lower_bound(next);
  }
}

}  // namespace dmdax
