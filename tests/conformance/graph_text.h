// SPDX-License-Identifier: Apache-2.0
//
// A recorded function_graph against our calls.
//
//   std::string difference = CompareGraph(
//       recorded_lines, GraphCalls(profile, recorder),
//       ModelledFunctions(profile));
//
// Only functions that the profile claims to model count; what stands between
// them in the recording is passed over, and what it contains moves up.  The
// recording may begin lower than our calls do (at dax_iomap_fault, say): then
// ours are compared from there on.
#ifndef DMDAX_TESTS_CONFORMANCE_GRAPH_TEXT_H_
#define DMDAX_TESTS_CONFORMANCE_GRAPH_TEXT_H_

#include <set>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "mm/fault_graph.h"

namespace dmdax::conformance {

// The calls of a recording, modelled or not: names without module, ".isra.0"
// and the like.  Comments and lines of other kinds are passed over.
std::vector<GraphCall> ParseGraph(absl::Span<const std::string> lines);

// Those of `calls` that `modelled` has, at the depth they then have.
std::vector<GraphCall> OnlyModelled(const std::vector<GraphCall>& calls,
                                    const std::set<std::string>& modelled);

// "" when order and nesting agree, else the first difference: "call 7: the
// kernel has     iomap_iter, ours dax_fault_iter".  `asked`: the outermost
// functions that were to be traced; a touch that calls none of them has an
// empty graph.
std::string CompareGraph(absl::Span<const std::string> recorded,
                         const std::vector<GraphCall>& ours,
                         const std::set<std::string>& modelled,
                         std::set<std::string> asked = {});

}  // namespace dmdax::conformance

#endif  // DMDAX_TESTS_CONFORMANCE_GRAPH_TEXT_H_
