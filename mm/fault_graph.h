// SPDX-License-Identifier: Apache-2.0
//
// The functions a fault went through, as ftrace's function_graph prints them,
// with the trace points' events inside.
//
//   for (const std::string& line : FaultGraph(profile, recorder))
//     std::cout << line << "\n";
//   // handle_mm_fault() {
//   //   __handle_mm_fault() {
//   //     ext4_dax_huge_fault() {
//   //       dax_iomap_fault() {
//   //         dax_iomap_pmd_fault() {
//   //           /* dax_pmd_fault: dev 254:0 ino 0xc shared WRITE... */
//
// Mirrors: kernel/trace/trace_functions_graph.c, as far as its output goes.
// Threading: pure functions.
#ifndef DMDAX_MM_FAULT_GRAPH_H_
#define DMDAX_MM_FAULT_GRAPH_H_

#include <string>
#include <vector>

#include "mm/fault_event.h"

namespace dmdax {

// One call, where it stands among those that this kernel shows.
struct GraphCall {
  int depth = 0;
  std::string name;

  friend bool operator==(const GraphCall&, const GraphCall&) = default;
};

// The calls that this kernel shows, in order; those inside a function that it
// does not show stand one level higher.
std::vector<GraphCall> GraphCalls(const FaultProfile& profile,
                                  const FaultRecorder& recorder);

// Lines of text, without line feeds.
std::vector<std::string> FaultGraph(const FaultProfile& profile,
                                    const FaultRecorder& recorder);

}  // namespace dmdax

#endif  // DMDAX_MM_FAULT_GRAPH_H_
