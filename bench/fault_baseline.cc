// SPDX-License-Identifier: Apache-2.0
//
// The process's half of the baseline; the files' is baseline_file.cc.
#include "bench/fault_baseline.h"

#include <cstdlib>

namespace dmdax::bench {
namespace {

using Result = BaselineHandler::Result;

// Bits of x86-64 entries.
constexpr uint64_t kPresent = 1, kWrite = 2, kUser = 4, kAccessed = 0x20,
                   kDirty = 0x40, kHuge = 0x80, kSpecial = 0x200,
                   kSoftDirty = 0x800, kDevmap = uint64_t{1} << 58;
constexpr uint64_t kPfnMask = 0x000ffffffffff000;

constexpr int kPgdShift = 39, kPudShift = 30, kPmdShift = 21, kPteShift = 12;

uint64_t IndexOf(uint64_t address, int shift) { return address >> shift & 511; }

std::atomic<uint64_t>* TableOf(uint64_t entry) {
  return reinterpret_cast<std::atomic<uint64_t>*>(entry & kPfnMask);
}

bool IsLeaf(uint64_t entry, int shift) {
  return shift == kPteShift || (entry & kHuge) != 0;
}

uint64_t Load(const std::atomic<uint64_t>& entry) {
  return entry.load(std::memory_order_relaxed);
}

}  // namespace

FaultBaseline::FaultBaseline() { Reset(); }

void FaultBaseline::Reset() {
  pages_.Clear();
  pgd_ = static_cast<Entry*>(pages_.AllocZeroed());
}

void FaultBaseline::Map(const BaselineVma& vma) {
  vmas_.push_back(std::make_unique<BaselineVma>(vma));
  vma_tree_.Append(vma.end - 1, vmas_.back().get());
}

// What the processor does.
FaultBaseline::Entry* FaultBaseline::WalkHardware(uint64_t address,
                                                  int* order) const {
  Entry* table = pgd_;
  for (int shift = kPgdShift;; shift -= 9) {
    Entry& entry = table[IndexOf(address, shift)];
    const uint64_t value = Load(entry);
    if ((value & kPresent) == 0) return nullptr;
    if (IsLeaf(value, shift)) {
      *order = shift - kPteShift;
      return &entry;
    }
    table = TableOf(value);
  }
}

const BaselineVma* FaultBaseline::FindVma(uint64_t address) const {
  const auto* vma = static_cast<const BaselineVma*>(vma_tree_.Find(address));
  return vma != nullptr && vma->start <= address ? vma : nullptr;
}

// pud_alloc(), pmd_alloc(), pte_alloc(): the table below, and its entry.
FaultBaseline::Entry* FaultBaseline::Below(Entry& entry, uint64_t address,
                                           int shift) {
  if (Load(entry) == 0) {
    void* page = pages_.AllocZeroed();
    page_table_lock_.Lock();
    if (Load(entry) == 0) {
      entry.store(reinterpret_cast<uint64_t>(page) | kPresent | kWrite | kUser,
                  std::memory_order_release);
    }
    page_table_lock_.Unlock();
  }
  return &TableOf(Load(entry))[IndexOf(address, shift)];
}

// __handle_mm_fault(), handle_pte_fault(), do_fault().
bool FaultBaseline::HandleMmFault(const BaselineVma& vma, uint64_t address,
                                  bool write) {
  ++counters_[0];  // PGFAULT
  BaselineFault fault{.vma = &vma,
                      .address = address,
                      .page = (address - vma.start) >> 12,
                      .write = write,
                      .mm = this};
  Entry* p4d = &pgd_[IndexOf(address, kPgdShift)];
  fault.pud = Below(*p4d, address, kPudShift);
  if (Load(*fault.pud) == 0 && !vma.no_huge) {
    const Result result = vma.file->Fault(fault, 18);
    if (result != BaselineHandler::kFallback) {
      return result == BaselineHandler::kNoPage;
    }
  }
  fault.pmd = Below(*fault.pud, address, kPmdShift);
  if (Load(*fault.pmd) == 0 && !vma.no_huge) {
    const Result result = vma.file->Fault(fault, 9);
    if (result != BaselineHandler::kFallback) {
      return result == BaselineHandler::kNoPage;
    }
    ++counters_[1];  // THP_FAULT_FALLBACK
  }
  // __do_fault() allocates the page table before it asks.
  Below(*fault.pmd, address, kPteShift);
  return vma.file->Fault(fault, 0) == BaselineHandler::kNoPage;
}

uint64_t FaultBaseline::Touch(uint64_t address, bool write) {
  for (;;) {
    int order = 0;
    Entry* entry = WalkHardware(address, &order);
    const uint64_t value = entry != nullptr ? Load(*entry) : 0;
    if (entry != nullptr && (!write || (value & kWrite))) {
      entry->store(value | kAccessed | (write ? kDirty : 0),
                   std::memory_order_relaxed);
      const uint64_t inside = (address >> 12) & ((uint64_t{1} << order) - 1);
      return ((value & kPfnMask) >> 12) + inside;
    }
    mmap_lock_.LockShared();
    const BaselineVma* vma = FindVma(address);
    const bool again = vma != nullptr && vma->file != nullptr &&
                       HandleMmFault(*vma, address & ~uint64_t{4095}, write);
    mmap_lock_.UnlockShared();
    if (!again) return 0;
    ++counters_[2];  // min_flt
  }
}

namespace {

uint64_t MkEntry(uint64_t pfn, uint64_t bits, bool write) {
  uint64_t entry = pfn << 12 | kPresent | kUser | bits;
  if (write) entry |= kAccessed | kDirty | kSoftDirty | kWrite;
  return entry;
}

bool IsZero(uint64_t pfn) {
  return pfn == FaultBaseline::kZeroPfn || pfn == FaultBaseline::kHugeZeroPfn;
}

}  // namespace

// vmf_insert_pfn_pmd().
Result FaultBaseline::InsertPmd(BaselineFault& fault, uint64_t pfn,
                                bool write) {
  page_table_lock_.Lock();
  if (Load(*fault.pmd) == 0) {
    const uint64_t devmap = IsZero(pfn) ? 0 : kDevmap;
    fault.pmd->store(MkEntry(pfn, kHuge | devmap, write),
                     std::memory_order_release);
  }
  page_table_lock_.Unlock();
  return BaselineHandler::kNoPage;
}

// vmf_insert_pfn_pud().
Result FaultBaseline::InsertPud(BaselineFault& fault, uint64_t pfn,
                                bool write) {
  page_table_lock_.Lock();
  if (Load(*fault.pud) == 0) {
    fault.pud->store(MkEntry(pfn, kHuge | kDevmap, write),
                     std::memory_order_release);
  }
  page_table_lock_.Unlock();
  return BaselineHandler::kNoPage;
}

// vmf_insert_mixed() and _mkwrite(): insert_pfn() walks down once more.
Result FaultBaseline::InsertPte(BaselineFault& fault, uint64_t pfn,
                                bool write) {
  const uint64_t address = fault.address;
  Entry* pud = Below(pgd_[IndexOf(address, kPgdShift)], address, kPudShift);
  Entry* pte = Below(*Below(*pud, address, kPmdShift), address, kPteShift);
  page_table_lock_.Lock();
  if (Load(*pte) == 0) {
    const uint64_t devmap = IsZero(pfn) ? 0 : kDevmap;
    pte->store(MkEntry(pfn, kSpecial | devmap, write),
               std::memory_order_release);
  }
  page_table_lock_.Unlock();
  return BaselineHandler::kNoPage;
}

}  // namespace dmdax::bench
