// SPDX-License-Identifier: Apache-2.0
//
// Trace: what happened to one query, level by level.
//
// The chain records each direct_access function it enters and leaves, and each
// mapped device that is asked to zero pages; null (the normal case) costs one
// test.  `explain`, pictures and the comparison
// with recorded kernel events read it.
//
//   Trace trace;
//   DaxDirectAccess(dev, pgoff_t{0}, 512, DaxAccessMode::kAccess, &trace);
//   for (const TraceStep& step : trace.steps())
//     std::cout << KernelFunctionName(step) << "\n";
//
// Steps stand in the order of entry; `depth` gives the nesting.
// Threading: one query, one thread.
#ifndef DMDAX_BASE_TRACE_H_
#define DMDAX_BASE_TRACE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "base/units.h"

namespace dmdax {

// Which kernel function a step is.
enum class TraceFunction {
  kDmDaxDirectAccess,    // drivers/md/dm.c
  kDmDaxZeroPageRange,   // drivers/md/dm.c
  kTargetDirectAccess,   // linear_dax_direct_access and its siblings
  kPmemDaxDirectAccess,  // drivers/nvdimm/pmem.c
};

// Who made the run of pages shorter than what was asked or was there.
enum class RunClip {
  kNone,        // nobody at this level
  kTargetEnd,   // the end of the table row
  kMaxIoLen,    // the target's max_io_len: a stripe's chunk
  kMaxSectors,  // the dm queue's max_sectors
  kDeviceEnd,   // the end of the persistent memory
  kBadBlocks,   // a poisoned page ahead
};

// Those of a query are filled field by field: GCC 12 clears an aggregate of
// this size by `rep stos`, which takes as long as the rest of the step.
struct TraceStep {
  TraceFunction function;
  int depth = 0;
  std::string device;  // disk name: "dm-0", "pmem0"
  std::string name;    // "vg-home" for a mapped device, else the disk name
  // For kTargetDirectAccess: the target type, and what its TargetType says of
  // its function ("": as its name has it).
  std::string target;
  absl::string_view target_function;
  absl::string_view target_event;
  bool event_has_row = false;
  sector_t begin{};      // of the target
  sector_t len{};        // of the target
  pgoff_t pgoff{};       // as passed in
  int64_t nr_pages = 0;  // as passed in
  int mode = 0;          // 0 DAX_ACCESS, 1 DAX_RECOVERY_WRITE
  int64_t ret = 0;       // pages (0 of those zeroed), or -errno
  pfn_t pfn{};           // meaningful when ret > 0
  RunClip clip = RunClip::kNone;
  uint64_t clip_sectors = 0;  // the limit that clipped, in sectors
  // Where a target sent the query: sector on the lower device.
  std::string lower;       // "259:0"
  std::string lower_name;  // "pmem0p1"
  sector_t lower_sector{};
};

class Trace {
 public:
  // Opens a step; its index goes to Leave().  A target's step gets device and
  // name of the mapped device that called it.
  size_t Enter(TraceStep&& step);
  void Leave(size_t index, int64_t ret, pfn_t pfn);

  // The open or closed step, to add what only its function knows.
  TraceStep& step(size_t index) { return steps_[index]; }

  absl::Span<const TraceStep> steps() const { return steps_; }
  // For who keeps them; none are left.
  std::vector<TraceStep> TakeSteps() { return std::exchange(steps_, {}); }

 private:
  std::vector<TraceStep> steps_;
  int depth_ = 0;
};

// "dm_dax_direct_access", "linear_dax_direct_access" ... : the kernel's name
// of the function a step stands for.
std::string KernelFunctionName(const TraceStep& step);

// "dm_da", "linear_da", "pmem_da" ...: the event that recordings have of it.
std::string KernelEventName(const TraceStep& step);

// "the chunk (max_io_len)" ...: the clip in words, for people.
std::string RunClipText(RunClip clip);

}  // namespace dmdax

#endif  // DMDAX_BASE_TRACE_H_
