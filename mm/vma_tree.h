// SPDX-License-Identifier: Apache-2.0
//
// VmaTree: the mappings of an address space by address, and the free areas
// between them.
//
//   VmaTree tree;
//   VmAreaStruct* vma = tree.Insert(std::make_unique<VmAreaStruct>(
//       VmAreaStruct{.vm_start = 0x20000, .vm_end = 0x30000}));
//   tree.Find(0x10000)->vm_start;                          // 0x20000
//   tree.EmptyAreaRev(0x10000, 0x40000, 0x8000).value();   // 0x38000
//   tree.Erase(*vma);
//
// Each call takes time that grows with the logarithm of the mappings, one that
// has a range no more than that: nothing here walks all.  Addresses are bytes;
// mappings do not overlap, which the caller sees to.
//
// Mirrors: mm->mm_mt of struct mm_struct, find_vma of mm/mmap.c,
// mas_empty_area_rev of lib/maple_tree.c (6.1).
// Threading: one caller at a time; a search remembers what it found.
#ifndef DMDAX_MM_VMA_TREE_H_
#define DMDAX_MM_VMA_TREE_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>

#include "mm/vm_area.h"

namespace dmdax {

class VmaTree {
 public:
  using Map = std::map<uint64_t, std::unique_ptr<VmAreaStruct>>;

  VmaTree();
  ~VmaTree();
  VmaTree(const VmaTree&) = delete;
  VmaTree& operator=(const VmaTree&) = delete;

  // mm->map_count.
  size_t map_count() const { return vmas_.size(); }
  // By vm_start.
  Map::const_iterator begin() const { return vmas_.begin(); }
  Map::const_iterator end() const { return vmas_.end(); }

  // find_vma(): the first that ends above `addr`, or null.
  VmAreaStruct* Find(uint64_t addr) const {
    return last_ != nullptr && last_->vm_start <= addr && addr < last_->vm_end
               ? last_
               : Search(addr);
  }
  // find_vma_intersection(): the first that has a byte of [start, end), or
  // null.
  VmAreaStruct* FindIntersection(uint64_t start, uint64_t end) const;
  // The neighbours, adjacent or not; null at the ends.
  VmAreaStruct* Prev(const VmAreaStruct& vma) const;
  VmAreaStruct* Next(const VmAreaStruct& vma) const;
  // mas_empty_area_rev(): the highest address of `size` free bytes within
  // [min, max).
  std::optional<uint64_t> EmptyAreaRev(uint64_t min, uint64_t max,
                                       uint64_t size) const;

  VmAreaStruct* Insert(std::unique_ptr<VmAreaStruct> vma);
  void Erase(const VmAreaStruct& vma);
  // The only way to move the vm_end of one that is in the tree.
  void SetEnd(VmAreaStruct& vma, uint64_t end);

 private:
  class Gaps;

  VmAreaStruct* Search(uint64_t addr) const;
  // Measures the free area below `it` again, if it is one.
  void UpdateGapBelow(Map::const_iterator it);

  Map vmas_;
  // What Find() found last, which is what most accesses want next.
  mutable VmAreaStruct* last_ = nullptr;
  std::unique_ptr<Gaps> gaps_;
};

}  // namespace dmdax

#endif  // DMDAX_MM_VMA_TREE_H_
