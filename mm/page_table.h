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
// huge entry.  The top level is a map: address spaces are sparse.
//
// Mirrors: pgd_offset, pud_alloc, pmd_alloc, pte_alloc_map of mm/memory.c
// (6.1).  Threading: thread-compatible.
#ifndef DMDAX_MM_PAGE_TABLE_H_
#define DMDAX_MM_PAGE_TABLE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "base/fault_profile.h"
#include "mm/pte.h"

namespace dmdax {

class PtTable;

// A reference to one entry of one table; null when the table does not exist.
class PtSlot {
 public:
  PtSlot() = default;
  PtSlot(PtTable* table, size_t index) : table_(table), index_(index) {}

  // Whether there is a table that has this slot.
  explicit operator bool() const { return table_ != nullptr; }
  // pmd_none(): neither a huge entry nor a table.
  bool none() const;
  // A lower table hangs here.
  bool is_table() const;
  // A huge entry, or at the lowest level a page.
  bool is_leaf() const { return !none() && !is_table(); }

  Pte value() const;
  void Set(Pte value);
  // Removes the entry, or the table with everything below it.
  void Clear();

 private:
  friend class PageTable;
  PtTable* table_ = nullptr;
  size_t index_ = 0;
};

class PageTable {
 public:
  explicit PageTable(const FaultProfile& profile);
  ~PageTable();

  // The slot for `address`; a null slot when a table on the way is missing
  // and `alloc` is false, or when a huge entry is in the way.
  PtSlot Pud(uint64_t address, bool alloc);
  PtSlot Pmd(uint64_t address, bool alloc);
  PtSlot PteSlot(uint64_t address, bool alloc);

  // What maps `address`: the leaf slot and its order in pages.  Null when
  // nothing does.
  PtSlot Lookup(uint64_t address, int* order);

 private:
  PtTable* Below(PtSlot slot, size_t entries, bool alloc);

  const FaultProfile& profile_;
  std::map<uint64_t, std::unique_ptr<PtTable>> pgd_;  // by address >> shift
};

}  // namespace dmdax

#endif  // DMDAX_MM_PAGE_TABLE_H_
