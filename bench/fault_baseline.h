// SPDX-License-Identifier: Apache-2.0
//
// FaultBaseline: the kernel's way of a page fault, in user space, as a mark to
// measure ours against.
//
// Written anew from a description of Linux 6.1, with nothing of dmdax in it:
// what costs time on the kernel's way costs time here in the same place.
//
//   * the hardware's walk of the page tables before the fault and after it
//   * mmap_lock, the VMA in a maple tree, five levels of page tables whose
//     tables are zeroed pages of 4 KiB from a free list, a lock for each
//   * the file system's entry: freeze protection, the mapping's lock, a journal
//     handle for a write to ext4
//   * the DAX entry in an xarray: taken, filled, marked, let go, each under the
//     lock of the xarray and with a walk of its own
//   * the extent in a red-black tree behind a reader-writer lock
//   * direct_access level by level (bench/kernel_baseline.h), and the insertion
//
//   BaselineFile file(md, BaselineFs::kExt4, extents);
//   FaultBaseline process;
//   process.Map({.start = at, .end = at + size, .file = &file});
//   uint64_t pfn = process.Touch(at, /*write=*/true);
//
// Left out, so that a real kernel is slower: the exception itself, retpolines,
// page->mapping and ->index of all 512 pages of a huge page, cgroups, zeroing
// of new blocks, writing the journal.
// Threading: one thread; the locks are taken and never contended.
#ifndef DMDAX_BENCH_FAULT_BASELINE_H_
#define DMDAX_BENCH_FAULT_BASELINE_H_

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "bench/baseline_memory.h"
#include "bench/kernel_baseline.h"

namespace dmdax::bench {

enum class BaselineFs { kExt4, kXfs };

// Bytes; `physical` on the device.
struct BaselineExtent {
  uint64_t logical = 0;
  uint64_t physical = 0;
  uint64_t length = 0;
  bool unwritten = false;
};

// Who answers the faults of a mapping: vm_operations_struct.
class BaselineHandler;

struct BaselineVma {
  uint64_t start = 0;  // bytes
  uint64_t end = 0;
  bool no_huge = false;  // VM_NOHUGEPAGE
  BaselineHandler* file = nullptr;
};

struct BaselineFault {
  const BaselineVma* vma = nullptr;
  uint64_t address = 0;
  uint64_t page = 0;  // of the file
  bool write = false;
  std::atomic<uint64_t>* pud = nullptr;
  std::atomic<uint64_t>* pmd = nullptr;
  class FaultBaseline* mm = nullptr;
};

class BaselineHandler {
 public:
  enum Result { kFallback, kNoPage, kSigbus };
  virtual ~BaselineHandler() = default;
  // ->huge_fault, or ->fault for order 0.
  virtual Result Fault(BaselineFault& fault, int order) = 0;
};

// A DAX file: its inode, address_space and extents.
class BaselineFile final : public BaselineHandler {
 public:
  BaselineFile(BaselineDax* dev, BaselineFs fs, uint64_t size,
               const std::vector<BaselineExtent>& extents);
  Result Fault(BaselineFault& fault, int order) override;
  // Forgets the entries and conversions of all faults.
  void Reset();

 private:
  Result DaxIomapFault(BaselineFault& fault, int order);
  Result PmdFault(BaselineFault& fault);
  Result PteFault(BaselineFault& fault);
  Result FaultIter(BaselineFault& fault, uint64_t index, int order);
  Result LoadHole(BaselineFault& fault, uint64_t index, int order);
  bool GrabEntry(uint64_t index, int order);
  void InsertEntry(uint64_t index, int order, uint64_t entry, bool dirty);
  void UnlockEntry(uint64_t index);
  struct Iomap {
    enum Type { kHole, kMapped, kUnwritten } type = kHole;
    uint64_t addr = 0, offset = 0, length = 0;
  };
  Iomap MapBlocks(uint64_t pos, uint64_t length);
  Iomap IomapBegin(uint64_t pos, uint64_t length, bool write);
  void Convert(uint64_t pos, uint64_t length);

  BaselineDax* const dev_;
  const BaselineFs fs_;
  const uint64_t size_;
  const std::vector<BaselineExtent> first_extents_;
  std::map<uint64_t, BaselineExtent> extents_;  // a red-black tree
  SharedLock es_lock_, invalidate_lock_;
  Xarray i_pages_;
  std::atomic<uint64_t> writers_{0};  // sb_start_pagefault()
  std::atomic<uint64_t> credits_{0};  // of the running transaction
  SharedLock j_state_lock_;
  SlabLike<128> handles_;
};

// A device-dax of one range.
class BaselineDevDax final : public BaselineHandler {
 public:
  // Bytes; `folio_order`: of its pages, by its alignment.
  BaselineDevDax(uint64_t base, uint64_t size, int align_order);
  Result Fault(BaselineFault& fault, int order) override;

 private:
  struct Page {
    uint64_t flags, mapping, index, rest[5];
  };
  const uint64_t base_, size_;
  const int align_order_;
  std::unique_ptr<Page[], void (*)(void*)> pages_;  // a head for each folio
  std::atomic<uint64_t> srcu_[2] = {};
};

// An address space and its processor.
class FaultBaseline {
 public:
  FaultBaseline();
  // By ascending addresses, and all before the first touch.
  void Map(const BaselineVma& vma);
  // Forgets the page tables, as if nothing had been touched.
  void Reset();
  // One access; the page frame that it found, or 0 after a signal.
  uint64_t Touch(uint64_t address, bool write);

  // --- for the handlers ---
  BaselineHandler::Result InsertPmd(BaselineFault& fault, uint64_t pfn,
                                    bool write);
  BaselineHandler::Result InsertPud(BaselineFault& fault, uint64_t pfn,
                                    bool write);
  BaselineHandler::Result InsertPte(BaselineFault& fault, uint64_t pfn,
                                    bool write);
  static constexpr uint64_t kZeroPfn = 8192, kHugeZeroPfn = 512;

 private:
  using Entry = std::atomic<uint64_t>;
  Entry* WalkHardware(uint64_t address, int* order) const;
  const BaselineVma* FindVma(uint64_t address) const;
  Entry* Below(Entry& entry, uint64_t address, int shift);
  bool HandleMmFault(const BaselineVma& vma, uint64_t address, bool write);

  MapleLike vma_tree_;
  std::vector<std::unique_ptr<BaselineVma>> vmas_;
  SharedLock mmap_lock_;
  SpinLock page_table_lock_;
  PagePool pages_;
  Entry* pgd_ = nullptr;
  uint64_t counters_[4] = {};
};

}  // namespace dmdax::bench

#endif  // DMDAX_BENCH_FAULT_BASELINE_H_
