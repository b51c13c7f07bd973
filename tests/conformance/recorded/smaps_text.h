// SPDX-License-Identifier: Apache-2.0
//
// A process's mappings as the recording program printed them from
// /proc/self/smaps.
//
//   SmapsLines(mm, base, length);
//   // {"vma +0x0-+0x200000", "KernelPageSize: 4 kB", "VmFlags: rd sh ...",
//   ...} SmapsLines(recorded["lines"]);  // the same of what a kernel printed
//
// Kept are where mappings begin and end, the size of their pages and their
// flags, but for "sd", which says nothing of a mapping that is new.  What they
// hold is told by pagemap, touch by touch.
#ifndef DMDAX_TESTS_CONFORMANCE_RECORDED_SMAPS_TEXT_H_
#define DMDAX_TESTS_CONFORMANCE_RECORDED_SMAPS_TEXT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "mm/mm_struct.h"
#include "tests/conformance/verdict.h"

namespace dmdax::conformance {

// Of the mappings that lie wholly in [base, base + length).
std::vector<std::string> SmapsLines(MmStruct& mm, uint64_t base,
                                    uint64_t length);
std::vector<std::string> SmapsLines(const Json& lines);

}  // namespace dmdax::conformance

#endif  // DMDAX_TESTS_CONFORMANCE_RECORDED_SMAPS_TEXT_H_
