// SPDX-License-Identifier: Apache-2.0
//
// What 6.18 changed after 6.16: pfn_t and the devmap bit are gone (6.17), and
// the block layer's default request is 4 MiB.
#include "base/kernel_registry.h"

namespace dmdax {
namespace {

void ChangeDm(KernelProfile& p) {
  p.blk_def_max_sectors = 8192;
  p.read_ahead = ReadAheadRule::kAsksRotation;
  p.xfs_attr2_is_dead = true;
}

void ChangeFaults(FaultProfile& f) {
  f.has_pte_devmap = false;
  f.insert_pmd_always_needs_flag = true;
  f.no_pfn_t = true;
  f.trace_insert_page = false;
  f.dax_huge_zero_by_folio = true;
  f.plain_file_thp_aligned = false;
  f.readahead_keeps_order = true;
  f.readahead_exec_from_page = true;
  f.map_whole_folios = true;
  f.fault_around_needs_table = true;
  f.unsplit_folio_is_unmapped = true;
}

void ChangeFunctions(FaultProfile& f) {
  using F = FaultFunction;
  f.functions[F::kInsertPmd] = "insert_pmd";
  f.functions[F::kInsertPud] = "insert_pud";
  f.functions.erase(F::kExt4IomapEnd);
  f.functions[F::kXfsWriteFaultCore] = "__xfs_write_fault";
}

const KernelRegistrar kV6_18({.name = "v6_18",
                              .release = k6_18,
                              .after = "v6_16",
                              .stands_for = "6.18.15",
                              .recorded = "tables, mounts, faults, traces",
                              .from_source = "what no case asks",
                              .change = [](KernelProfile& p) {
                                ChangeDm(p);
                                ChangeFaults(p.fault);
                                ChangeFunctions(p.fault);
                              }});

}  // namespace
}  // namespace dmdax
