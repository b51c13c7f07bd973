// SPDX-License-Identifier: Apache-2.0
//
// The files of the baseline: fs/dax.c, the entries of ext4 and xfs, and
// drivers/dax/device.c.
#include <algorithm>
#include <cstdlib>
#include <iterator>

#include "bench/fault_baseline.h"

namespace dmdax::bench {
namespace {

using Result = BaselineHandler::Result;

constexpr uint64_t kPage = 4096;
constexpr uint64_t kHugePages = 512;

// The words of fs/dax.c: a frame, four flags, and the bit of a value.
constexpr uint64_t kLocked = 1 << 1, kPmd = 1 << 2, kZero = 1 << 3,
                   kEmpty = 1 << 4, kValue = 1;
constexpr int kPfnShift = 5;

}  // namespace

BaselineFile::BaselineFile(BaselineDax* dev, BaselineFs fs, uint64_t size,
                           const std::vector<BaselineExtent>& extents)
    : dev_(dev), fs_(fs), size_(size), first_extents_(extents) {
  Reset();
}

void BaselineFile::Reset() {
  i_pages_.Clear();
  extents_.clear();
  for (const BaselineExtent& extent : first_extents_) {
    extents_[extent.logical] = extent;
  }
}

// ext4_dax_huge_fault(), __xfs_filemap_fault().
Result BaselineFile::Fault(BaselineFault& fault, int order) {
  void* handle = nullptr;
  if (fault.write) {
    writers_.store(writers_.load(std::memory_order_relaxed) + 1,
                   std::memory_order_relaxed);
  }
  invalidate_lock_.LockShared();
  if (fault.write && fs_ == BaselineFs::kExt4) {
    // start_this_handle().
    handle = handles_.Alloc();
    j_state_lock_.LockShared();
    credits_.fetch_add(8);
    j_state_lock_.UnlockShared();
  }
  const Result result = DaxIomapFault(fault, order);
  if (handle != nullptr) {
    credits_.fetch_sub(8);
    handles_.Free(handle);
  }
  invalidate_lock_.UnlockShared();
  if (fault.write) {
    writers_.store(writers_.load(std::memory_order_relaxed) - 1,
                   std::memory_order_relaxed);
  }
  return result;
}

Result BaselineFile::DaxIomapFault(BaselineFault& fault, int order) {
  if (order == 0) return PteFault(fault);
  return order == 9 ? PmdFault(fault) : kFallback;
}

Result BaselineFile::PmdFault(BaselineFault& fault) {
  const uint64_t index = fault.page & ~(kHugePages - 1);
  const uint64_t max_pgoff = (size_ + kPage - 1) / kPage;
  if (index >= max_pgoff) return kSigbus;
  const uint64_t pmd = fault.address & ~(kHugePages * kPage - 1);
  const bool colour = (fault.page & (kHugePages - 1)) ==
                      ((fault.address / kPage) & (kHugePages - 1));
  if (!colour || pmd < fault.vma->start ||
      pmd + kHugePages * kPage > fault.vma->end ||
      (index | (kHugePages - 1)) >= max_pgoff) {
    return kFallback;
  }
  if (!GrabEntry(index, 9)) return kFallback;
  const Result result = FaultIter(fault, index, 9);
  UnlockEntry(index);
  return result;
}

Result BaselineFile::PteFault(BaselineFault& fault) {
  if (fault.page * kPage >= size_) return kSigbus;
  if (!GrabEntry(fault.page, 0)) return kSigbus;
  const Result result = FaultIter(fault, fault.page, 0);
  UnlockEntry(fault.page);
  return result;
}

// iomap_iter() and dax_fault_iter().
Result BaselineFile::FaultIter(BaselineFault& fault, uint64_t index,
                               int order) {
  const uint64_t bytes = kPage << order;
  const uint64_t pos = index * kPage;
  const Iomap iomap = IomapBegin(pos, bytes, fault.write);
  if (iomap.offset + iomap.length - pos < bytes) return kFallback;
  if (!fault.write && iomap.type != Iomap::kMapped) {
    return LoadHole(fault, index, order);
  }
  const uint64_t pgoff = (iomap.addr + pos - iomap.offset) / kPage;
  const long nr = 1L << order;
  uint64_t pfn = 0;
  // dax_read_lock() is SRCU too; a level's own is in kernel_baseline.cc.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  const long got = BaselineDirectAccess(dev_, pgoff, nr, nullptr, &pfn);
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (got < nr || (pfn & (static_cast<uint64_t>(nr) - 1)) != 0) {
    return order > 0 ? kFallback : kSigbus;
  }
  InsertEntry(index, order, pfn << kPfnShift | (order > 0 ? kPmd : 0), true);
  return order > 0 ? fault.mm->InsertPmd(fault, pfn, fault.write)
                   : fault.mm->InsertPte(fault, pfn, fault.write);
}

Result BaselineFile::LoadHole(BaselineFault& fault, uint64_t index, int order) {
  const uint64_t pfn =
      order > 0 ? FaultBaseline::kHugeZeroPfn : FaultBaseline::kZeroPfn;
  InsertEntry(index, order, pfn << kPfnShift | kZero | (order > 0 ? kPmd : 0),
              true);
  return order > 0 ? fault.mm->InsertPmd(fault, pfn, false)
                   : fault.mm->InsertPte(fault, pfn, false);
}

// grab_mapping_entry().
bool BaselineFile::GrabEntry(uint64_t index, int order) {
  i_pages_.lock.Lock();
  bool good = order == 0 || !i_pages_.HasSmaller(index, order);
  uint64_t entry = good ? i_pages_.Load(index) : 0;
  if (entry != 0 && order == 0 && (entry & kPmd) &&
      (entry & (kZero | kEmpty))) {
    i_pages_.Store(index & ~(kHugePages - 1), 9, 0);
    entry = 0;
  }
  if (good) {
    if (entry == 0) entry = kEmpty | (order > 0 ? kPmd : 0);
    i_pages_.Store(index, order, entry | kLocked | kValue);
  }
  i_pages_.lock.Unlock();
  return good;
}

// dax_insert_entry().
void BaselineFile::InsertEntry(uint64_t index, int order, uint64_t entry,
                               bool dirty) {
  i_pages_.lock.Lock();
  const uint64_t old = i_pages_.Load(index);
  if (old & (kZero | kEmpty)) {
    i_pages_.Store(index, order, entry | kLocked | kValue);
  }
  if (dirty) i_pages_.MarkDirty(index);
  i_pages_.lock.Unlock();
}

// dax_unlock_entry().
void BaselineFile::UnlockEntry(uint64_t index) {
  i_pages_.lock.Lock();
  const uint64_t entry = i_pages_.Load(index);
  i_pages_.Store(index, entry & kPmd ? 9 : 0, entry & ~kLocked);
  i_pages_.lock.Unlock();
}

// ext4_map_blocks() by ext4_es_lookup_extent(), xfs_bmapi_read().
BaselineFile::Iomap BaselineFile::MapBlocks(uint64_t pos, uint64_t length) {
  es_lock_.LockShared();
  const auto after = extents_.upper_bound(pos);
  Iomap iomap{.offset = pos};
  if (after != extents_.begin() &&
      pos - std::prev(after)->first < std::prev(after)->second.length) {
    const BaselineExtent& extent = std::prev(after)->second;
    const uint64_t inside = pos - extent.logical;
    iomap.type = extent.unwritten ? Iomap::kUnwritten : Iomap::kMapped;
    iomap.addr = extent.physical + inside;
    iomap.length = std::min(length, extent.length - inside);
  } else {
    iomap.length =
        after == extents_.end() ? length : std::min(length, after->first - pos);
  }
  es_lock_.UnlockShared();
  return iomap;
}

BaselineFile::Iomap BaselineFile::IomapBegin(uint64_t pos, uint64_t length,
                                             bool write) {
  Iomap iomap = MapBlocks(pos, length);
  if (!write || iomap.type != Iomap::kUnwritten) return iomap;
  Convert(pos, iomap.length);
  iomap.type = Iomap::kMapped;
  return iomap;
}

// ext4_ext_convert_to_initialized(), as the extent status tree sees it: what is
// converted is cut out of its extent, and joins the one before it.
void BaselineFile::Convert(uint64_t pos, uint64_t length) {
  es_lock_.Lock();
  auto it = std::prev(extents_.upper_bound(pos));
  const BaselineExtent old = it->second;
  const uint64_t before = pos - old.logical;
  if (before > 0) {
    it->second.length = before;
  } else {
    extents_.erase(it);
  }
  BaselineExtent written{pos, old.physical + before, length, false};
  const uint64_t end = pos + length;
  if (end < old.logical + old.length) {
    extents_[end] = {end, old.physical + before + length,
                     old.logical + old.length - end, true};
  }
  auto next = extents_.lower_bound(pos);
  if (next != extents_.begin()) {
    BaselineExtent& left = std::prev(next)->second;
    if (!left.unwritten && left.logical + left.length == pos &&
        left.physical + left.length == written.physical) {
      left.length += length;
      es_lock_.Unlock();
      return;
    }
  }
  extents_[pos] = written;
  es_lock_.Unlock();
}

BaselineDevDax::BaselineDevDax(uint64_t base, uint64_t size, int align_order)
    : base_(base),
      size_(size),
      align_order_(align_order),
      pages_(static_cast<Page*>(
                 calloc(size / (kPage << align_order), sizeof(Page))),
             free) {}

// dev_dax_huge_fault().
Result BaselineDevDax::Fault(BaselineFault& fault, int order) {
  srcu_[0].store(srcu_[0].load(std::memory_order_relaxed) + 1,
                 std::memory_order_relaxed);
  std::atomic_thread_fence(std::memory_order_seq_cst);
  Result result = kSigbus;
  const uint64_t bytes = kPage << order;
  const uint64_t at = fault.address & ~(bytes - 1);
  if (order < align_order_) {
    result = kSigbus;
  } else if (order > align_order_) {
    result = kFallback;
  } else if (at >= fault.vma->start && at + bytes <= fault.vma->end) {
    const uint64_t offset = at - fault.vma->start;
    if (offset + bytes <= size_) {
      const uint64_t pfn = (base_ + offset) / kPage;
      // dax_set_mapping(): of a compound page only the head.
      Page& head = pages_[offset / bytes];
      if (head.mapping == 0) {
        head.mapping = reinterpret_cast<uint64_t>(this);
        head.index = offset / kPage;
      }
      result = order == 0   ? fault.mm->InsertPte(fault, pfn, fault.write)
               : order == 9 ? fault.mm->InsertPmd(fault, pfn, fault.write)
                            : fault.mm->InsertPud(fault, pfn, fault.write);
    }
  }
  std::atomic_thread_fence(std::memory_order_seq_cst);
  srcu_[1].store(srcu_[1].load(std::memory_order_relaxed) + 1,
                 std::memory_order_relaxed);
  return result;
}

}  // namespace dmdax::bench
