// SPDX-License-Identifier: Apache-2.0
#include "tools/diff/chain_parting.h"

namespace dmdax {
namespace {

bool AskTheSame(const TraceStep& a, const TraceStep& b) {
  return a.function == b.function && a.pgoff == b.pgoff &&
         a.nr_pages == b.nr_pages;
}

}  // namespace

size_t PartingStep(absl::Span<const TraceStep> a, absl::Span<const TraceStep> b,
                   SameDeviceFn same) {
  size_t at = 0;
  for (; at + 1 < a.size() && at + 1 < b.size(); ++at) {
    const TraceStep& next_a = a[at + 1];
    const TraceStep& next_b = b[at + 1];
    if (!AskTheSame(next_a, next_b)) break;
    // A target is on the device that has been compared before.
    if (next_a.function == TraceFunction::kTargetDirectAccess ||
        next_a.name == next_b.name) {
      continue;
    }
    if (next_a.function == TraceFunction::kPmemDaxDirectAccess ||
        !same(a[at], b[at])) {
      break;
    }
  }
  return at;
}

}  // namespace dmdax
