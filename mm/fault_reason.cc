// SPDX-License-Identifier: Apache-2.0
#include "mm/fault_reason.h"

#include <cerrno>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/substitute.h"
#include "base/errno_status.h"
#include "base/one_line.h"

namespace dmdax {
namespace {

struct ReasonInfo {
  FaultReasonCode code;
  const char* name;
  // $0 want, $1 have, $2 the level, $3 the errno's name, $4 pages: "1 page".
  const char* text;
};

using C = FaultReasonCode;

constexpr ReasonInfo kReasons[] = {
    {C::kThpDisabled, "thp_disabled",
     "huge pages are not tried for this VMA: $2"},
    {C::kNoHugeFault, "no_huge_fault", "$2 has no huge_fault operation"},
    {C::kNoFault, "no_fault", "$2 has no fault operation"},
    {C::kNoPudThp, "no_pud_thp",
     "this architecture has no PUD-sized huge pages"},
    {C::kVmaColour, "vma_colour",
     "the file offset is page $0 of its huge page, the address page $1"},
    {C::kVmaStart, "vma_start",
     "the VMA starts $4 after the start of the huge page"},
    {C::kVmaEnd, "vma_end", "the VMA ends $4 before the end of the huge page"},
    {C::kPrivateWrite, "private_write",
     "a write to a private mapping copies single pages"},
    {C::kPageTablePresent, "page_table_present",
     "a page table with smaller mappings is already in place"},
    {C::kVmLockRetry, "vma_lock_retry",
     "$2 does not run under the VMA lock; the fault is tried again"},
    {C::kNoVma, "no_vma", "nothing is mapped at this address"},
    {C::kVmaAccess, "vma_access", "the VMA does not allow this access"},
    {C::kFsNoPud, "fs_no_pud", "$2 maps at most 2 MiB at once"},
    {C::kNotDax, "not_dax", "the file is not DAX; its pages are cached"},
    {C::kBeyondEof, "beyond_eof",
     "page $0 lies beyond the end of the file, which has $4"},
    {C::kEofInside, "eof_inside",
     "the huge page ends at page $0, the file has only $4"},
    {C::kEntryConflict, "entry_conflict",
     "single pages of this range are already in the file's mapping"},
    {C::kExtentShort, "extent_short",
     "the extent has $4 from here on, $0 are needed: $2"},
    {C::kExtentType, "extent_type",
     "the file system answered a write with an extent of type $2"},
    {C::kIomapError, "iomap_error", "the file system answered -$3"},
    {C::kNoHugeZeroPage, "no_huge_zero_page",
     "the huge zero page can not be inserted: the PMD is not empty"},
    {C::kNoSyncSupport, "no_sync_support",
     "$2 can not defer a synchronous fault"},
    {C::kRunTargetEnd, "run_target_end", "$2 ends after $4, $0 are needed"},
    {C::kRunChunk, "run_chunk", "a chunk of $2 ends after $4, $0 are needed"},
    {C::kRunMaxSectors, "run_max_sectors",
     "the queue's max_sectors of $2 allows $4 a request, $0 are needed"},
    {C::kRunDeviceEnd, "run_device_end", "$2 ends after $4, $0 are needed"},
    {C::kRunBadBlocks, "run_bad_blocks",
     "$2 has a bad block after $4, $0 are needed"},
    {C::kRunShort, "run_short", "the run has $4, $0 are needed"},
    {C::kPfnExtent, "pfn_extent",
     "the extent starts $4 past a multiple of $0 pages on the device"},
    {C::kPfnPartition, "pfn_partition",
     "the partition $2 starts $4 past a multiple of $0 pages"},
    {C::kPfnTarget, "pfn_target",
     "$2 moves pages by $1 more than a multiple of $0"},
    {C::kPfnDevice, "pfn_device",
     "the memory of $2 starts $4 past a multiple of $0 pages"},
    {C::kPfnNoDevmap, "pfn_no_devmap", "the memory of $2 has no struct pages"},
    {C::kPoison, "poison", "the memory is poisoned: $2 answered -$3"},
    {C::kDirectAccess, "direct_access", "$2 answered -$3"},
    {C::kDevDaxDead, "devdax_dead", "the dax device $2 is being removed"},
    {C::kDevDaxPrivate, "devdax_private", "attempted private mapping"},
    {C::kDevDaxVmaAlign, "devdax_vma_align",
     "the VMA is not aligned to the device's $0 bytes"},
    {C::kDevDaxAlignLarger, "devdax_align_larger",
     "alignment ($0) > fault size ($1)"},
    {C::kDevDaxAlignSmaller, "devdax_align_smaller",
     "alignment ($0) < fault size ($1); a device maps in units of its "
     "alignment only"},
    {C::kDevDaxVmaRange, "devdax_vma_range",
     "the mapping of $0 bytes reaches out of the VMA"},
    {C::kDevDaxPgoff, "devdax_pgoff",
     "page $0 with $1 bytes lies outside the ranges of $2"},
    {C::kInsertRange, "insert_range", "the address is outside the VMA"},
    {C::kInsertNotAllowed, "insert_not_allowed",
     "this VMA may not hold this page frame"},
    {C::kInsertOtherPage, "insert_other_page",
     "page frame $1 is mapped there already, not $0"},
    {C::kFolioOrder, "folio_order",
     "the folio has order $1, the mapping needs order $0"},
    {C::kFolioNoRef, "folio_no_ref", "page frame $0 has reference count 0"},
    {C::kKernelBug, "kernel_bug", "the kernel stops: $2"},
    {C::kReadError, "read_error", "the page could not be read: -$3"},
    {C::kHwpoisonPage, "hwpoison_page", "page frame $0 is poisoned"},
    {C::kSyncFailed, "sync_failed",
     "the file could not be synchronised first: -$3"},
};

const ReasonInfo* Find(FaultReasonCode code) {
  for (const ReasonInfo& info : kReasons) {
    if (info.code == code) return &info;
  }
  return nullptr;
}

FaultReasonCode ClipCode(RunClip clip) {
  switch (clip) {
    case RunClip::kTargetEnd:
      return C::kRunTargetEnd;
    case RunClip::kMaxIoLen:
      return C::kRunChunk;
    case RunClip::kMaxSectors:
      return C::kRunMaxSectors;
    case RunClip::kDeviceEnd:
      return C::kRunDeviceEnd;
    case RunClip::kBadBlocks:
      return C::kRunBadBlocks;
    case RunClip::kNone:
      break;
  }
  return C::kRunShort;
}

}  // namespace

std::string FaultReasonName(FaultReasonCode code) {
  const ReasonInfo* info = Find(code);
  return info != nullptr ? info->name : "none";
}

std::string FaultReasonText(const FaultReason& reason) {
  const ReasonInfo* info = Find(reason.code);
  if (info == nullptr) return "";
  std::string where = OneLine(reason.where);
  if (reason.level) where = LevelText(reason.level);
  if (reason.code == C::kDirectAccess && reason.err == ELOOP) {
    // No kernel answers so: it is where the walk down a stack gives up.
    return absl::StrCat(
        "dmdax: not modelled: more than 256 mapped devices on each other "
        "(needs a kernel stack as deep); given up at ",
        where);
  }
  return absl::Substitute(
      info->text, reason.want, reason.have, where, ErrnoName(reason.err),
      absl::StrCat(reason.have, reason.have == 1 ? " page" : " pages"));
}

absl::Span<const FaultReasonCode> AllFaultReasons() {
  static const auto* codes = [] {
    auto* all = new std::vector<FaultReasonCode>;
    for (const ReasonInfo& info : kReasons) all->push_back(info.code);
    return all;
  }();
  return *codes;
}

FaultLevel::FaultLevel(const TraceStep& step)
    : begin_(step.begin), len_(step.len) {
  // Most often it is the device of the last one.
  thread_local std::shared_ptr<const Names> last;
  if (last == nullptr || last->function != step.function ||
      last->device != step.device || last->name != step.name ||
      last->target != step.target || last->lower != step.lower) {
    last = std::make_shared<const Names>(
        Names{step.function, step.device, step.name, step.target, step.lower});
  }
  names_ = last;
}

std::string LevelText(const FaultLevel& level) {
  const std::string device =
      level.name().empty() || level.name() == level.device()
          ? level.device()
          : absl::StrCat(OneLine(level.name()), " (", level.device(), ")");
  if (level.target().empty()) return device;
  return absl::StrFormat("target %s [%d +%d] of %s", level.target(),
                         level.begin().value(), level.len().value(), device);
}

FaultReason ShortRunReason(absl::Span<const TraceStep> steps, uint64_t want,
                           uint64_t have) {
  FaultReason reason{.code = C::kRunShort, .want = want, .have = have};
  for (size_t i = 0; i < steps.size(); ++i) {
    const TraceStep& step = steps[i];
    if (step.clip == RunClip::kNone) continue;
    // A level above may clip too, to more than what came back; the cause is the
    // level that clipped to `have`.
    const uint64_t pages = step.clip_sectors / kPageSectors;
    if (pages > have && i + 1 < steps.size()) continue;
    reason.code = ClipCode(step.clip);
    // A mapped device clips on behalf of its target, whose step follows.
    const bool by_target =
        step.function == TraceFunction::kDmDaxDirectAccess &&
        i + 1 < steps.size() &&
        steps[i + 1].function == TraceFunction::kTargetDirectAccess &&
        step.clip != RunClip::kMaxSectors;
    reason.level = by_target ? steps[i + 1] : step;
    return reason;
  }
  return reason;
}

FaultReason MisalignedReason(absl::Span<const TraceStep> steps, pgoff_t pgoff,
                             uint64_t part_pages, pfn_t pfn, uint64_t want) {
  FaultReason reason;
  reason.want = want;
  uint64_t above = pgoff.value();  // page offset as the level above saw it
  for (size_t i = 0; i < steps.size(); ++i) {
    const TraceStep& step = steps[i];
    // A mapped device hands the offset on; the target below it moves it.
    if (step.function == TraceFunction::kDmDaxDirectAccess) continue;
    const bool leaf = step.function == TraceFunction::kPmemDaxDirectAccess;
    const uint64_t below = leaf                   ? pfn.value()
                           : i + 1 < steps.size() ? steps[i + 1].pgoff.value()
                                                  : above;
    const uint64_t moved = (below - above) & (want - 1);
    const uint64_t to = step.lower_sector.value() / kPageSectors;
    if (moved != 0 && !step.lower.empty() && (to - above) % want == 0) {
      // The target sent it to a boundary of a partition that begins off one.
      reason.code = C::kPfnPartition;
      reason.have = moved;
      reason.level = TraceStep{.function = TraceFunction::kPmemDaxDirectAccess,
                               .device = step.lower_name,
                               .name = step.lower_name};
      return reason;
    }
    if (moved != 0) {
      reason.code = leaf ? C::kPfnDevice : C::kPfnTarget;
      reason.have = moved;
      reason.level = step;
      return reason;
    }
    above = below;
  }
  if ((part_pages & (want - 1)) != 0) {
    reason.code = C::kPfnPartition;
    reason.have = part_pages & (want - 1);
    if (!steps.empty()) reason.where = absl::StrCat("of ", steps[0].device);
    return reason;
  }
  reason.code = C::kPfnExtent;
  reason.have = pgoff.value() & (want - 1);
  return reason;
}

}  // namespace dmdax
