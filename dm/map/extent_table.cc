// SPDX-License-Identifier: Apache-2.0
#include "dm/map/extent_table.h"

#include <algorithm>

namespace dmdax {

namespace {

// A fine directory of so many slots (16 KiB) is made even for a few extents.
constexpr uint64_t kFreeSlots = (16 << 10) / sizeof(uint16_t);
constexpr uint64_t kMostFineSlots = 16;  // an extent

// The least shift that makes at most `most` slots of `pages`.
uint32_t ShiftFor(uint64_t pages, uint64_t most) {
  uint32_t shift = 0;
  while (((pages - 1) >> shift) + 1 > most) ++shift;
  return shift;
}

}  // namespace

template <typename Word>
void ExtentTable<Word>::Finish(uint64_t pages) {
  const bool equal = AllEqual();
  const size_t n = entries_.size();
  size_ = n;
  entries_.push_back({static_cast<Word>(pages), kSpecial});
  for (size_t i = 1; i < kSearchPadding; ++i) {
    entries_.push_back({static_cast<Word>(~Word{0}), kSpecial});
  }
  entries_.ShrinkToFit();
  if (n == 1) {
    shape_ = ExtentShape::kOne;
  } else if (equal && pages - entries_[n - 1].start <= entries_[1].start) {
    shape_ = ExtentShape::kEqual;
    equal_ = Reciprocal(entries_[1].start);
  } else if (n <= size_t{1} << 16) {
    only_frames_ =
        std::none_of(entries_.data(), entries_.data() + n,
                     [](const Entry& e) { return e.value >= kSpecial; });
    MakeFine(pages);
  } else {
    MakeDirectory(pages);
  }
}

// Whether extent i begins at i times the first one's size.
template <typename Word>
bool ExtentTable<Word>::AllEqual() const {
  if (entries_.size() < 2) return true;
  const uint64_t size = entries_[1].start;
  for (size_t i = 2; i < entries_.size(); ++i) {
    if (entries_[i].start != i * size) return false;
  }
  return true;
}

// Each extent is written to the first slot that begins in it or after it; where
// several write, the last one is right.  A slot that nobody wrote belongs to
// the extent of the slot before.  The obvious way, to look for the extent of
// each slot, is as short but mispredicts a jump at every other slot (measured
// with the benchmark family `load:N`).
template <typename Word>
template <typename Slot>
void ExtentTable<Word>::FillSlots(uint64_t pages, Column<Slot>* slots) const {
  const uint64_t n = ((pages - 1) >> shift_) + 1;
  // One more slot is for extents that begin after the first page of the last
  // slot.
  slots->Resize(n + 1);
  std::fill_n(slots->data(), n + 1, Slot{0});
  const uint64_t round_up = (uint64_t{1} << shift_) - 1;
  for (size_t i = 0; i < size_; ++i) {
    (*slots)[(uint64_t{entries_[i].start} + round_up) >> shift_] =
        static_cast<Slot>(i);
  }
  Slot extent = 0;
  for (uint64_t slot = 0; slot < n; ++slot) {
    extent = std::max(extent, (*slots)[slot]);
    (*slots)[slot] = extent;
  }
  slots->Resize(n);
}

template <typename Word>
template <typename Slot, typename Fn>
void ExtentTable<Word>::ForEachCrowd(const Column<Slot>& slots,
                                     const Fn& fn) const {
  const size_t n = slots.size();
  size_t i = 0;
  for (uint64_t slot = 0; slot < n; ++slot) {
    // The search of a slot ends at the next one's first extent, or before it.
    const size_t next = slot + 1 < n ? slots[slot + 1] : size_ - 1;
    if (next - i > 2 * kScan) [[unlikely]] {
      const uint64_t end = (slot + 1) << shift_;
      const size_t last = next - (entries_[next].start == end ? 1 : 0);
      if (last - i > 2 * kScan) fn(slot, i, last);
    }
    i = next;
  }
}

// 5 bytes an extent, or 16 KiB; a table that is too crowded for that gets
// the other directory.
template <typename Word>
void ExtentTable<Word>::MakeFine(uint64_t pages) {
  const uint64_t slots = std::max<uint64_t>(
      size_ * 5 / 2, std::min<uint64_t>(kFreeSlots, size_ * kMostFineSlots));
  shift_ = ShiftFor(pages, slots + 1);
  FillSlots(pages, &fine_);
  bool crowded = false;
  ForEachCrowd(fine_, [&](uint64_t, size_t, size_t) { crowded = true; });
  if (!crowded) {
    shape_ = ExtentShape::kFine;
  } else {
    fine_ = Column<uint16_t>();
    MakeDirectory(pages);
  }
}

template <typename Word>
void ExtentTable<Word>::MakeDirectory(uint64_t pages) {
  // At most 1.25 slots an extent, which is 5 bytes.  More slots would save
  // steps of the search but cost cache, which matters more from a million
  // extents on.
  shift_ = ShiftFor(pages, size_ + size_ / 4 + 1);
  FillSlots(pages, &directory_);
  ForEachCrowd(directory_, [&](uint64_t slot, size_t first, size_t last) {
    directory_[slot] = MakeDense(slot << shift_, first, last);
  });
  shape_ = dense_.empty() ? ExtentShape::kCoarse : ExtentShape::kDense;
  dense_.shrink_to_fit();
  dense_slots_.ShrinkToFit();
}

// Extents first .. last hold the slot's pages.
template <typename Word>
uint32_t ExtentTable<Word>::MakeDense(uint64_t first_page, size_t first,
                                      size_t last) {
  const uint64_t span = uint64_t{1} << shift_;
  uint32_t shift = 0;
  while ((span >> shift) > 2 * (last - first)) ++shift;
  dense_.push_back(
      {first_page, static_cast<uint32_t>(dense_slots_.size()), shift});
  size_t i = first;
  // The loop makes one slot more: a search in the last slot needs its upper
  // end.
  for (uint64_t slot = 0; slot <= span >> shift; ++slot) {
    const uint64_t page = first_page + (slot << shift);
    while (i < last && entries_[i + 1].start <= page) ++i;
    dense_slots_.push_back(static_cast<uint32_t>(i));
  }
  return kDenseSlot | static_cast<uint32_t>(dense_.size() - 1);
}

// The slots of a dense part may be crowded too; a binary search runs between
// the bounds that they give.
template <typename Word>
size_t ExtentTable<Word>::FindDense(const Dense& dense, uint64_t page) const {
  const size_t slot =
      dense.first_slot + ((page - dense.first_page) >> dense.shift);
  const size_t low = dense_slots_[slot];
  const size_t high = dense_slots_[slot + 1];
  if (high - low <= kScan) return low;
  const auto next = std::upper_bound(
      entries_.begin() + low + 1, entries_.begin() + high + 1, page,
      [](uint64_t p, const Entry& entry) { return p < entry.start; });
  return static_cast<size_t>(next - entries_.begin()) - 1;
}

template class ExtentTable<uint32_t>;
template class ExtentTable<uint64_t>;

}  // namespace dmdax
