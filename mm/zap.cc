// SPDX-License-Identifier: Apache-2.0
//
// Removes entries from page tables, or takes rights away from them.
// Mirrors: zap_page_range of mm/memory.c, __split_huge_pmd of
// mm/huge_memory.c, pfn_mkclean_range of mm/rmap.c (6.1).
#include <algorithm>

#include "mm/insert.h"
#include "mm/mm_struct.h"

namespace dmdax {

void MmStruct::ZapLeaf(VmAreaStruct& vma, PtSlot slot, uint64_t addr,
                       int order) {
  if (!slot.is_leaf()) return;
  const Pte entry = slot.value();
  slot.Clear();
  const std::optional<pfn_t> page =
      VmNormalPage(*this, vma, addr, entry, order);
  if (!page) return;
  const int64_t pages = int64_t{1} << order;
  // A private copy is ordinary memory that no file mapping counts.
  if (mem_.IsRam(*page) && mem_.Mapcount(*page) == 0) {
    rss_anon -= pages;
  } else {
    mem_.AddMapcount(*page, -1);
    rss_file -= pages;
  }
  mem_.Put(*page);
}

void MmStruct::SplitHugePmd(VmAreaStruct& vma, PtSlot pmd, uint64_t addr) {
  ZapLeaf(vma, pmd, addr & profile_.pmd_mask(), profile_.pmd_order());
}

void MmStruct::SplitHugePud(VmAreaStruct& vma, PtSlot pud, uint64_t addr) {
  ZapLeaf(vma, pud, addr & profile_.pud_mask(), profile_.pud_order());
}

// PageAnon(): a private copy, or no file's at all.
bool MmStruct::IsAnonPage(VmAreaStruct& vma, uint64_t addr, PtSlot slot) {
  if (!slot.is_leaf()) return false;
  const std::optional<pfn_t> page =
      VmNormalPage(*this, vma, addr, slot.value(), 0);
  return page && mem_.IsRam(*page) && mem_.Mapcount(*page) == 0;
}

void MmStruct::ZapPageRange(VmAreaStruct& vma, uint64_t start, uint64_t end,
                            EvenCows even_cows) {
  uint64_t addr = start;
  while (addr < end) {
    PtSlot pud = page_table_.Pud(addr, false);
    const uint64_t pud_end = (addr & profile_.pud_mask()) + profile_.pud_size();
    if (!pud.is_table()) {
      // A part of a huge entry of a file takes the whole entry with it.
      ZapLeaf(vma, pud, addr & profile_.pud_mask(), profile_.pud_order());
      addr = pud_end;
      continue;
    }
    PtSlot pmd = page_table_.PmdOf(pud, addr, false);
    const uint64_t pmd_end = (addr & profile_.pmd_mask()) + profile_.pmd_size();
    if (!pmd.is_table()) {
      ZapLeaf(vma, pmd, addr & profile_.pmd_mask(), profile_.pmd_order());
      addr = pmd_end;
      continue;
    }
    for (; addr < std::min(end, pmd_end); addr += profile_.page_size()) {
      PtSlot pte = page_table_.PteOf(pmd, addr, false);
      // should_zap_page()
      if (even_cows == EvenCows::kNo && IsAnonPage(vma, addr, pte)) continue;
      ZapLeaf(vma, pte, addr, 0);
    }
  }
}

void MmStruct::MkcleanRange(VmAreaStruct& vma, uint64_t pgoff, uint64_t nr) {
  const uint64_t pages = (vma.vm_end - vma.vm_start) >> profile_.page_shift;
  const uint64_t first = std::max(pgoff, vma.vm_pgoff);
  const uint64_t last = std::min(pgoff + nr, vma.vm_pgoff + pages);
  for (uint64_t index = first; index < last; ++index) {
    const uint64_t addr =
        vma.vm_start + ((index - vma.vm_pgoff) << profile_.page_shift);
    int order = 0;
    PtSlot slot = page_table_.Lookup(addr, &order);
    if (!slot) continue;
    // pfn_mkclean_range() looks for the frame of the file; a private copy is
    // another one.
    if (order == 0 && IsAnonPage(vma, addr, slot)) continue;
    const Pte entry = slot.value();
    slot.Set(pte_ops_.MkClean(pte_ops_.Wrprotect(entry)));
    index |= (uint64_t{1} << order) - 1;  // a huge entry needs it once
  }
}

}  // namespace dmdax
