// SPDX-License-Identifier: Apache-2.0
#include "tools/diff/step_text.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/errno_status.h"
#include "base/one_line.h"

namespace dmdax {
namespace {

std::string RetText(int64_t ret) {
  return ret < 0 ? absl::StrCat("-", ErrnoName(static_cast<int>(-ret)))
                 : absl::StrCat(ret);
}

// The partition that lies below a target, or null.
BlockDevice* LowerPartition(const Session& session, const TraceStep& s) {
  BlockDevice* lower = session.machine->FindBdevByName(s.lower_name);
  return lower != nullptr && lower->is_partition() ? lower : nullptr;
}

// Which partition the level below is.  A disk tells its name in its own step.
std::string LowerName(const Session& session, const TraceStep& s) {
  BlockDevice* lower = LowerPartition(session, s);
  if (lower == nullptr) return "";
  return absl::StrCat(" (", s.lower_name, ", from sector ",
                      lower->start_sect().value(), " of ",
                      lower->whole().name(), ")");
}

// The arithmetic that a level did, or "".
std::string Arithmetic(const Session& session, const TraceStep& s) {
  switch (s.function) {
    case TraceFunction::kDmDaxDirectAccess:
      return absl::StrCat("sector ", PageToSector(s.pgoff).value(), " = ",
                          s.pgoff.value(), " * 8");
    case TraceFunction::kDmDaxZeroPageRange:
      return "";
    case TraceFunction::kTargetDirectAccess: {
      if (s.lower.empty()) return "";
      const uint64_t sector = s.lower_sector.value();
      return absl::StrCat("sector ", PageToSector(s.pgoff).value(), " of ",
                          s.target, " ", s.begin.value(), "+", s.len.value(),
                          " -> ", s.lower, LowerName(session, s), " sector ",
                          sector,
                          sector % kPageSectors == 0
                              ? ""
                              : absl::StrCat(" (", sector % kPageSectors,
                                             " sectors past a page boundary)"));
    }
    case TraceFunction::kPmemDaxDirectAccess: {
      const PmemDevice* pmem = session.machine->FindPmem(s.device);
      if (pmem == nullptr || s.ret < 0) return "";
      return absl::StrFormat("phys 0x%x = 0x%x + 0x%x + %d * 4096, pfn 0x%x",
                             PfnPhys(s.pfn), pmem->options().base,
                             pmem->options().data_offset, s.pgoff.value(),
                             s.pfn.value());
    }
  }
  return "";
}

std::string Who(const TraceStep& s) {
  if (s.function == TraceFunction::kTargetDirectAccess) {
    return absl::StrCat(s.target, " ", s.begin.value(), "+", s.len.value());
  }
  return s.name == s.device
             ? s.device
             : absl::StrCat(OneLine(s.name), " [", s.device, "]");
}

std::string ClipText(const TraceStep& s) {
  if (s.clip == RunClip::kNone) return "";
  std::string text = absl::StrCat("clipped by ", RunClipText(s.clip));
  if (s.clip_sectors > 0) {
    absl::StrAppend(&text, ": ", s.clip_sectors, " sectors, ",
                    s.clip_sectors / kPageSectors, " pages");
  }
  return text;
}

}  // namespace

nlohmann::ordered_json PartitionToJson(BlockDevice& part) {
  return {{"name", part.name()},
          {"start_sector", part.start_sect().value()},
          {"disk", part.whole().name()}};
}

void PrintStep(std::ostream& out, const Session& session, const TraceStep& s,
               absl::string_view indent) {
  out << indent << KernelFunctionName(s) << "(" << Who(s)
      << ", pgoff=" << s.pgoff.value() << ", nr_pages=" << s.nr_pages
      << ") = " << RetText(s.ret) << "\n";
  for (const std::string& note : {Arithmetic(session, s), ClipText(s)}) {
    if (!note.empty()) out << indent << "    " << note << "\n";
  }
}

nlohmann::ordered_json StepToJson(const Session& session, const TraceStep& s) {
  nlohmann::ordered_json step = {{"depth", s.depth},
                                 {"function", KernelFunctionName(s)},
                                 {"device", s.device},
                                 {"name", s.name},
                                 {"pgoff", s.pgoff.value()},
                                 {"nr_pages", s.nr_pages},
                                 {"ret", s.ret}};
  if (!s.target.empty()) {
    step["target"] = s.target;
    step["begin"] = s.begin.value();
    step["len"] = s.len.value();
  }
  if (!s.lower.empty()) {
    step["lower"] = s.lower;
    step["lower_name"] = s.lower_name;
    step["lower_sector"] = s.lower_sector.value();
  }
  if (BlockDevice* part = LowerPartition(session, s)) {
    step["partition"] = PartitionToJson(*part);
  }
  if (s.ret > 0) step["pfn"] = s.pfn.value();
  if (s.clip != RunClip::kNone) {
    step["clipped_by"] = RunClipText(s.clip);
    step["clip_sectors"] = s.clip_sectors;
  }
  if (std::string text = Arithmetic(session, s); !text.empty()) {
    step["arithmetic"] = text;
  }
  return step;
}

}  // namespace dmdax
