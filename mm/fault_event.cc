// SPDX-License-Identifier: Apache-2.0
#include "mm/fault_event.h"

#include <utility>

#include "absl/container/inlined_vector.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace dmdax {
namespace {

using K = FaultEventKind;

std::string DevIno(const FaultEvent& e) {
  return absl::StrFormat("dev %s ino 0x%x", e.dev.ToString(), e.ino);
}

const char* SharedText(const FaultEvent& e) {
  return (e.vm_flags & VM_SHARED) ? "shared" : "private";
}

// PFN_DEV|PFN_MAP as pfn_flags_trace prints it.
const char* PfnFlagText(uint64_t pfn) {
  return (pfn >> 60) == 3 ? "DEV|MAP" : (pfn >> 60) == 2 ? "DEV" : "";
}

std::string DaxFaultText(const char* name, const FaultEvent& e, bool pmd) {
  std::string out =
      absl::StrFormat("%s: %s %s %s address 0x%x", name, DevIno(e),
                      SharedText(e), FaultFlagText(e.flags), e.address);
  if (pmd) {
    absl::StrAppendFormat(&out, " vm_start 0x%x vm_end 0x%x", e.vm_start,
                          e.vm_end);
  }
  absl::StrAppendFormat(&out, " pgoff 0x%x", e.pgoff);
  if (pmd) absl::StrAppendFormat(&out, " max_pgoff 0x%x", e.max_pgoff);
  return out;
}

std::string WithResult(std::string text, int64_t ret) {
  return absl::StrCat(text, " ", VmFaultText(static_cast<vm_fault_t>(ret)));
}

std::string IomapText(const FaultProfile& profile, const char* name,
                      const FaultEvent& e) {
  std::string out = absl::StrFormat(
      "%s: %s bdev %s addr 0x%x offset 0x%x length 0x%x type %s", name,
      DevIno(e), e.bdev.ToString(), e.addr, e.offset, e.length,
      IomapTypeText(e.iomap_type));
  if (profile.trace_iomap_numbers) {
    absl::StrAppendFormat(&out, " (0x%x)", e.iomap_type);
  }
  absl::StrAppend(&out, " flags ", IomapFlagText(e.iomap_flags));
  if (profile.trace_iomap_numbers) {
    absl::StrAppendFormat(&out, " (0x%x)", e.iomap_flags);
  }
  return out;
}

std::string DirectAccessText(const FaultProfile& profile, const FaultEvent& e) {
  const TraceStep& step = *e.step;
  std::string out = absl::StrCat(KernelEventName(step), ":");
  if (step.event_has_row) {
    absl::StrAppendFormat(&out, " begin=%d len=%d", step.begin.value(),
                          step.len.value());
  }
  absl::StrAppendFormat(&out, " pgoff=%d nr=%d", step.pgoff.value(),
                        step.nr_pages);
  if (profile.trace_access_mode &&
      step.function != TraceFunction::kDmDaxZeroPageRange &&
      step.function != TraceFunction::kTargetDirectAccess) {
    absl::StrAppend(&out, " mode=", step.mode);
  }
  return out;
}

std::string InsertText(const FaultProfile& profile, const char* name,
                       const FaultEvent& e, bool with_address) {
  std::string out = absl::StrCat(name, ":");
  if (profile.no_pfn_t || profile.trace_insert_page) {
    absl::StrAppendFormat(&out, " pfn=0x%x write=%d", e.pfn & ~(15ull << 60),
                          e.write);
    return out;
  }
  if (with_address) absl::StrAppendFormat(&out, " addr=0x%x", e.address);
  absl::StrAppendFormat(&out, " pfn_t=0x%x", e.pfn);
  if (!with_address) absl::StrAppendFormat(&out, " write=%d", e.write);
  return out;
}

std::string RetText(const char* name, int64_t ret) {
  return absl::StrFormat("%s: ret=0x%x", name, static_cast<vm_fault_t>(ret));
}

std::string DaxText(const FaultProfile& profile, const FaultEvent& e) {
  switch (e.kind) {
    case K::kDaxPmdFault:
      return DaxFaultText("dax_pmd_fault", e, true);
    case K::kDaxPmdFaultDone:
      return WithResult(DaxFaultText("dax_pmd_fault_done", e, true), e.ret);
    case K::kDaxPteFault:
      return DaxFaultText("dax_pte_fault", e, false);
    case K::kDaxPteFaultDone:
      return WithResult(DaxFaultText("dax_pte_fault_done", e, false), e.ret);
    case K::kDaxLoadHole:
      return WithResult(DaxFaultText("dax_load_hole", e, false), e.ret);
    case K::kDaxInsertPfnMkwrite:
      return WithResult(DaxFaultText("dax_insert_pfn_mkwrite", e, false),
                        e.ret);
    case K::kDaxInsertPfnMkwriteNoEntry:
      return WithResult(
          DaxFaultText("dax_insert_pfn_mkwrite_no_entry", e, false), e.ret);
    case K::kDaxPmdLoadHole:
    case K::kDaxPmdLoadHoleFallback:
      return absl::StrFormat(
          "%s: %s %s address 0x%x %s 0 radix_entry 0x%x",
          e.kind == K::kDaxPmdLoadHole ? "dax_pmd_load_hole"
                                       : "dax_pmd_load_hole_fallback",
          DevIno(e), SharedText(e), e.address,
          profile.trace_zero_folio ? "zero_folio" : "zero_page", e.radix_entry);
    case K::kDaxInsertMapping:
      return absl::StrFormat(
          "dax_insert_mapping: %s %s %s address 0x%x radix_entry 0x%x",
          DevIno(e), SharedText(e), e.write ? "write" : "read", e.address,
          e.radix_entry);
    case K::kDaxPmdInsertMapping:
      return absl::StrFormat(
          "dax_pmd_insert_mapping: %s %s %s address 0x%x length 0x%x pfn 0x%x "
          "%s radix_entry 0x%x",
          DevIno(e), SharedText(e), e.write ? "write" : "read", e.address,
          e.length, e.pfn & ~(15ull << 60), PfnFlagText(e.pfn), e.radix_entry);
    case K::kDaxWritebackRange:
      return absl::StrFormat("dax_writeback_range: %s pgoff 0x%x-0x%x",
                             DevIno(e), e.pgoff, e.max_pgoff);
    case K::kDaxWritebackRangeDone:
      return absl::StrFormat("dax_writeback_range_done: %s pgoff 0x%x-0x%x",
                             DevIno(e), e.pgoff, e.max_pgoff);
    case K::kDaxWritebackOne:
      return absl::StrFormat("dax_writeback_one: %s pgoff 0x%x pglen 0x%x",
                             DevIno(e), e.pgoff, e.length);
    default:
      return "";
  }
}

}  // namespace

