// SPDX-License-Identifier: Apache-2.0
//
// ExtentTable: which extent holds a page; the index of a CompiledMap.
//
//   NarrowExtents extents;
//   extents.Add(0, 1000);            // pages from 0 on: frames from 1000 on
//   extents.Add(16, 5000);           // pages from 16 on
//   extents.Finish(64);              // the device has 64 pages
//   size_t i = extents.Find(20);     // 1
//   extents[i].value + (20 - extents[i].start);  // 5004: the frame
//   extents[i + 1].start - 20;                   // 44: pages to its end
//
// Extents adjoin, so an extent ends where the next one starts.  A value from
// kSpecial on is no frame; its meaning is the owner's.
//
// The index is chosen when the table is finished:
//
//   one extent    none
//   equal sizes   a multiplication
//   otherwise     a directory with a slot every 2^shift pages: the extent that
//                 holds the slot's first page, from which the search goes on
//                   kFine    up to 2^16 extents: 16-bit slots, up to sixteen
//                            an extent, so that most searches are over where
//                            they begin
//                   kCoarse  32-bit slots, about one an extent
//                   kDense   a slot with many extents has a directory of its
//                            own
//
// Why not a tree: pages are numbers, so the place to look at can be computed.
// A query touches two cache lines, a directory slot and an extent, whatever the
// size.  A B-tree of a million rows touches seven, and mispredicts a jump at
// each (the benchmark family `targets:N`, contender `kernel`).  Why a plain
// loop from there: with fine slots its jumps are predicted, so the next step
// does not wait for memory.  A comparison of eight starts at a time (with AVX2
// or AVX-512) never mispredicts, but is slower among 64 extents, and slower
// still when a query waits for the one before (measured with
// `targets:64/latency`).
//
// Word is the width of pages and frames: 32 bits (up to 16 TiB) or 64.
// Threading: immutable once finished.
#ifndef DMDAX_DM_MAP_EXTENT_TABLE_H_
#define DMDAX_DM_MAP_EXTENT_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <vector>

#include "base/column.h"
#include "base/reciprocal.h"
#include "dm/map/run_search.h"

namespace dmdax {

enum class ExtentShape : uint8_t { kOne, kEqual, kFine, kCoarse, kDense };

template <typename Word>
class ExtentTable {
 public:
  using Entry = ExtentEntry<Word>;
  // 15/16 of the range are frames.
  static constexpr Word kSpecial =
      static_cast<Word>(~Word{0} << (sizeof(Word) * 8 - 4));

  // Finish() gives back memory that was not used; it was never touched.
  void Reserve(size_t extents) { entries_.Reserve(extents + kSearchPadding); }
  // `start` ascends strictly, beginning with 0.
  void Add(uint64_t start, uint64_t value) {
    entries_.push_back({static_cast<Word>(start), static_cast<Word>(value)});
  }
  // No more extents: the last one ends at `pages`.  At least one was added.
  void Finish(uint64_t pages);

  size_t size() const { return size_; }
  const Entry& operator[](size_t i) const { return entries_[i]; }
  const Entry* entries() const { return entries_.data(); }

  ExtentShape shape() const { return shape_; }
  // Whether no value is special; only kFine says so.
  bool only_frames() const { return only_frames_; }

  // The extent that holds `page`, which is below the table's end.
  size_t Find(uint64_t page) const {
    switch (shape_) {
      case ExtentShape::kOne:
        return FindIn<ExtentShape::kOne>(page);
      case ExtentShape::kEqual:
        return FindIn<ExtentShape::kEqual>(page);
      case ExtentShape::kFine:
        return FindIn<ExtentShape::kFine>(page);
      case ExtentShape::kCoarse:
        return FindIn<ExtentShape::kCoarse>(page);
      case ExtentShape::kDense:
        break;
    }
    return FindIn<ExtentShape::kDense>(page);
  }

  // Find() where the shape is known.
  template <ExtentShape kShape>
  size_t FindIn(uint64_t page) const {
    return finder<kShape>()(page);
  }

  // FindIn() as an object of few words, which a loop can keep in registers.
  // The table must live on.
  template <ExtentShape kShape>
  class Finder {
   public:
    explicit Finder(const ExtentTable& table)
        : entries_(table.entries_.data()), shift_(table.shift_) {
      if constexpr (kShape == ExtentShape::kEqual) equal_ = table.equal_;
      if constexpr (kShape == ExtentShape::kFine) slots_ = table.fine_.data();
      if constexpr (kCoarse) slots_ = table.directory_.data();
      if constexpr (kShape == ExtentShape::kDense) table_ = &table;
    }

