// SPDX-License-Identifier: Apache-2.0
//
// ExtentTable: which extent holds a page; the index of a CompiledMap.
//
//   NarrowExtents extents;
//   extents.Add(0, 1000);            // pages from 0 on: frames from 1000 on
//   extents.Add(16, 5000);           // pages from 16 on
//   extents.Finish(64);              // the device has 64 pages
//   size_t i = extents.Find(20);     // 1
//   extents[i].value + (20 - extents[i].start);    // frame 5004
//   extents[i + 1].start - 20;       // 44 pages to its end
//
// Extents adjoin, so a length is the next one's start.  A value from kSpecial
// on is a number of the owner's instead of a frame.
//
// The index is chosen when the table is finished:
//
//   one extent    none
//   equal sizes   a multiplication
//   otherwise     a directory with a slot every 2^shift pages: the extent that
//                 holds the slot's first page, from which the search goes on.
//                 A slot with many extents has a directory of its own.
//
// Why not a tree: pages are numbers, so the place to look at can be computed.
// A directory slot and an extent are two cache lines whatever the size; a
// B-tree of a million rows is seven, with a jump that is mispredicted at each
// (305 against 48 ns for the whole call, throughput).
//
// Word is the width of pages and frames: 32 bits (up to 16 TiB) or 64.
// Threading: immutable once finished.
#ifndef DMDAX_DM_EXTENT_TABLE_H_
#define DMDAX_DM_EXTENT_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/reciprocal.h"

namespace dmdax {

template <typename Word>
class ExtentTable {
 public:
  struct Entry {
    Word start, value;
  };
  // 15/16 of the range are frames.
  static constexpr Word kSpecial =
      static_cast<Word>(~Word{0} << (sizeof(Word) * 8 - 4));

  void Reserve(size_t extents) { entries_.reserve(extents + kScan); }
  // `start` ascends strictly, beginning with 0.
  void Add(uint64_t start, uint64_t value) {
    entries_.push_back({static_cast<Word>(start), static_cast<Word>(value)});
  }
  // No more extents: the last one ends at `pages`.  At least one was added.
  void Finish(uint64_t pages);

  size_t size() const { return size_; }
  const Entry& operator[](size_t i) const { return entries_[i]; }
  const Entry* entries() const { return entries_.data(); }

  // The extent that holds `page`, which is below the table's end.
  size_t Find(uint64_t page) const {
    if (shape_ == Shape::kRadix) {
      const uint32_t slot = directory_[page >> shift_];
      size_t i = slot;
      if (slot & kDense) [[unlikely]]
        i = FindDense(dense_[slot & ~kDense], page);
      while (entries_[i + 1].start <= page) ++i;
      return i;
    }
    return shape_ == Shape::kOne ? 0 : equal_.Divide(page).quotient;
  }

  // Find() without a jump that depends on the page: counts the starts passed
  // among the most that any slot has.  A batch of random pages over 64
  // runs takes 4.9 ns each instead of 8.9; a single query rather guesses.
  size_t FindCounting(uint64_t page) const {
    if (shape_ != Shape::kRadix) return Find(page);
    const uint32_t slot = directory_[page >> shift_];
    if (slot & kDense) [[unlikely]]
      return Find(page);
    size_t i = slot;
    for (uint32_t k = 1; k <= scan_; ++k) {
      i += entries_[slot + k].start <= page ? 1 : 0;
    }
    return i;
  }

  // Two steps of Find() for whoever overlaps several: see TranslateBatch.
  void PrefetchSlot(uint64_t page) const {
    if (shape_ == Shape::kRadix)
      __builtin_prefetch(&directory_[page >> shift_]);
  }
  void PrefetchEntry(uint64_t page) const {
    if (shape_ == Shape::kRadix) {
      const uint32_t slot = directory_[page >> shift_];
      if (!(slot & kDense)) __builtin_prefetch(&entries_[slot]);
    } else {
      __builtin_prefetch(&entries_[Find(page)]);
    }
  }

  size_t MemoryBytes() const {
    return entries_.capacity() * sizeof(Entry) +
           directory_.capacity() * sizeof(uint32_t) +
           dense_slots_.capacity() * sizeof(uint32_t) +
           dense_.capacity() * sizeof(Dense);
  }

 private:
  enum class Shape : uint8_t { kOne, kEqual, kRadix };
  // A directory slot whose pages are in many extents.
  struct Dense {
    uint64_t first_page;
    uint32_t first_slot;  // in dense_slots_
    uint32_t shift;
  };
  static constexpr uint32_t kDense = uint32_t{1} << 31;
  // More extents than this in a slot make it dense.
  static constexpr size_t kScan = 8;

  bool AllEqual() const;
  void MakeDirectory(uint64_t pages);
  uint32_t MakeDense(uint64_t first_page, size_t first, size_t last);
  size_t FindDense(const Dense& dense, uint64_t page) const;

  Shape shape_ = Shape::kOne;
  uint32_t shift_ = 0;
  uint32_t scan_ = 0;  // most extents that a slot's search passes
  size_t size_ = 0;
  // And kScan more whose start is the table's end.
  std::vector<Entry> entries_;
  std::vector<uint32_t> directory_;
  Reciprocal equal_;
  std::vector<Dense> dense_;
  std::vector<uint32_t> dense_slots_;
};

using NarrowExtents = ExtentTable<uint32_t>;
using WideExtents = ExtentTable<uint64_t>;
extern template class ExtentTable<uint32_t>;
extern template class ExtentTable<uint64_t>;

}  // namespace dmdax

#endif  // DMDAX_DM_EXTENT_TABLE_H_
