// SPDX-License-Identifier: Apache-2.0
//
// What 6.17 changed after 6.16: pfn_t and the devmap bit are gone, the block
// layer's default request is 4 MiB, and read-ahead keeps the order of its
// folios.  What 6.18 changed of fault-around and of folios that can not be
// split came to 6.17.13 by the stable series; that folios are mapped whole and
// that the huge zero page is one did not.
#include "base/kernel_registry.h"

namespace dmdax {
namespace {

void ChangeDm(KernelProfile& p) {
  p.blk_def_max_sectors = 8192;
  p.read_ahead = ReadAheadRule::kAsksRotation;
}

void ChangeFaults(FaultProfile& f) {
  f.has_pte_devmap = false;
  f.insert_pmd_always_needs_flag = true;
  f.no_pfn_t = true;
  f.trace_insert_page = false;
  f.fault_around_needs_table = true;
  f.unsplit_folio_is_unmapped = true;
  f.readahead_keeps_order = true;
  f.readahead_exec_from_page = true;
}

void ChangeFunctions(FaultProfile& f) {
  using F = FaultFunction;
  f.functions[F::kInsertPmd] = "insert_pmd";
  f.functions[F::kInsertPud] = "insert_pud";
  f.functions.erase(F::kExt4IomapEnd);
  f.functions[F::kXfsWriteFaultCore] = "__xfs_write_fault";
}

const KernelRegistrar kV6_17({.name = "v6_17",
                              .release = {6, 17},
                              .after = "v6_16",
                              .stands_for = "6.17.13",
                              .recorded = "tables, mounts, faults, traces",
                              .from_source = "what no case asks",
                              .change = [](KernelProfile& p) {
                                ChangeDm(p);
                                ChangeFaults(p.fault);
                                ChangeFunctions(p.fault);
                              }});

}  // namespace
}  // namespace dmdax
