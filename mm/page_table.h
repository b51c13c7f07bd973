// SPDX-License-Identifier: Apache-2.0
//
// PageTable: the radix tree of an address space, PGD, PUD, PMD, PTE.
//
//   PageTable table(profile);
//   PtSlot pmd = table.Pmd(address, /*alloc=*/true);
//   if (pmd.none()) pmd.Set(huge_entry);
//   table.PteSlot(address, /*alloc=*/true);   // null: the huge entry is there
//
// A slot of the upper levels is empty, points to the next table, or holds a
// huge entry.  The top level is a list: address spaces are sparse.
//
// Mirrors: pgd_offset, pud_alloc, pmd_alloc, pte_alloc_map of mm/memory.c
// (6.1).  Threading: thread-compatible.
#ifndef DMDAX_MM_PAGE_TABLE_H_
#define DMDAX_MM_PAGE_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/fault_profile.h"
#include "mm/pte.h"

namespace dmdax {

class PtTablePool;

// The entries, then a bit for each that says whether it is the address of the
// table below: an architecture may put anything into entries of its own.
class PtTable {
 public:
  // Of an entry that is no table.
  Pte word(size_t i) const { return Pte{words()[i]}; }
  void SetWord(size_t i, Pte value) { words()[i] = value.val; }
  bool none(size_t i) const { return words()[i] == 0; }
  bool is_table(size_t i) const {
    return tables_ > 0 && (bits()[i / kBits] >> i % kBits & 1) != 0;
  }
  PtTable* child(size_t i) const {
    return is_table(i) ? reinterpret_cast<PtTable*>(words()[i]) : nullptr;
  }
  // Of a slot that is empty.
  void SetChild(size_t i, PtTable* table) {
    words()[i] = reinterpret_cast<uint64_t>(table);
    bits()[i / kBits] |= uint64_t{1} << i % kBits;
    ++tables_;
  }
  void Clear(size_t i);

 private:
  friend class PtTablePool;
  static constexpr size_t kBits = 64;

  PtTable(PtTablePool* pool, size_t entries) : pool_(pool), entries_(entries) {}
  // Bytes of a table with so many entries.
  static size_t BytesOf(size_t entries) {
    return sizeof(PtTable) +
           (entries + (entries + kBits - 1) / kBits) * sizeof(uint64_t);
  }
  const uint64_t* words() const {
    return reinterpret_cast<const uint64_t*>(this + 1);
  }
  uint64_t* words() { return reinterpret_cast<uint64_t*>(this + 1); }
  const uint64_t* bits() const { return words() + entries_; }
  uint64_t* bits() { return words() + entries_; }

  PtTablePool* const pool_;
  const size_t entries_;
  size_t tables_ = 0;  // entries that are tables
};

// What tables come from, and go back to.  The first touch of 2 MiB by single
// pages makes a table, so each is one block, out of blocks of many; what a
// process gives back, the next one takes.
class PtTablePool {
 public:
  PtTablePool() = default;
  // All tables must have been deleted.
  ~PtTablePool();
  PtTablePool(const PtTablePool&) = delete;
  PtTablePool& operator=(const PtTablePool&) = delete;

  // A table of empty entries.
  PtTable* New(size_t entries);
  // And all tables below it.
  void Delete(PtTable* table);

 private:
  struct Block {
    void* data;
    size_t bytes;
  };
  void Grow();

  std::vector<Block> blocks_;
  std::vector<void*> free_;  // of tables with kPooled entries
};

// A reference to one entry of one table; null when the table does not exist.
class PtSlot {
 public:
  // kLowest: no table can hang here, which saves a look at the table.
  enum Level { kUpper, kLowest };

  PtSlot() = default;
  PtSlot(PtTable* table, size_t index, Level level = kUpper)
      : table_(table), place_(index | (level == kLowest ? kIsLowest : 0)) {}

  // Whether the slot exists.
  explicit operator bool() const { return table_ != nullptr; }
  // pmd_none(): neither a huge entry nor a table.
  bool none() const { return table_ == nullptr || table_->none(index()); }
  // A lower table hangs here.
  bool is_table() const {
    return (place_ & kIsLowest) == 0 && table_ != nullptr &&
           table_->is_table(place_);
  }
  // A huge entry, or at the lowest level a page.
  bool is_leaf() const { return !none() && !is_table(); }

  // 0 for a table.
  Pte value() const {
    return table_ == nullptr || is_table() ? Pte{} : table_->word(index());
  }
  // A table that was there goes, with everything below it.
  void Set(Pte value) {
    if (is_table()) table_->Clear(index());
    table_->SetWord(index(), value);
  }
  // Removes the entry, or the table with everything below it.
  void Clear() {
    if (table_ != nullptr) table_->Clear(index());
  }