std::string IomapTypeText(uint16_t type) {
  static constexpr const char* kNames[] = {"HOLE", "DELALLOC", "MAPPED",
                                           "UNWRITTEN", "INLINE"};
  return type < 5 ? kNames[type] : absl::StrFormat("0x%x", type);
}

std::string IomapFlagText(uint16_t flags) {
  static constexpr const char* kNames[] = {"NEW", "DIRTY", "SHARED", "MERGED",
                                           "BUFFER_HEAD"};
  std::vector<std::string> out;
  for (int bit = 0; bit < 5; ++bit) {
    if (flags & (1 << bit)) out.push_back(kNames[bit]);
  }
  const int rest = flags & ~0x1f;
  if (rest != 0) out.push_back(absl::StrFormat("0x%x", rest));
  return absl::StrJoin(out, "|");
}

namespace {

// A fault on one device has 13 events and up to 27 calls.
constexpr size_t kEventsOfAFault = 16, kCallsOfAFault = 32;

std::string EventText(const FaultProfile& profile, const FaultEvent& e) {
  switch (e.kind) {
    case K::kPageFaultUser:
      return absl::StrFormat("page_fault_user: address=0x%x error_code=0x%x",
                             e.address, e.flags);
    case K::kHandleMmFaultRet:
      return RetText("handle_mm_fault_ret", e.ret);
    case K::kIomapIterDstmap:
      return IomapText(profile, "iomap_iter_dstmap", e);
    case K::kIomapIterSrcmap:
      return IomapText(profile, "iomap_iter_srcmap", e);
    case K::kDirectAccess:
      return DirectAccessText(profile, e);
    case K::kDirectAccessRet:
      return absl::StrCat(KernelEventName(*e.step), "_ret: ret=", e.ret);
    case K::kInsertPfnPte:
      return InsertText(profile, "insert_pfn_pte", e, true);
    case K::kInsertPfnPteRet:
      return RetText("insert_pfn_pte_ret", e.ret);
    case K::kInsertPfnPteMkwrite:
      return InsertText(profile, "insert_pfn_pte_mkwrite", e, true);
    case K::kInsertPfnPteMkwriteRet:
      return RetText("insert_pfn_pte_mkwrite_ret", e.ret);
    case K::kInsertPfnPmd:
      return InsertText(profile, "insert_pfn_pmd", e, false);
    case K::kInsertPfnPmdRet:
      return RetText("insert_pfn_pmd_ret", e.ret);
    case K::kInsertPfnPud:
      return InsertText(profile, "insert_pfn_pud", e, false);
    case K::kInsertPfnPudRet:
      return RetText("insert_pfn_pud_ret", e.ret);
    case K::kDevDaxFault:
      return absl::StrCat("devdax_fault: pe_size=", e.pe_size);
    case K::kDevDaxFaultRet:
      return RetText("devdax_fault_ret", e.ret);
    default:
      return DaxText(profile, e);
  }
}

}  // namespace

