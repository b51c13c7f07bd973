// SPDX-License-Identifier: Apache-2.0
//
// DaxEntries: the DAX entries of a file's mapping (i_pages).  An entry says
// which page or huge page of the file is in use, as what, and whether it is
// dirty.
//
//   DaxEntries::Grabbed grabbed = entries.Grab(index, /*order=*/9, unmap);
//   if (grabbed.entry == nullptr) return grabbed.fault;   // FALLBACK ...
//   grabbed.entry->pfn = pfn;             // what the device answered
//   grabbed.entry->flags &= ~DAX_EMPTY;
//   entries.Unlock(*grabbed.entry);
//
// An entry covers 4 KiB or a PMD. It is a real page frame, the zero page, or
// EMPTY, which exists only to be locked while the fault asks the file system.
//
// Mirrors: fs/dax.c grab_mapping_entry, dax_lock_entry,
// __dax_invalidate_entry, xas_find_marked of lib/xarray.c as far as the trace
// points show it (6.1; until 4.19 radix-tree exceptional entries).
// Threading: thread-compatible: the owner serialises, so no entry is ever
// found locked by somebody else.
#ifndef DMDAX_IOMAP_DAX_ENTRY_H_
#define DMDAX_IOMAP_DAX_ENTRY_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "absl/functional/function_ref.h"
#include "base/units.h"
#include "mm/vm_fault.h"

namespace dmdax {

// Flags of an entry.  A set of bits, XArray values since 4.20.
enum DaxEntryFlags : unsigned {
  DAX_LOCKED = 1 << 0,
  DAX_PMD = 1 << 1,
  DAX_ZERO_PAGE = 1 << 2,
  DAX_EMPTY = 1 << 3,
};

struct DaxEntry {
  uint64_t index = 0;  // first page; aligned to the order
  int order = 0;
  pfn_t pfn{};
  unsigned flags = 0;
  bool dirty = false;    // PAGECACHE_TAG_DIRTY
  bool towrite = false;  // PAGECACHE_TAG_TOWRITE

  bool is_zero() const { return (flags & DAX_ZERO_PAGE) != 0; }
  bool is_empty() const { return (flags & DAX_EMPTY) != 0; }
  bool is_pmd() const { return (flags & DAX_PMD) != 0; }
  // The XArray word: value << 1 | 1, without the lock bit.
  uint64_t raw() const {
    return ((pfn.value() << 4 | (flags & ~unsigned{DAX_LOCKED})) << 1) | 1;
  }
};

class DaxEntries {
 public:
  // Called to unmap [first, first + nr) of the file.
  using Unmap = std::function<void(uint64_t first, uint64_t nr)>;

  struct Grabbed {
    DaxEntry* entry = nullptr;  // locked
    vm_fault_t fault = 0;       // when null: FALLBACK
  };

  // In the order of the file.
  class Iterator {
   public:
    Iterator(const DaxEntries* entries, DaxEntry* at)
        : entries_(entries), at_(at) {}
    DaxEntry& operator*() const { return *at_; }
    Iterator& operator++() {
      at_ = entries_->AtOrAfter(at_->index + 1);
      return *this;
    }
    friend bool operator==(const Iterator&, const Iterator&) = default;

   private:
    const DaxEntries* entries_;
    DaxEntry* at_;
  };

  explicit DaxEntries(int pmd_order);
  ~DaxEntries();
  DaxEntries(const DaxEntries&) = delete;
  DaxEntries& operator=(const DaxEntries&) = delete;

  // grab_mapping_entry(): the entry at `index` of `order` (0 or the PMD's),
  // a larger real one, or a new EMPTY one; locked.  A PMD next to existing
  // single pages is a conflict: FALLBACK.  A zero or empty PMD is replaced
  // when a single page is asked for.
  Grabbed Grab(uint64_t index, int order,
               absl::FunctionRef<void(uint64_t first, uint64_t nr)> unmap);
  void Unlock(DaxEntry& entry) { entry.flags &= ~unsigned{DAX_LOCKED}; }

  // The entry that covers `index`, or null.  It stays where it is until it is
  // deleted.
  DaxEntry* Find(uint64_t index) const;
  // The first that begins at `index` or behind it, or null.
  DaxEntry* AtOrAfter(uint64_t index) const;
  // Whether an entry smaller than `order` lies in the range of `index`.
  bool Conflicts(uint64_t index, int order) const;
  // One that was read somewhere, at a multiple of its size; replaces what it
  // covers.
  void Insert(const DaxEntry& entry);

  // dax_delete_mapping_entry() for every entry that touches
  // [first, first + nr); nr == 0: to the end.  `gone` sees each.
  void Delete(uint64_t first, uint64_t nr,
              absl::FunctionRef<void(const DaxEntry&)> gone);

  bool empty() const { return root_ == nullptr; }
  bool AnyDirty() const;
  uint64_t nrpages() const;
  Iterator begin() const { return Iterator(this, AtOrAfter(0)); }
  Iterator end() const { return Iterator(this, nullptr); }

  // Where xas_for_each_marked() stands after it found nothing more up to
  // `max`: the xa_index in dax_writeback_range_done.  `from` is the entry
  // found last, or null when the search from `start` found none.
  uint64_t FinalIndex(uint64_t start, const DaxEntry* from, uint64_t max) const;

 private:
  // The kernel's own tree: nodes of 64 slots, as high as the last index needs.
  // A PMD is in the level where it has several slots, in the first of them.
  struct Node;

  // Whether an entry that begins in the slot has PAGECACHE_TAG_TOWRITE.
  bool HasToWrite(uint64_t first, int shift) const;
  // log2 of the indices one slot of the tree's root stands for.
  int RootShift() const;
  // The entry that covers `index`, if it is in this node; a PMD may begin some
  // slots before that of `index`.
  DaxEntry* EntryIn(const Node& node, uint64_t index) const;
  // Whether an entry smaller than `order` lies in its range from `first` on:
  // of the node that is nearest to it.
  bool SmallerIn(const Node& node, uint64_t first, int order) const;
  // The first at `index` or behind it that is in the node, whose first index
  // is `base`.
  static DaxEntry* FirstIn(const Node& node, uint64_t base, uint64_t index);
  // The lowest node above the place of an entry at `index` whose node has this
  // shift, or that node; null if the tree does not reach so far.
  Node* Nearest(uint64_t index, int shift) const;
  // The root, made high enough for such an entry.
  Node* Root(uint64_t index, int shift);
  // An entry where nothing is, from what Nearest() found or from the root on.
  DaxEntry* NewEntry(uint64_t index, int order, Node* nearest);
  void Erase(uint64_t index);
  Node* NewNode(int shift);
  void FreeNode(Node* node);

  const int pmd_order_;
  const int pmd_shift_;  // of the nodes where PMDs are
  Node* root_ = nullptr;
  DaxEntry* last_ = nullptr;  // the newest, which a fault looks for again
  std::vector<std::unique_ptr<DaxEntry[]>> blocks_;
  std::vector<DaxEntry*> free_;
  std::vector<std::unique_ptr<Node>> free_nodes_;
};

}  // namespace dmdax

#endif  // DMDAX_IOMAP_DAX_ENTRY_H_
