// SPDX-License-Identifier: Apache-2.0
//
// What 6.18 changed after 6.17: folios are mapped whole, the huge zero page is
// one, and xfs ignores attr2.
#include "base/kernel_registry.h"

namespace dmdax {
namespace {

void ChangeDm(KernelProfile& p) {
  p.xfs_attr2_is_dead = true;
  p.dio_memory = DioMemory::kByRequests;
}

void ChangeFaults(FaultProfile& f) {
  f.dax_huge_zero_by_folio = true;
  f.plain_file_thp_aligned = false;
  f.map_whole_folios = true;
}

const KernelRegistrar kV6_18({.name = "v6_18",
                              .release = k6_18,
                              .after = "v6_17",
                              .stands_for = "6.18.15",
                              .recorded = "tables, mounts, faults, traces",
                              .from_source = "what no case asks",
                              .change = [](KernelProfile& p) {
                                ChangeDm(p);
                                ChangeFaults(p.fault);
                              }});

}  // namespace
}  // namespace dmdax
