// SPDX-License-Identifier: Apache-2.0
#include "tests/conformance/fault_case.h"

#include <signal.h>
#include <sys/mman.h>

#include <cstdlib>
#include <cstring>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "base/errno_status.h"
#include "base/fault_functions.h"
#include "dm/device_mapper.h"
#include "tests/conformance/event_text.h"
#include "tests/conformance/graph_text.h"
#include "tests/conformance/recorded/smaps_text.h"

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif

namespace dmdax::conformance {
namespace {

uint64_t Hex(absl::string_view text) {
  return strtoull(std::string(text).c_str(), nullptr, 16);
}

int Prot(const std::string& letters) {
  return (absl::StrContains(letters, "r") ? PROT_READ : 0) |
         (absl::StrContains(letters, "w") ? PROT_WRITE : 0) |
         (absl::StrContains(letters, "x") ? PROT_EXEC : 0);
}

int MapFlags(const std::string& words) {
  int flags = 0;
  for (absl::string_view word : absl::StrSplit(words, ',')) {
    if (word == "shared") flags |= MAP_SHARED;
    if (word == "private") flags |= MAP_PRIVATE;
    if (word == "validate") flags |= MAP_SHARED_VALIDATE;
    if (word == "sync") flags |= MAP_SYNC;
    if (word == "populate") flags |= MAP_POPULATE;
  }
  return flags;
}

Json ErrnoJson(const absl::Status& status) {
  return status.ok() ? Json(nullptr) : Json(ErrnoName(ErrnoOf(status)));
}

const char* SignalName(int sig) {
  return sig == SIGBUS ? "SIGBUS" : sig == SIGSEGV ? "SIGSEGV" : "SIGKILL";
}

// The functions of the fault path that have counterparts here, and all that a
// step of the device stack may be.
std::set<std::string> ModelledCalls(const FaultProfile& profile) {
  std::set<std::string> names = ModelledFunctions(profile);
  for (TraceFunction f : {TraceFunction::kDmDaxDirectAccess,
                          TraceFunction::kPmemDaxDirectAccess}) {
    names.insert(KernelFunctionName({.function = f}));
  }
  for (const KernelProfile& kernel : AllKernelProfiles()) {
    for (const TargetType* type : KnownTargetTypes(kernel)) {
      if (type->direct_access == nullptr) continue;
      names.insert(
          KernelFunctionName({.function = TraceFunction::kTargetDirectAccess,
                              .target = std::string(type->name),
                              .target_function = type->dax_function}));
    }
  }
  return names;
}

}  // namespace

FaultMap::FaultMap(const FaultProfile& profile, MemMap& mem,
                   std::vector<PmemRange> ranges, Verdict& verdict)
    : profile_(profile),
      mem_(mem),
      ranges_(std::move(ranges)),
      verdict_(verdict),
      mm_(profile, mem) {
  // The probe's own lowest mapping: what the kernel picks lies below.
  const uint64_t vvar_pages = static_cast<uint64_t>(profile.vvar_pages);
  probe_ = 0x7ffff7ffd000 - vvar_pages * profile.page_size();
  MmapRequest request;
  request.addr = probe_;
  request.len = 4096;
  request.prot = PROT_READ | PROT_WRITE;
  request.flags = MAP_PRIVATE | MAP_FIXED;
  if (mm_.Mmap(request).ok()) mm_.Touch(probe_, true);
  // [vvar] lies above, and a range that reaches it meets a device's memory.
  request.addr = probe_ + 4096;
  request.len = vvar_pages * profile.page_size();
  request.prot = PROT_READ;
  absl::StatusOr<VmAreaStruct*> vvar = mm_.Mmap(request);
  if (vvar.ok()) (*vvar)->vm_flags |= VM_IO | VM_PFNMAP | VM_DONTDUMP;
  mm_.mmap_base = probe_;
  mm_.comm = "daxprobe";
  mm_.set_recorder(&recorder_);
}

std::vector<PmemRange> PmemRanges(const Json& pmem) {
  std::vector<PmemRange> ranges;
  for (const auto& [name, p] : pmem.items()) {
    if (!p[0].is_string()) continue;  // btt: no memory to map
    ranges.push_back(
        {Hex(p[0].get<std::string>()), p[1].get<uint64_t>(), p[2] != "raw"});
  }
  return ranges;
}

bool FaultMap::IsPmem(uint64_t pfn) const {
  for (const PmemRange& range : ranges_) {
    const uint64_t phys = pfn << 12;
    if (phys >= range.base && phys - range.base < range.size) return true;
  }
  return false;
}

// Frames of ordinary memory differ from boot to boot.
std::string FaultMap::Mask(const std::string& event) const {
  std::string out = event;
  if (absl::StartsWith(out, "dax_pmd_load_hole")) {
    const size_t at = out.find("radix_entry ");
    const uint64_t raw = Hex(out.substr(at + 12));
    out = MaskWord(out, "zero_page ", "PTR");
    out = MaskWord(out, "zero_folio ", "PTR");
    return MaskWord(out, "radix_entry ",
                    absl::StrCat("FLAGS", (raw >> 1) & 15));
  }
  if (!absl::StartsWith(out, "insert_pfn_")) return out;
  for (const char* key : {"pfn_t=", "pfn="}) {
    const size_t at = out.find(key);
    if (at == std::string::npos) continue;
    const uint64_t pfn = Hex(out.substr(at + strlen(key)));
    if ((pfn >> 56) == 0 && !IsPmem(pfn)) out = MaskWord(out, key, "RAM");
  }
  return out;
}

void FaultMap::CompareEvents(const std::string& where, const Json& recorded) {
  if (!compare_events) return;
  if (!recorded.contains("events") && recorder_.events().empty()) return;
  std::vector<std::string> kernel;
  if (recorded.contains("events")) {
    for (const Json& event : recorded["events"]) {
      kernel.push_back(Mask(event.get<std::string>()));
    }
  }
  std::vector<FaultEvent> events(recorder_.events().begin(),
                                 recorder_.events().end());
  if (profile_.nested_return_probes_lost) {
    events = WithoutNestedReturns(events);
  }
  std::vector<std::string> ours;
  for (const FaultEvent& event : events) {
    ours.push_back(Mask(FaultEventText(profile_, event)));
  }
  const std::string op = recorded.value("op", "");
  const std::vector<std::string> looks = WithoutRepeatedLooks(kernel);
  if ((op == "falloc" || op == "zero") && kernel.size() != ours.size() &&
      looks.size() < kernel.size()) {
    verdict_.GuestNature(
        where, "in how many pieces the allocator gave blocks",
        absl::StrCat(kernel.size(), " events for ", looks.size()));
    kernel = looks;
    ours = WithoutRepeatedLooks(ours);
  }
  size_t i = 0;
  while (i < kernel.size() && i < ours.size() && SameEvent(kernel[i], ours[i]))
    ++i;
  if (i == kernel.size() && i == ours.size()) return;
  verdict_.Compare(absl::StrCat(where, " event ", i), "events",
                   i < kernel.size() ? Json(kernel[i]) : Json("(end)"),
                   i < ours.size() ? Json(ours[i]) : Json("(end)"));
}

void FaultMap::TakeThpSteps(const Json& test) {
  constexpr absl::string_view kEnabled =
      " > /sys/kernel/mm/transparent_hugepage/enabled";
  for (const char* part : {"pre", "after_dm", "mid"}) {
    for (const Json& step : test.value(part, Json::array())) {
      if (step.contains("thp")) mm_.thp_disabled = step["thp"] != 0;
      const Json argv = step.value("exec", Json::array());
      for (const Json& word : argv) {
        const std::string text = word;
        if (!absl::StrContains(text, kEnabled)) continue;
        mm_.thp_enabled =
            absl::StartsWith(text, "echo never")     ? ThpEnabled::kNever
            : absl::StartsWith(text, "echo madvise") ? ThpEnabled::kMadvise
                                                     : ThpEnabled::kAlways;
      }
    }
  }
}

bool FaultMap::Mmap(const std::string& where, const Json& map, const Json& step,
                    std::shared_ptr<File> file) {
  for (const Json& root : map.value("graph", Json::array())) {
    graph_roots_.insert(root);
  }
  MmapRequest request;
  request.len = map.value("len", uint64_t{0});
  request.prot = Prot(map.value("prot", "rw"));
  request.flags = MapFlags(map.value("flags", "shared"));
  request.file = std::move(file);
  request.pgoff = map.value("off", uint64_t{0}) >> profile_.page_shift;
  const uint64_t align = map.value("align", uint64_t{2} << 20);
  if (align != 0) {
    // As the probe does: it reserves a larger area and aligns inside.
    const uint64_t addr_off = map.value("addr_off", uint64_t{0});
    MmapRequest area;
    area.len = request.len + 2 * align + addr_off;
    area.prot = PROT_NONE;
    area.flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    absl::StatusOr<VmAreaStruct*> reserved = mm_.Mmap(area);
    if (reserved.ok()) {
      const uint64_t start = (*reserved)->vm_start;
      request.addr = (start + align - 1) / align * align + addr_off;
      request.flags |= MAP_FIXED;
      (void)mm_.Munmap(start, area.len);
    }
  }
  // The system call takes bytes and refuses part of a page first.
  absl::StatusOr<VmAreaStruct*> vma = ErrnoError(EINVAL, "offset in a page");
  if (map.value("off", uint64_t{0}) % profile_.page_size() == 0) {
    vma = mm_.Mmap(request);
  }
  verdict_.Compare(where, "mmap errno", step["errno"], ErrnoJson(vma.status()));
  if (!vma.ok()) {
    recorder_.Clear();
    return false;
  }
  base_ = (*vma)->vm_start;
  if (step["errno"].is_null()) {
    verdict_.Compare(where, "addr", step["addr"],
                     absl::StrFormat("0x%x", base_));
  }
  CompareEvents(where, step);
  recorder_.Clear();
  return step["errno"].is_null();
}

void FaultMap::Access(const std::string& where, uint64_t addr, bool write,
                      const Json& recorded) {
  const FaultOutcome outcome = mm_.Touch(addr, write);
  const Json sig =
      outcome.sig == 0 ? Json(nullptr) : Json(SignalName(outcome.sig));
  verdict_.Compare(where, "sig", recorded["sig"], sig);
  if (recorded.contains("si_code")) {
    verdict_.Compare(where, "si_code", recorded["si_code"], outcome.si_code);
  }
  if (recorded.contains("si_addr_off")) {
    verdict_.Compare(where, "si_addr_off", recorded["si_addr_off"],
                     outcome.sig_addr - base_);
  }
  verdict_.Compare(where, "minflt", recorded["minflt"], outcome.min_flt);
  verdict_.Compare(where, "majflt", recorded["majflt"], outcome.maj_flt);
  if (!outcome.bug.empty()) {
    verdict_.Compare(where, "bug", nullptr, outcome.bug);
  }
  for (const std::string& warning : outcome.warnings) {
    verdict_.Compare(where, "warning", nullptr, warning);
  }
}

void FaultMap::Inspect(const std::string& where, uint64_t addr,
                       const Json& recorded) {
  if (!recorded.contains("present")) return;
  // The reader walks the whole 2 MiB around the page.
  const uint64_t first = addr & ~((uint64_t{2} << 20) - 1);
  int present = 0;
  bool contiguous = true;
  pfn_t start{};
  for (uint64_t i = 0; i < 512; ++i) {
    const PagemapEntry entry = mm_.ReadPagemap(first + i * 4096);
    if (i == 0) start = entry.pfn;
    if (entry.present) ++present;
    if (!entry.present || entry.pfn != start + i) contiguous = false;
  }
  if ((start.value() & 511) != 0) contiguous = false;
  const PagemapEntry entry = mm_.ReadPagemap(addr);
  verdict_.Compare(where, "present", recorded["present"],
                   entry.present ? 1 : 0);
  if (recorded.contains("present_in_2m")) {
    verdict_.Compare(where, "present_in_2m", recorded["present_in_2m"],
                     present);
  }
  const bool ram = recorded.value("at", Json()).is_object() &&
                   recorded["at"].contains("ram");
  if (recorded.contains("pmd") && recorded["pmd"] == true && !contiguous &&
      present == 512 && ram) {
    verdict_.GuestNature(where, "frames of memory that adjoin by chance",
                         recorded["pfn"]);
  } else if (recorded.contains("pmd")) {
    verdict_.Compare(where, "pmd", recorded["pmd"], contiguous);
  }
  if (!entry.present || !recorded.contains("pfn")) return;
  if (recorded.contains("zero_page")) {
    verdict_.Compare(where, "zero_page", recorded["zero_page"],
                     mem_.IsZero(entry.pfn));
  }
  const uint64_t pfn = Hex(recorded["pfn"].get<std::string>());
  if (IsPmem(pfn) || IsPmem(entry.pfn.value())) {
    verdict_.Compare(where, "pfn", recorded["pfn"],
                     absl::StrFormat("0x%x", entry.pfn.value()));
  }
}

void FaultMap::Touch(const std::string& where, const std::string& touch,
                     const Json& recorded, bool inspect, const FileOp& file_op,
                     const CaseDevices& devices) {
  // The probe uses its own memory between the touches, whatever these did to
  // it.
  mm_.Touch(probe_, true);
  recorder_.Clear();
  std::string op = touch.substr(0, touch.find_first_of("@:"));
  // "tw@0": the touch was traced with function_graph.
  const bool traced = op == "tw" || op == "tr";
  if (traced) op = op.substr(1);
  if (op == "sh") {
    const std::string why = devices.shell(touch.substr(3));
    if (!why.empty()) verdict_.unsupported = why;
    return;
  }
  uint64_t offset = recorded.value("off", uint64_t{0});
  const uint64_t length = recorded.value("len", uint64_t{0});
  const uint64_t addr = base_ + offset;
  absl::Status status;
  if (op == "r" || op == "w") {
    Access(where, addr, op == "w", recorded);
  } else if (op == "look") {
  } else if (op == "dontneed") {
    status = mm_.Madvise(addr, length, MADV_DONTNEED);
  } else if (op == "hugepage") {
    status = mm_.Madvise(addr, length, MADV_HUGEPAGE);
  } else if (op == "nohugepage") {
    status = mm_.Madvise(addr, length, MADV_NOHUGEPAGE);
  } else if (op == "popread" || op == "popwrite") {
    status =
        mm_.Madvise(addr, length,
                    op == "popread" ? MADV_POPULATE_READ : MADV_POPULATE_WRITE);
  } else if (op == "protr" || op == "protrw") {
    status = mm_.Mprotect(addr, length,
                          op == "protr" ? PROT_READ : PROT_READ | PROT_WRITE);
  } else if (op == "munmap") {
    status = mm_.Munmap(addr, length);
  } else if (op == "mlock") {
    status = mm_.Mlock(addr, length);
  } else if (op == "msync") {
    status = mm_.Msync(addr, length);
  } else {
    const int err = file_op(op, offset, length);
    if (err < 0) {
      verdict_.unsupported = absl::StrCat("touch ", touch);
      return;
    }
    status = ErrnoError(err, "");
  }
  if (op != "r" && op != "w" && op != "look" && recorded.contains("errno")) {
    verdict_.Compare(where, "errno", recorded["errno"], ErrnoJson(status));
  }
  CompareEvents(where, recorded);
  if (traced) {
    for (GraphCall& call : GraphCalls(profile_, recorder_)) {
      traced_.push_back(std::move(call));
    }
  }
  recorder_.Clear();
  if (inspect) Inspect(where, addr, recorded);
}

void FaultMap::CompareSmaps(const std::string& where, const Json& map,
                            const Json& steps) {
  if (steps.empty() || steps.back().value("op", "") != "smaps") return;
  verdict_.Compare(where, "smaps", Json(SmapsLines(steps.back()["lines"])),
                   Json(SmapsLines(mm_, base_, map.value("len", uint64_t{0}))));
}

void FaultMap::CompareGraphs(const std::string& where, const Json& recorded) {
  if (!recorded.contains("graph") || recorded["graph"].empty()) return;
  const std::vector<std::string> lines = recorded["graph"];
  const std::string difference =
      CompareGraph(lines, traced_, ModelledCalls(profile_), graph_roots_);
  verdict_.Compare(where, "graph", "", difference);
}

}  // namespace dmdax::conformance
