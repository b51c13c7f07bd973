// SPDX-License-Identifier: Apache-2.0
//
// MemMap: the struct pages of the machine, as far as faults depend on them:
// which page frames have one, who owns them, their reference counts and
// folios.
//
//   MemMap mem(profile);
//   DevPagemap* pgmap = mem.AddPagemap({.start = pfn_t{0x100000},
//                                       .nr = 131072,
//                                       .type = MemoryType::kFsDax});
//   mem.Refcount(pfn_t{0x100000});   // 1; 0 since 6.15
//
// Counts are kept only where they differ from the idle state, so terabytes
// cost nothing.
// Mirrors: struct page, struct dev_pagemap, mm/memremap.c, dax_folio_init of
// fs/dax.c (6.1, 6.15).  Threading: thread-compatible.
#ifndef DMDAX_MM_PAGE_H_
#define DMDAX_MM_PAGE_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <unordered_map>

#include "base/fault_profile.h"
#include "base/units.h"
#include "mm/page_table.h"

namespace dmdax {

// A page frame with the flags a pfn_t carries until 6.16.
struct FlaggedPfn {
  pfn_t pfn{};
  bool dev = false;      // PFN_DEV
  bool map = false;      // PFN_MAP
  bool special = false;  // PFN_SPECIAL

  // The number as trace points print it.
  uint64_t raw() const {
    return pfn.value() | (dev ? uint64_t{1} << 61 : 0) |
           (map ? uint64_t{1} << 60 : 0) | (special ? uint64_t{1} << 59 : 0);
  }
};

enum class MemoryType { kFsDax, kGeneric };

// struct dev_pagemap: a range of device memory with struct pages.
struct DevPagemap {
  pfn_t start{};
  uint64_t nr = 0;
  MemoryType type = MemoryType::kFsDax;
  // log2 of the pages in a folio (device-dax since 5.17); 0: single pages.
  int vmemmap_shift = 0;
  // ARCH_WANT_OPTIMIZE_DAX_VMEMMAP: the tail pages of a folio share memory.
  bool optimize_vmemmap = false;
  // percpu_ref: false once memunmap_pages() has killed it.
  bool ref_live = true;
  // References taken by get_dev_pagemap().
  int64_t refs = 0;
};

// compound_nr_pages(): how many struct pages each folio of `pgmap` has memory
// of its own for; the rest are the same pages seen again.
uint64_t UniqueStructPages(const FaultProfile& profile,
                           const DevPagemap& pgmap);

class MemMap {
 public:
  explicit MemMap(const FaultProfile& profile);

  // What the page tables of all processes are made of.
  PtTablePool& page_tables() { return page_tables_; }

  // The same memory, of which nothing is in use; for a question that must leave
  // no trace.
  std::unique_ptr<MemMap> Idle() const;

  // devm_memremap_pages() and memunmap_pages(): Remove forgets the range.
  DevPagemap* AddPagemap(const DevPagemap& pgmap);
  void RemovePagemap(DevPagemap* pgmap);
  // The range that holds `pfn`, dying or not; null when there is none.
  DevPagemap* FindPagemap(pfn_t pfn) const;
  // get_dev_pagemap(): takes a reference; null when no range holds the pfn
  // or its reference count is dying.
  DevPagemap* GetDevPagemap(pfn_t pfn);
  static void PutDevPagemap(DevPagemap* pgmap) { --pgmap->refs; }

  // pfn_valid(): the frame has a struct page.
  bool PfnValid(pfn_t pfn) const;
  bool IsRam(pfn_t pfn) const;
  pfn_t zero_pfn() const { return zero_pfn_; }
  // The first frame of the huge zero page, aligned to its size.
  pfn_t huge_zero_pfn() const { return huge_zero_pfn_; }
  bool IsZero(pfn_t pfn) const {
    return pfn == zero_pfn_ ||
           (pfn >= huge_zero_pfn_ && pfn - huge_zero_pfn_ < profile_.pmd_nr());
  }
  // A fresh frame of ordinary memory with reference count 1.  Single frames
  // never make up a huge page.
  pfn_t AllocRam() { return AllocRam(0); }
  // 2^order frames, aligned to their size: a folio.
  pfn_t AllocRam(int order);

  // page_folio(), folio_order().
  struct Folio {
    pfn_t head{};
    int order = 0;
  };
  Folio FolioOf(pfn_t pfn) const;
  pfn_t FolioHead(pfn_t pfn) const { return FolioOf(pfn).head; }
  int FolioOrder(pfn_t pfn) const { return FolioOf(pfn).order; }
  // dax_folio_init(): makes a compound page of fsdax frames (6.15), and
  // dax_folio_put() when it goes.
  void MakeFolio(pfn_t head, int order);
  void SplitFolio(pfn_t head);
  // How many MakeFolio() made that are still there.
  size_t nr_folios() const { return folios_.size(); }

  // folio_ref_count() and folio_mapcount() of the folio of `pfn`.
  int Refcount(pfn_t pfn) const;
  int Mapcount(pfn_t pfn) const;
  void Get(pfn_t pfn, int n = 1);
  // Drops references; a frame of ordinary memory at 0 is freed, one of a
  // GENERIC range goes back to 1 (free_zone_device_folio).
  void Put(pfn_t pfn, int n = 1);
  void AddMapcount(pfn_t pfn, int n);

  // Whether a fork left a private copy to several processes
  // (!PageAnonExclusive), until all but one have let go of it.
  bool SharedByFork(pfn_t pfn) const;
  void ShareByFork(pfn_t pfn);

  bool HwPoison(pfn_t pfn) const;
  void SetHwPoison(pfn_t pfn, bool on);

 private:
  struct PageState {
    int refs = 0;  // on top of the idle count
    int mapcount = 0;
    bool hwpoison = false;
    bool forked = false;
  };

  int IdleRefcount(pfn_t pfn) const;

  const FaultProfile& profile_;
  // By their start; of two that begin there the newer is the later.
  std::multimap<pfn_t, std::unique_ptr<DevPagemap>> pagemaps_;
  std::map<uint64_t, int> folios_;  // head -> order
  std::unordered_map<uint64_t, PageState> pages_;
  pfn_t zero_pfn_{};
  pfn_t huge_zero_pfn_{};
  uint64_t next_ram_ = 0;
  PtTablePool page_tables_;
};

}  // namespace dmdax

#endif  // DMDAX_MM_PAGE_H_
