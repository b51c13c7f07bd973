// SPDX-License-Identifier: Apache-2.0
//
// What 7.3 changed after 7.2: iomap has one hook that begins and ends, and the
// end is a part of xfs's; ext4 zeroes the edges of a range first, and
// knows where a hole of indirect blocks ends.
#include "base/kernel_registry.h"

namespace dmdax {
namespace {

void Change(KernelProfile& p) {
  p.fault.functions.erase(FaultFunction::kXfsDaxWriteIomapEnd);
  p.fault.ext4_zero_range_edges_first = true;
  p.fault.ext4_indirect_hole_is_whole = true;
}

const KernelRegistrar kV7_3({.name = "v7_3",
                             .release = k7_3,
                             .after = "v7_2",
                             .stands_for = "7.3.4",
                             .recorded = "tables, mounts, faults, traces",
                             .from_source = "what no case asks",
                             .change = Change});

}  // namespace
}  // namespace dmdax