 private:
  friend class PageTable;
  static constexpr size_t kIsLowest = ~(~size_t{0} >> 1);
  size_t index() const { return place_ & ~kIsLowest; }

  PtTable* table_ = nullptr;
  // The index and the level, in one word: a slot is handed on in registers, and
  // a processor waits when it loads a word that was stored in two halves.
  size_t place_ = 0;
};

class PageTable {
 public:
  // Tables come from `pool`, which must live on, or from one of its own.
  explicit PageTable(const FaultProfile& profile, PtTablePool* pool = nullptr);
  ~PageTable();
  PageTable(const PageTable&) = delete;
  PageTable& operator=(const PageTable&) = delete;

  // The slot for `address`; a null slot when a table on the way is missing
  // and `alloc` is false, or when a huge entry is in the way.
  PtSlot Pud(uint64_t address, bool alloc) {
    PtTable* table = TopOf(address, alloc);
    return table == nullptr ? PtSlot() : PtSlot(table, PudIndex(address));
  }
  PtSlot Pmd(uint64_t address, bool alloc) {
    return PmdOf(Pud(address, alloc), address, alloc);
  }
  PtSlot PteSlot(uint64_t address, bool alloc) {
    return PteOf(Pmd(address, alloc), address, alloc);
  }
  // The same from a slot that was found before.
  PtSlot PmdOf(PtSlot pud, uint64_t address, bool alloc) {
    PtTable* table = Below(pud, pmds_, alloc);
    return table == nullptr ? PtSlot() : PtSlot(table, PmdIndex(address));
  }
  PtSlot PteOf(PtSlot pmd, uint64_t address, bool alloc) {
    PtTable* table = Below(pmd, ptes_, alloc);
    return table == nullptr ? PtSlot()
                            : PtSlot(table, PteIndex(address), PtSlot::kLowest);
  }

  // What maps `address`: the leaf slot and its order in pages.  Null when
  // nothing does; the order is 0 then.
  PtSlot Lookup(uint64_t address, int* order) {
    *order = 0;
    PtTable* table = TopOf(address, /*alloc=*/false);
    if (table == nullptr) return PtSlot();
    size_t i = PudIndex(address);
    PtTable* below = table->child(i);
    if (below == nullptr) {
      if (table->none(i)) return PtSlot();
      *order = pud_shift_ - page_shift_;
      return PtSlot(table, i);
    }
    table = below;
    i = PmdIndex(address);
    below = table->child(i);
    if (below == nullptr) {
      if (table->none(i)) return PtSlot();
      *order = pmd_shift_ - page_shift_;
      return PtSlot(table, i);
    }
    i = PteIndex(address);
    return below->none(i) ? PtSlot() : PtSlot(below, i, PtSlot::kLowest);
  }

 private:
  // 512 PUDs hang at one entry of the top level.
  static constexpr int kTopBits = 9;

  struct Top {
    uint64_t number;  // address >> shift
    PtTable* table;
  };
  size_t PudIndex(uint64_t address) const {
    return (address >> pud_shift_) & ((size_t{1} << kTopBits) - 1);
  }
  size_t PmdIndex(uint64_t address) const {
    return (address >> pmd_shift_) & (pmds_ - 1);
  }
  size_t PteIndex(uint64_t address) const {
    return (address >> page_shift_) & (ptes_ - 1);
  }
  // What is there is found without a call: a fault walks down three times.
  PtTable* TopOf(uint64_t address, bool alloc) {
    const uint64_t number = address >> (pud_shift_ + kTopBits);
    const Top& recent = recent_[number % kRecent];
    return recent.table != nullptr && recent.number == number
               ? recent.table
               : FindTop(number, alloc);
  }
  PtTable* Below(PtSlot slot, size_t entries, bool alloc) {
    if (!slot) return nullptr;
    PtTable* child = slot.table_->child(slot.index());
    if (child != nullptr || !alloc) return child;
    return NewBelow(slot, entries);
  }
  PtTable* FindTop(uint64_t number, bool alloc);
  // Null where a huge entry is.
  PtTable* NewBelow(PtSlot slot, size_t entries);

  const int pud_shift_, pmd_shift_, page_shift_;
  const size_t pmds_, ptes_;  // in a table
  PtTablePool own_pool_;
  PtTablePool& pool_;
  std::vector<Top> tops_;
  // Of tops_, from which only the destructor takes: a place for each of
  // neighbours, as a mapping of terabytes has them.
  static constexpr size_t kRecent = 16;
  Top recent_[kRecent] = {};
};

}  // namespace dmdax

#endif  // DMDAX_MM_PAGE_TABLE_H_
