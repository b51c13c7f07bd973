// SPDX-License-Identifier: Apache-2.0
//
// FaultEvent: what a fault did, in the order it did it.
//
// The events are the kernel's trace points and the probes the recordings
// were taken with: page_fault_user, dax_pmd_fault, iomap_iter_dstmap, dm_da,
// insert_pfn_pte, handle_mm_fault_ret ...  A recorder is optional; without
// one nothing is built.
//
//   FaultRecorder recorder;
//   mm.set_recorder(&recorder);
//   mm.Touch(address, true);
//   for (const FaultEvent& event : recorder.events())
//     std::cout << FaultEventText(profile, event) << "\n";
//
// Mirrors: include/trace/events/fs_dax.h, fs/iomap/trace.h, exceptions.h.
// Threading: one recorder, one thread.
#ifndef DMDAX_MM_FAULT_EVENT_H_
#define DMDAX_MM_FAULT_EVENT_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "base/dev_t.h"
#include "base/fault_functions.h"
#include "base/fault_profile.h"
#include "base/trace.h"
#include "mm/vm_fault.h"

namespace dmdax {

enum class FaultEventKind {
  kPageFaultUser,
  kHandleMmFaultRet,
  kDaxPmdFault,
  kDaxPmdFaultDone,
  kDaxPteFault,
  kDaxPteFaultDone,
  kDaxLoadHole,
  kDaxPmdLoadHole,
  kDaxPmdLoadHoleFallback,
  kDaxInsertMapping,
  kDaxPmdInsertMapping,
  kDaxInsertPfnMkwrite,
  kDaxInsertPfnMkwriteNoEntry,
  kDaxWritebackRange,
  kDaxWritebackRangeDone,
  kDaxWritebackOne,
  kIomapIterDstmap,
  kIomapIterSrcmap,
  kDirectAccess,  // dm_da, linear_da, pmem_da ...
  kDirectAccessRet,
  kInsertPfnPte,
  kInsertPfnPteRet,
  kInsertPfnPteMkwrite,
  kInsertPfnPteMkwriteRet,
  kInsertPfnPmd,
  kInsertPfnPmdRet,
  kInsertPfnPud,
  kInsertPfnPudRet,
  kDevDaxFault,
  kDevDaxFaultRet,
};

// One event.  Which fields mean something depends on the kind, as in the
// kernel's formats; the rest are zero.
struct FaultEvent {
  // Makes each field on its own.  GCC 12 clears an aggregate of this size by
  // `rep stos`, which takes longer than all the rest of an event.
  explicit FaultEvent(FaultEventKind k) : kind(k) {}

  FaultEventKind kind;
  DevT dev{};  // the file system's device
  uint64_t ino = 0;
  uint64_t vm_flags = 0;
  unsigned flags = 0;  // FAULT_FLAG_*, or x86 error code
  uint64_t address = 0;
  uint64_t vm_start = 0;
  uint64_t vm_end = 0;
  uint64_t pgoff = 0;
  uint64_t max_pgoff = 0;  // or the last page of a writeback range
  uint64_t length = 0;
  uint64_t pfn = 0;  // with PFN_DEV|PFN_MAP in the top bits
  uint64_t radix_entry = 0;
  uint64_t addr = 0;    // iomap
  uint64_t offset = 0;  // iomap, bytes
  DevT bdev{};          // iomap
  uint16_t iomap_type = 0;
  uint16_t iomap_flags = 0;
  bool write = false;
  int pe_size = 0;  // 0 PTE, 1 PMD, 2 PUD
  int64_t ret = 0;  // VM_FAULT_*, pages or -errno
  // kDirectAccess*: one of the recorder's, valid as long as its events.
  const TraceStep* step = nullptr;
};

// A call of one of the kernel's functions.
struct FaultCall {
  FaultFunction function = FaultFunction::kNone;
  int depth = 0;
  // Of a device, whose functions have no number; as in FaultEvent.
  const TraceStep* step = nullptr;
  // The events between these are inside it.
  size_t enter = 0;
  size_t leave = 0;
};

class FaultRecorder {
 public:
  // A new event, to be filled before the next one comes.
  FaultEvent& Add(FaultEventKind kind) { return events_.emplace_back(kind); }
  // The entries and returns of a device stack's steps, properly nested.  The
  // steps as they are kept, until Clear().
  absl::Span<const TraceStep> AddSteps(std::vector<TraceStep> steps);

  absl::Span<const FaultEvent> events() const { return events_; }

  // Opens a call; its index goes to Leave().  FaultScope does both.
  size_t Enter(FaultFunction function, const TraceStep* step = nullptr) {
    if (calls_.empty()) ReserveForFault();
    calls_.push_back({function, depth_++, step, events_.size(), 0});
    return calls_.size() - 1;
  }
  void Leave(size_t index) {
    calls_[index].leave = events_.size();
    --depth_;
  }
  // In the order of entry; mm/fault_graph.h prints them.
  const std::vector<FaultCall>& calls() const { return calls_; }

  // Not while a call is open.
  void Clear() {
    events_.clear();
    calls_.clear();
    steps_.clear();
  }

 private:
  // What a fault on one device has.
  void ReserveForFault();

  std::vector<FaultEvent> events_;
  std::vector<FaultCall> calls_;
  // What events and calls point to; copies of a recorder share it.
  std::vector<std::shared_ptr<const std::vector<TraceStep>>> steps_;
  int depth_ = 0;
};

// Records, if a recorder is set, that a function of the fault path runs.
class FaultScope {
 public:
  FaultScope(FaultRecorder* recorder, FaultFunction function)
      : recorder_(recorder) {
    if (recorder_ != nullptr) index_ = recorder_->Enter(function);
  }
  ~FaultScope() {
    if (recorder_ != nullptr) recorder_->Leave(index_);
  }
  FaultScope(const FaultScope&) = delete;
  FaultScope& operator=(const FaultScope&) = delete;

 private:
  FaultRecorder* const recorder_;
  size_t index_ = 0;
};

// The line the kernel's trace shows, in this kernel's format, without time
// stamps.  Zero pages print as pointer "0".
std::string FaultEventText(const FaultProfile& profile,
                           const FaultEvent& event);

// Whether two direct_access steps hit the same probe: a kernel whose return
// probes serve one call at a time loses the inner one's return.
inline bool SameProbe(const TraceStep& a, const TraceStep& b) {
  return a.function == b.function && a.target == b.target;
}

// "MAPPED", "HOLE" ...; "NEW|DIRTY|SHARED".
std::string IomapTypeText(uint16_t type);
std::string IomapFlagText(uint16_t flags);

}  // namespace dmdax

#endif  // DMDAX_MM_FAULT_EVENT_H_
