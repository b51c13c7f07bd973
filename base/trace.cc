// SPDX-License-Identifier: Apache-2.0
#include "base/trace.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace dmdax {

size_t Trace::Enter(TraceStep&& step) {
  // One device on its memory has three.
  if (steps_.empty()) steps_.reserve(3);
  step.depth = depth_++;
  if (step.function == TraceFunction::kTargetDirectAccess && step.depth > 0) {
    // A target is called by its mapped device, whose step is the last one
    // entered.
    step.device = steps_.back().device;
    step.name = steps_.back().name;
  }
  steps_.push_back(std::move(step));
  return steps_.size() - 1;
}

void Trace::Leave(size_t index, int64_t ret, pfn_t pfn) {
  steps_[index].ret = ret;
  steps_[index].pfn = pfn;
  --depth_;
}

std::string KernelFunctionName(const TraceStep& step) {
  switch (step.function) {
    case TraceFunction::kDmDaxDirectAccess:
      return "dm_dax_direct_access";
    case TraceFunction::kDmDaxZeroPageRange:
      return "dm_dax_zero_page_range";
    case TraceFunction::kPmemDaxDirectAccess:
      return "pmem_dax_direct_access";
    case TraceFunction::kTargetDirectAccess:
      break;
  }
  if (!step.target_function.empty()) return std::string(step.target_function);
  return absl::StrCat(absl::StrReplaceAll(step.target, {{"-", "_"}}),
                      "_dax_direct_access");
}

std::string KernelEventName(const TraceStep& step) {
  switch (step.function) {
    case TraceFunction::kDmDaxDirectAccess:
      return "dm_da";
    case TraceFunction::kDmDaxZeroPageRange:
      return "dm_zero";
    case TraceFunction::kPmemDaxDirectAccess:
      return "pmem_da";
    case TraceFunction::kTargetDirectAccess:
      break;
  }
  if (!step.target_event.empty()) return std::string(step.target_event);
  return absl::StrCat(absl::StrReplaceAll(step.target, {{"-", ""}}), "_da");
}

std::string RunClipText(RunClip clip) {
  switch (clip) {
    case RunClip::kNone:
      return "";
    case RunClip::kTargetEnd:
      return "end of the target";
    case RunClip::kMaxIoLen:
      return "end of the chunk (max_io_len)";
    case RunClip::kMaxSectors:
      return "the dm queue's max_sectors";
    case RunClip::kDeviceEnd:
      return "end of the device";
    case RunClip::kBadBlocks:
      return "a bad block ahead";
  }
  return "";
}

}  // namespace dmdax