std::string FaultEventText(const FaultProfile& profile,
                           const FaultEvent& event) {
  // The kernel leaves a blank where a set of flags is empty.
  return std::string(
      absl::StripTrailingAsciiWhitespace(EventText(profile, event)));
}

void FaultRecorder::ReserveForFault() {
  events_.reserve(kEventsOfAFault);
  calls_.reserve(kCallsOfAFault);
}

absl::Span<const TraceStep> FaultRecorder::AddSteps(
    std::vector<TraceStep> steps) {
  struct Open {
    const TraceStep* step;
    size_t outer, inner;  // the calls that it opened, which may be one
  };
  absl::InlinedVector<Open, 8> open;
  auto close_from = [&](int depth) {
    while (!open.empty() && open.back().step->depth >= depth) {
      const Open& last = open.back();
      FaultEvent& event = Add(K::kDirectAccessRet);
      event.ret = last.step->ret;
      event.step = last.step;
      Leave(last.inner);
      if (last.outer != last.inner) Leave(last.outer);
      open.pop_back();
    }
  };
  steps_.push_back(
      std::make_shared<const std::vector<TraceStep>>(std::move(steps)));
  for (const TraceStep& step : *steps_.back()) {
    close_from(step.depth);
    // A target is called by its mapped device, all others through
    // dax_direct_access(); who zeroes is no part of a fault.
    Open& next = open.emplace_back();
    next.step = &step;
    const bool direct = step.function == TraceFunction::kTargetDirectAccess ||
                        step.function == TraceFunction::kDmDaxZeroPageRange;
    if (!direct) next.outer = Enter(FaultFunction::kDaxDirectAccess);
    next.inner = Enter(FaultFunction::kNone, &step);
    if (direct) next.outer = next.inner;
    Add(K::kDirectAccess).step = &step;
  }
  close_from(0);
  return *steps_.back();
}

}  // namespace dmdax