    size_t operator()(uint64_t page) const {
      if constexpr (kShape == ExtentShape::kOne) return 0;
      if constexpr (kShape == ExtentShape::kEqual) {
        return equal_.Divide(page).quotient;
      }
      size_t i = slots_[page >> shift_];
      if constexpr (kShape == ExtentShape::kDense) {
        if (i & kDenseSlot) {
          i = table_->FindDense(table_->dense_[i & ~size_t{kDenseSlot}], page);
        }
      }
      while (entries_[i + 1].start <= page) ++i;
      return i;
    }

   private:
    static constexpr bool kCoarse =
        kShape == ExtentShape::kCoarse || kShape == ExtentShape::kDense;
    const Entry* entries_;
    uint32_t shift_;
    Reciprocal equal_;
    const std::conditional_t<kCoarse, uint32_t, uint16_t>* slots_ = nullptr;
    const ExtentTable* table_ = nullptr;
  };
  template <ExtentShape kShape>
  Finder<kShape> finder() const {
    return Finder<kShape>(*this);
  }

  // Where the search for a page begins; of the coarse shapes.
  uint32_t StartOf(uint64_t page) const {
    const uint32_t slot = directory_[page >> shift_];
    return slot & kDenseSlot ? static_cast<uint32_t>(
                                   FindDense(dense_[slot & ~kDenseSlot], page))
                             : slot;
  }

  // The directory of kFine, with a slot every 2^shift() pages.
  const uint16_t* fine_slots() const { return fine_.data(); }
  uint32_t shift() const { return shift_; }

  // Two steps of FindIn(), for a caller that overlaps several searches (see
  // TranslateBatch).  It helps only tables of the coarse shapes, which are
  // large.
  void PrefetchSlot(uint64_t page) const {
    if (shape_ >= ExtentShape::kCoarse) {
      __builtin_prefetch(&directory_[page >> shift_]);
    }
  }
  void PrefetchEntry(uint64_t page) const {
    if (shape_ < ExtentShape::kCoarse) return;
    const uint32_t slot = directory_[page >> shift_];
    if (!(slot & kDenseSlot)) __builtin_prefetch(&entries_[slot + 1]);
  }

  size_t MemoryBytes() const {
    return entries_.capacity() * sizeof(Entry) +
           fine_.capacity() * sizeof(uint16_t) +
           directory_.capacity() * sizeof(uint32_t) +
           dense_slots_.capacity() * sizeof(uint32_t) +
           dense_.capacity() * sizeof(Dense);
  }

 private:
  // A directory slot whose pages are in many extents.
  struct Dense {
    uint64_t first_page;
    uint32_t first_slot;  // in dense_slots_
    uint32_t shift;
  };
  static constexpr uint32_t kDenseSlot = uint32_t{1} << 31;
  // More extents than this in a slot make it dense.
  static constexpr size_t kScan = 8;

  bool AllEqual() const;
  void MakeFine(uint64_t pages);
  void MakeDirectory(uint64_t pages);
  // The extent that holds the first page of every slot of 2^shift_ pages.
  template <typename Slot>
  void FillSlots(uint64_t pages, Column<Slot>* slots) const;
  // Calls fn(slot, first, last) for the slots of `slots` whose pages are in
  // more than 2 * kScan extents, first to last.
  template <typename Slot, typename Fn>
  void ForEachCrowd(const Column<Slot>& slots, const Fn& fn) const;
  uint32_t MakeDense(uint64_t first_page, size_t first, size_t last);
  size_t FindDense(const Dense& dense, uint64_t page) const;

  ExtentShape shape_ = ExtentShape::kOne;
  bool only_frames_ = false;
  uint32_t shift_ = 0;
  size_t size_ = 0;
  // And one more whose start is the table's end, and padding.
  Column<Entry> entries_;
  Column<uint16_t> fine_;
  Column<uint32_t> directory_;
  Reciprocal equal_;
  std::vector<Dense> dense_;
  Column<uint32_t> dense_slots_;
};

using NarrowExtents = ExtentTable<uint32_t>;
using WideExtents = ExtentTable<uint64_t>;
extern template class ExtentTable<uint32_t>;
extern template class ExtentTable<uint64_t>;

}  // namespace dmdax

#endif  // DMDAX_DM_MAP_EXTENT_TABLE_H_
