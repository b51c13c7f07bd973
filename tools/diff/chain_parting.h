// SPDX-License-Identifier: Apache-2.0
//
// PartingStep: where two chains that were asked the same part.
//
//   const size_t at = PartingStep(a, b, same_device);   // Trace::steps()
//   std::cout << LevelText(a[at]) << "\n" << LevelText(b[at]) << "\n";
//   // target striped [0 +524288] of fast (dm-0)
//   // target striped-new [0 +524288] of new (dm-1)
//
// Going down, a level is passed if both chains ask the same of the same device
// below: a row of another target is no difference as long as it sends the query
// to the same place.
// Threading: pure function.
#ifndef DMDAX_TOOLS_DIFF_CHAIN_PARTING_H_
#define DMDAX_TOOLS_DIFF_CHAIN_PARTING_H_

#include <cstddef>

#include "absl/functional/function_ref.h"
#include "absl/types/span.h"
#include "base/trace.h"

namespace dmdax {

// Whether two mapped devices of other names stand for each other: the one that
// a target's step `above_a` sends to, and that of `above_b`.
using SameDeviceFn =
    absl::FunctionRef<bool(const TraceStep& above_a, const TraceStep& above_b)>;

// The last step at which both were asked the same; both chains have one at
// least.
size_t PartingStep(absl::Span<const TraceStep> a, absl::Span<const TraceStep> b,
                   SameDeviceFn same);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_DIFF_CHAIN_PARTING_H_
