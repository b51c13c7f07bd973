// SPDX-License-Identifier: Apache-2.0
//
// FaultReason: why a fault mapped less than was asked for, or nothing.
//
// Each huge-page attempt that falls back, and each fault that ends in a
// signal, carries exactly one reason: a code, the numbers of the comparison
// that failed, and the level that caused it (this target of this table, this
// queue, this extent, this VMA).
//
//   const FaultReason& reason = outcome.reason;
//   if (reason.code == FaultReasonCode::kRunMaxSectors) {
//     std::cout << FaultReasonText(reason) << "\n";
//   }
//   // the queue's max_sectors of vg-home (dm-0) allows 320 pages a request,
//   // 512 are needed
//
// docs/fault-reasons.md explains every code under its name; a test keeps the
// two together.  A reason costs nothing until a fault goes wrong; its text is
// made when somebody asks for it.  Threading: plain values.
#ifndef DMDAX_MM_FAULT_REASON_H_
#define DMDAX_MM_FAULT_REASON_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/types/span.h"
#include "base/trace.h"

namespace dmdax {

enum class FaultReasonCode {
  kNone,
  // The VMA and the process.
  kThpDisabled,       // huge faults are not tried for this VMA
  kNoHugeFault,       // its operations have no ->huge_fault
  kNoFault,           // its operations have no ->fault: SIGBUS
  kNoPudThp,          // the architecture has no PUD-sized huge pages
  kVmaColour,         // address and file offset differ modulo 2 MiB
  kVmaStart,          // the VMA starts inside the huge page
  kVmaEnd,            // the VMA ends inside the huge page
  kPrivateWrite,      // a private mapping is copied page by page
  kPageTablePresent,  // a page table already hangs at the PMD
  kVmLockRetry,       // the handler does not run under the VMA lock
  kNoVma,             // nothing is mapped there: SIGSEGV
  kVmaAccess,         // the VMA does not allow the access: SIGSEGV
  // The file.
  kFsNoPud,         // file systems map at most a PMD
  kNotDax,          // the file is not DAX: page cache
  kBeyondEof,       // the page lies beyond the end of the file: SIGBUS
  kEofInside,       // the file ends inside the huge page
  kEntryConflict,   // 4 KiB DAX entries already exist in the range
  kExtentShort,     // the extent ends inside the huge page
  kExtentType,      // a write got an extent that is not written
  kIomapError,      // the file system answered an errno
  kNoHugeZeroPage,  // the huge zero page can not be inserted
  kNoSyncSupport,   // the handler can not defer a synchronous fault
  // The device stack.
  kRunTargetEnd,   // a table row ends inside the huge page
  kRunChunk,       // a stripe's chunk ends inside the huge page
  kRunMaxSectors,  // a dm queue's max_sectors is less than the huge page
  kRunDeviceEnd,   // the persistent memory ends there
  kRunBadBlocks,   // a poisoned page lies ahead
  kRunShort,       // shorter, and no level says why
  kPfnExtent,      // the extent's place on the device is not aligned
  kPfnPartition,   // the partition's start is not aligned
  kPfnTarget,      // a target's start moves the pages off the boundary
  kPfnDevice,      // the device's own memory is not aligned
  kPfnNoDevmap,    // the memory has no struct pages
  kPoison,         // the page is poisoned
  kDirectAccess,   // the device answered another errno
  // Device-dax.
  kDevDaxDead,          // the device is being removed
  kDevDaxPrivate,       // attempted private mapping
  kDevDaxVmaAlign,      // the VMA is not aligned to the device's align
  kDevDaxAlignLarger,   // align is larger than the fault
  kDevDaxAlignSmaller,  // align is smaller than the fault
  kDevDaxVmaRange,      // the huge page reaches out of the VMA
  kDevDaxPgoff,         // the offset lies outside the device's ranges
  // Insertion.
  kInsertRange,       // the address is outside the VMA
  kInsertNotAllowed,  // a pfn that this VMA may not hold
  kInsertOtherPage,   // another page is mapped there already
  kFolioOrder,        // the folio is smaller than the mapping
  kFolioNoRef,        // the page has no reference to share
  kKernelBug,         // a BUG_ON of the kernel
  // The page cache.
  kReadError,     // the page could not be read
  kHwpoisonPage,  // the handler returned a poisoned page
  kSyncFailed,    // fsync before a synchronous mapping failed
};

// The guilty step of the device stack, or none: what a reason tells of it.
// Levels of one device share their names, since a sweep may find a million rows
// of a table to be guilty.
class FaultLevel {
 public:
  FaultLevel() = default;
  FaultLevel(const TraceStep& step);  // NOLINT: a step is a level

  bool has_value() const { return names_ != nullptr; }
  explicit operator bool() const { return has_value(); }

  // The fields of TraceStep; not of none.
  TraceFunction function() const { return names_->function; }
  const std::string& device() const { return names_->device; }
  const std::string& name() const { return names_->name; }
  const std::string& target() const { return names_->target; }
  const std::string& lower() const { return names_->lower; }
  sector_t begin() const { return begin_; }
  sector_t len() const { return len_; }

 private:
  struct Names {
    TraceFunction function;
    std::string device, name, target, lower;
  };

  std::shared_ptr<const Names> names_;
  sector_t begin_{}, len_{};
};

// Whoever ends a fault assigns a whole reason, so nothing of an earlier attempt
// stays: vmf.reason = {.code = FaultReasonCode::kVmaEnd, .have = 3}.
struct FaultReason {
  FaultReasonCode code = FaultReasonCode::kNone;
  int order = 0;      // what was tried: 2^order pages
  int err = 0;        // errno, when one was involved
  uint64_t want = 0;  // the comparison's two sides; units as in the text
  uint64_t have = 0;
  std::string where;  // the level in words, when it is not a device
  FaultLevel level;

  explicit operator bool() const { return code != FaultReasonCode::kNone; }
};

// "run_max_sectors": the heading in docs/fault-reasons.md.
std::string FaultReasonName(FaultReasonCode code);

// A sentence without a full stop, with every number and the level.
std::string FaultReasonText(const FaultReason& reason);

// All codes but kNone, in order.
absl::Span<const FaultReasonCode> AllFaultReasons();

// "target linear [0 +524288] of vg-home (dm-0)", "pmem0": a level in words; not
// of none.
std::string LevelText(const FaultLevel& level);

// Why a run of `have` pages is shorter than `want`: the step whose clip gave
// the final length, and the code for that clip.
FaultReason ShortRunReason(absl::Span<const TraceStep> steps, uint64_t want,
                           uint64_t have);

// Why the first page frame of a run is not a multiple of `want` pages.  Every
// level may add to the misalignment; the topmost device level that does is
// named, or else the extent.  `pgoff` is the page asked of the top device,
// `part_pages` how much of it is the partition's start.
FaultReason MisalignedReason(absl::Span<const TraceStep> steps, pgoff_t pgoff,
                             uint64_t part_pages, pfn_t pfn, uint64_t want);

}  // namespace dmdax

#endif  // DMDAX_MM_FAULT_REASON_H_
