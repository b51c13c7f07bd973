// SPDX-License-Identifier: Apache-2.0
//
// The huge pages whose frames lie in a row, which a batch only has to find.
#include <algorithm>

#include "base/round_up.h"
#include "iomap/dax_fault.h"
#include "process/sweep/would_fault.h"

namespace dmdax {
namespace {

constexpr uint64_t kHuge = 512;  // pages; only pages of 4096 bytes are quick
// Runs that are looked for.
constexpr size_t kMostRuns = 1 << 20;

}  // namespace

// Whoever has n pages at one page has the rest of them at each page behind it:
// what ends a run (a row, a chunk, poison) is where it is, and a limit on the
// length counts anew.
void WouldFault::FindRuns() {
  size_t asked = 0;
  for (const FileExtent& extent : extents_) {
    if (extent.type != IOMAP_MAPPED) continue;
    const uint64_t end = std::min(extent.end() / kPageSize, end_huge_);
    for (uint64_t page = std::max(extent.logical / kPageSize, first_huge_);
         page < end;) {
      // Many short ones are asked for when somebody wants to know.
      if (++asked > kMostRuns) return runs_.clear();
      const DaxAccess access =
          Access(extent, page, static_cast<int64_t>(end - page));
      if (access.ret < 1) {
        page = RoundDown(page, kHuge) + kHuge;
        continue;
      }
      const uint64_t next = page + static_cast<uint64_t>(access.ret);
      // A huge page that the limit cuts counts with the next run.
      const uint64_t cut = RoundDown(next, kHuge);
      const bool limited = next < end && cut > page;
      if (DaxAccessMaps(faults_,
                        {access.ret, pfn_t(0), access.pfn_flags, nullptr}, 1)) {
        AddRun(page, next, access.pfn.value());
      }
      page = limited ? cut : next;
    }
  }
}

void WouldFault::AddRun(uint64_t first, uint64_t end, uint64_t pfn) {
  const uint64_t delta = pfn - first;
  const uint64_t huge = RoundUp(first, kHuge);
  const uint64_t huge_end = RoundDown(end, kHuge);
  if (delta % kHuge != 0 || huge >= huge_end) return;
  if (!runs_.empty()) {
    Run& last = runs_.back();
    if (last.first_huge + last.huge_pages == huge && last.delta == delta) {
      last.huge_pages = huge_end - last.first_huge;
      last.end = huge_end;
      return;
    }
  }
  runs_.push_back({huge_end, huge, huge_end - huge, delta});
}

}  // namespace dmdax
