// SPDX-License-Identifier: Apache-2.0
#include "dm/extent_table.h"

#include <algorithm>

namespace dmdax {

namespace {

// Slots of a fine directory that cost nothing worth mentioning.
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
  if (n == 1) {
    shape_ = ExtentShape::kOne;
  } else if (equal && pages - entries_[n - 1].start <= entries_[1].start) {
    shape_ = ExtentShape::kEqual;
    equal_ = Reciprocal(entries_[1].start);
  } else if (n <= size_t{1} << 16) {
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

template <typename Word>
template <typename Fn>
void ExtentTable<Word>::ForEachSlot(uint64_t pages, const Fn& fn) const {
  const uint64_t slots = ((pages - 1) >> shift_) + 1;
  size_t i = 0;
  for (uint64_t slot = 0; slot < slots; ++slot) {
    const uint64_t page = slot << shift_;
    while (entries_[i + 1].start <= page) ++i;
    size_t last = i;
    const uint64_t end = page + (uint64_t{1} << shift_);
    while (last + 1 < size_ && entries_[last + 1].start < end) ++last;
    fn(slot, Crowd{i, last - i});
    i = last;
  }
}

// 5 bytes an extent, or 16 KiB; a table that is too crowded for that gets
// the other directory.
template <typename Word>
void ExtentTable<Word>::MakeFine(uint64_t pages) {
  const uint64_t slots = std::max<uint64_t>(
      size_ * 5 / 2, std::min<uint64_t>(kFreeSlots, size_ * kMostFineSlots));
  shift_ = ShiftFor(pages, slots + 1);
  fine_.reserve(((pages - 1) >> shift_) + 1);
  size_t most = 0;
  ForEachSlot(pages, [&](uint64_t, Crowd crowd) {
    fine_.push_back(static_cast<uint16_t>(crowd.first));
    most = std::max(most, crowd.more);
  });
  if (most <= 2 * kScan) {
    shape_ = ExtentShape::kFine;
  } else {
    HugeVector<uint16_t>().swap(fine_);
    MakeDirectory(pages);
  }
}

template <typename Word>
void ExtentTable<Word>::MakeDirectory(uint64_t pages) {
  // At most 1.25 slots an extent: 5 bytes.  More slots save steps of the
  // search but cost cache, which is dearer from a million extents on.
  shift_ = ShiftFor(pages, size_ + size_ / 4 + 1);
  directory_.reserve(((pages - 1) >> shift_) + 1);
  ForEachSlot(pages, [&](uint64_t slot, Crowd crowd) {
    directory_.push_back(
        crowd.more > 2 * kScan
            ? MakeDense(slot << shift_, crowd.first, crowd.first + crowd.more)
            : static_cast<uint32_t>(crowd.first));
  });
  shape_ = dense_.empty() ? ExtentShape::kCoarse : ExtentShape::kDense;
  dense_.shrink_to_fit();
  dense_slots_.shrink_to_fit();
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
  // And one slot more, for the upper end of a search in the last.
  for (uint64_t slot = 0; slot <= span >> shift; ++slot) {
    const uint64_t page = first_page + (slot << shift);
    while (i < last && entries_[i + 1].start <= page) ++i;
    dense_slots_.push_back(static_cast<uint32_t>(i));
  }
  return kDenseSlot | static_cast<uint32_t>(dense_.size() - 1);
}

// The slots of a dense part may be crowded in turn; the bounds they give are
// searched by halves.
template <typename Word>
size_t ExtentTable<Word>::FindDense(const Dense& dense, uint64_t page) const {
  const size_t slot =
      dense.first_slot + ((page - dense.first_page) >> dense.shift);
  const size_t low = dense_slots_[slot];
  const size_t high = dense_slots_[slot + 1];
  if (high - low <= kScan) return low;
  const auto next = std::upper_bound(
      entries_.begin() + static_cast<ptrdiff_t>(low) + 1,
      entries_.begin() + static_cast<ptrdiff_t>(high) + 1, page,
      [](uint64_t p, const Entry& entry) { return p < entry.start; });
  return static_cast<size_t>(next - entries_.begin()) - 1;
}

template class ExtentTable<uint32_t>;
template class ExtentTable<uint64_t>;

}  // namespace dmdax
