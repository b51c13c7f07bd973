// SPDX-License-Identifier: Apache-2.0
#include "mm/readahead.h"

#include <algorithm>
#include <bit>
#include <set>

#include "mm/mm_struct.h"
#include "mm/next_miss.h"

namespace dmdax {
namespace {

constexpr uint64_t kNoMark = ~uint64_t{0};
// readahead in folios is not worth it for fewer pages.
constexpr uint64_t kMinFolioRead = 4;

// Brings folios into the cache; missing pages that adjoin are read together.
class Reader {
 public:
  explicit Reader(VmFault& vmf)
      : vmf_(vmf), mapping_(*vmf.vma->vm_file->f_mapping) {}
  ~Reader() { Flush(); }

  // A folio of 2^order pages, marked or not.  False when a page of it is
  // there already.
  bool Add(uint64_t index, int order, bool mark) {
    const uint64_t nr = uint64_t{1} << order;
    auto next = mapping_.pages.lower_bound(index);
    if (next != mapping_.pages.end() && next->first < index + nr) {
      Flush();
      return false;
    }
    if (nr_ == 0) first_ = index;
    nr_ += nr;
    FilemapAddFolio(vmf_.mm->mem(), mapping_, index, order);
    for (uint64_t i = index; mark && i < index + nr; ++i) {
      mapping_.readahead.insert(i);
    }
    return true;
  }

 private:
  void Flush() {
    if (nr_ > 0 && mapping_.a_ops != nullptr) {
      mapping_.a_ops->Readahead(vmf_, first_, nr_);
    }
    nr_ = 0;
  }

  VmFault& vmf_;
  AddressSpace& mapping_;
  uint64_t first_ = 0;
  uint64_t nr_ = 0;
};

bool HasLargeFolios(const VmFault& vmf) {
  const AddressSpace& mapping = *vmf.vma->vm_file->f_mapping;
  return mapping.a_ops != nullptr && mapping.a_ops->large_folios();
}

// do_page_cache_ra(): single pages.  The mark is counted from the end of what
// is read.
void DoPageCacheRa(VmFault& vmf, uint64_t index, uint64_t nr,
                   uint64_t lookahead) {
  const uint64_t pages = FilePages(vmf);
  if (index >= pages) return;
  nr = std::min(nr, pages - index);
  const uint64_t mark = lookahead <= nr ? index + nr - lookahead : kNoMark;
  Reader reader(vmf);
  for (uint64_t i = index; i < index + nr; ++i) reader.Add(i, 0, i == mark);
}

// page_cache_ra_order(): folios of the wanted order, smaller where they would
// not be aligned or reach past the end.
void PageCacheRaOrder(VmFault& vmf, uint64_t start, int order) {
  const FaultProfile& profile = vmf.mm->profile();
  FileRaState& ra = vmf.vma->vm_file->f_ra;
  if (!HasLargeFolios(vmf)) {
    ra.order = 0;
    DoPageCacheRa(vmf, start, ra.size, ra.async_size);
    return;
  }
  if (!profile.readahead_keeps_order && ra.size < kMinFolioRead) {
    DoPageCacheRa(vmf, start, ra.size, ra.async_size);
    return;
  }
  const int most = profile.pmd_order();
  if (!profile.readahead_keeps_order && order < most) order += 2;
  order =
      std::min({order, most, static_cast<int>(std::bit_width(ra.size)) - 1});
  ra.order = order;
  const uint64_t last = FilePages(vmf) - 1;
  const uint64_t window = start + ra.size - 1;
  const uint64_t limit = std::min(last, window);
  // At the end of the file there is nothing to read on for.
  const bool marks = !profile.readahead_keeps_order || last >= window;
  const uint64_t mark = start + ra.size - ra.async_size;
  uint64_t index = start;
  bool added = true;
  {
    Reader reader(vmf);
    while (index <= limit) {
      int fits = order;
      const auto smaller = [&](int n) {
        return n == 1 && !profile.order_1_folios ? 0 : n;
      };
      if (index & ((uint64_t{1} << fits) - 1)) {
        fits = smaller(std::countr_zero(index));
      }
      while (index + (uint64_t{1} << fits) - 1 > limit) {
        fits = smaller(fits - 1);
      }
      const uint64_t nr = uint64_t{1} << fits;
      added = reader.Add(index, fits, marks && index == (mark & ~(nr - 1)));
      if (!added) break;
      index += nr;
    }
  }
  if (added) return;
  // The regular code fills the gaps that cached pages left.
  const uint64_t done = profile.readahead_fills_rest ? index - start : 0;
  if (ra.size > done) DoPageCacheRa(vmf, index, ra.size - done, ra.async_size);
}

// get_init_ra_size().
uint64_t InitRaSize(uint64_t size, uint64_t max) {
  const uint64_t wide = std::bit_ceil(size);
  if (wide <= max / 32) return wide * 4;
  if (wide <= max / 4) return wide * 2;
  return max;
}

// get_next_ra_size().
uint64_t NextRaSize(uint64_t size, uint64_t max) {
  if (size < max / 16) return size * 4;
  if (size <= max / 2) return size * 2;
  return max;
}

// initial_readahead of ondemand_readahead(), and the rule behind it for a
// window that would meet its own mark at once.
void InitialReadahead(VmFault& vmf, uint64_t index, int order) {
  FileRaState& ra = vmf.vma->vm_file->f_ra;
  const uint64_t max = ra.ra_pages;
  ra.start = index;
  ra.size = InitRaSize(max, max);
  ra.async_size = ra.size;
  const uint64_t more = NextRaSize(ra.size, max);
  if (ra.size + more <= max) {
    ra.async_size = more;
    ra.size += more;
  } else {
    ra.size = max;
    ra.async_size = max / 2;
  }
  PageCacheRaOrder(vmf, ra.start, order);
}

// page_cache_async_ra(), for the folio that the fault found marked.
void PageCacheAsyncRa(VmFault& vmf, uint64_t folio, int order) {
  const FaultProfile& profile = vmf.mm->profile();
  FileRaState& ra = vmf.vma->vm_file->f_ra;
  std::set<uint64_t>& marked = vmf.vma->vm_file->f_mapping->readahead;
  const uint64_t nr = uint64_t{1} << order;
  marked.erase(marked.lower_bound(folio), marked.lower_bound(folio + nr));
  const uint64_t index = vmf.pgoff;
  const uint64_t max = ra.ra_pages;
  const bool one_function = !profile.readahead_async_is_apart;
  if (one_function && index == 0) {
    InitialReadahead(vmf, index, order);
    return;
  }
  const uint64_t expected = (ra.start + ra.size - ra.async_size) & ~(nr - 1);
  const bool follows =
      index == expected || (one_function && index == ra.start + ra.size);
  if (follows) {
    ra.start += ra.size;
    ra.size = std::max(ra.size, NextRaSize(ra.size, max));
  } else {
    // The window is another reader's: its end is asked of the cache.
    const uint64_t start = PageCacheNextMiss(
        profile, *vmf.vma->vm_file->f_mapping, index + 1, max);
    if (start == 0 || start - index > max) return;
    ra.start = start;
    ra.size = NextRaSize(start - index + max, max);
  }
  if (profile.readahead_keeps_order) {
    order = ra.order + 2;
    const int most = std::countr_zero(max);
    const uint64_t align = uint64_t{1} << std::min(order, most);
    const uint64_t end = (ra.start + ra.size) & ~(align - 1);
    if (end > ra.start) ra.size = end - ra.start;
  }
  ra.async_size = ra.size;
  PageCacheRaOrder(vmf, ra.start, order);
}

// page_cache_sync_ra() for a mapping that is read in sequence.  A fault leaves
// no prev_pos.
void PageCacheSyncRa(VmFault& vmf) {
  FileRaState& ra = vmf.vma->vm_file->f_ra;
  const uint64_t index = vmf.pgoff;
  const uint64_t max = ra.ra_pages;
  const uint64_t end = ra.start + ra.size;
  if (vmf.mm->profile().readahead_async_is_apart) {
    if (index == 0) {
      ra.start = 0;
      ra.size = InitRaSize(max, max);
      ra.async_size = ra.size > max ? ra.size - max : ra.size / 2;
      PageCacheRaOrder(vmf, 0, 0);
      return;
    }
  } else if (index == 0) {
    InitialReadahead(vmf, 0, 0);
    return;
  } else if (index == end - ra.async_size || index == end) {
    ra.start = end;
    ra.size = std::max(ra.size, NextRaSize(ra.size, max));
    ra.async_size = ra.size;
    PageCacheRaOrder(vmf, ra.start, 0);
    return;
  }
  // The cached pages before it are never more than what is asked for.
  DoPageCacheRa(vmf, index, max, 0);
}

}  // namespace

uint64_t FilePages(const VmFault& vmf) {
  const uint64_t size = vmf.mm->profile().page_size();
  return (vmf.vma->vm_file->f_mapping->host->i_size + size - 1) / size;
}

void FilemapAddFolio(MemMap& mem, AddressSpace& mapping, uint64_t index,
                     int order) {
  const pfn_t first = mem.AllocRam(order);
  for (uint64_t i = 0; i < uint64_t{1} << order; ++i) {
    mapping.pages[index + i] = first + i;
  }
  if (order > 0) mapping.folios[index] = order;
}

void SyncMmapReadahead(VmFault& vmf) {
  const FaultProfile& profile = vmf.mm->profile();
  const uint64_t flags = vmf.vma->vm_flags;
  FileRaState& ra = vmf.vma->vm_file->f_ra;
  const bool huge = (flags & VM_HUGEPAGE) &&
                    (profile.thp_readahead == ThpReadahead::kAnyFile ||
                     (profile.thp_readahead == ThpReadahead::kLargeFolios &&
                      HasLargeFolios(vmf)));
  if (huge) {
    const uint64_t nr = profile.pmd_nr();
    ra.size = (flags & VM_RAND_READ) ? nr : 2 * nr;
    ra.async_size = nr;
    PageCacheRaOrder(vmf, vmf.pgoff & ~(nr - 1), profile.pmd_order());
  } else if ((flags & VM_RAND_READ) || ra.ra_pages == 0) {
    // Nothing but the page itself.
  } else if (flags & VM_SEQ_READ) {
    PageCacheSyncRa(vmf);
  } else if ((flags & VM_EXEC) && profile.readahead_exec_from_page) {
    const VmAreaStruct& vma = *vmf.vma;
    const uint64_t end =
        vma.vm_pgoff + ((vma.vm_end - vma.vm_start) >> profile.page_shift);
    ra.start = vmf.pgoff;
    ra.size = std::min(ra.ra_pages, end - vmf.pgoff);
    ra.async_size = 0;
    PageCacheRaOrder(vmf, ra.start, 0);
  } else {
    const uint64_t half = ra.ra_pages / 2;
    ra.start = vmf.pgoff < half ? 0 : vmf.pgoff - half;
    ra.size = ra.ra_pages;
    ra.async_size = ra.ra_pages / 4;
    PageCacheRaOrder(vmf, ra.start, 0);
  }
  // ->read_folio of what readahead did not bring.
  DoPageCacheRa(vmf, vmf.pgoff, 1, 0);
}

bool AsyncMmapReadahead(VmFault& vmf) {
  const File& file = *vmf.vma->vm_file;
  if ((vmf.vma->vm_flags & VM_RAND_READ) || file.f_ra.ra_pages == 0) {
    return false;
  }
  const AddressSpace& mapping = *file.f_mapping;
  if (mapping.readahead.count(vmf.pgoff) == 0) return false;
  const auto [folio, order] = mapping.Folio(vmf.pgoff);
  PageCacheAsyncRa(vmf, folio, order);
  return true;
}

}  // namespace dmdax
