// SPDX-License-Identifier: Apache-2.0
//
// What 6.16 changed after 6.12: DAX pages are counted (6.15), the first four
// targets of dm know atomic writes, dm checks more of flakey's words.  Still
// there are pfn_t and its devmap bit.
#include "base/kernel_registry.h"

namespace dmdax {
namespace {

void ChangeDm(KernelProfile& p) {
  p.dm_ioctl_version[1] = 50;
  p.dm_ioctl_version_date = "2025-04-28";
  p.dm_message_passes_without_table = true;
  p.dm_stats_merged = DmStatsMerged::kWhetherThereWasOne;
  p.flakey_rules = FlakeyRules::kChecksRandomWrites;
  p.xfs_has_zoned_options = true;
}

void ChangeFaults(FaultProfile& f) {
  f.insert = PageInsert::kFolio;
  f.vvar_pages = 6;
  f.dax_pages_are_normal = true;
  f.dontneed_frees_tables = true;
  f.merge_hands_over_anon_vma = true;
  f.break_layout_drops_entries = true;
  f.ext4_remembers_indirect_holes = false;
  f.fsdax_idle_refcount = 0;
  f.ext4_large_folios = true;
  f.ext4_abort = Ext4Abort::kEmergencyReadOnly;
  f.iomap_zero_dirty = IomapZeroDirty::kFlushesButEdge;
  f.fault_around_needs_table = false;
  f.folio_splits_in_halves = true;
  f.readahead_fills_rest = true;
  f.unsplit_folio_is_unmapped = false;
  f.trace_iomap_numbers = true;
  f.trace_insert_page = true;
}

void ChangeFunctions(FaultProfile& f) {
  using F = FaultFunction;
  f.functions[F::kVmfInsertPageMkwrite] = "vmf_insert_page_mkwrite";
  f.functions[F::kInsertPage] = "insert_page";
  f.functions[F::kVmfInsertFolioPmd] = "vmf_insert_folio_pmd";
  f.functions[F::kVmfInsertFolioPud] = "vmf_insert_folio_pud";
  f.functions.erase(F::kXfsFilemapFaultCore);
  f.functions[F::kXfsDaxReadFault] = "xfs_dax_read_fault";
  f.functions[F::kXfsWriteFault] = "xfs_write_fault";
}

const KernelRegistrar kV6_16({.name = "v6_16",
                              .release = k6_16,
                              .after = "v6_12",
                              .stands_for = "6.16.12",
                              .recorded = "tables, mounts, faults, traces",
                              .from_source = "what no case asks",
                              .change = [](KernelProfile& p) {
                                ChangeDm(p);
                                ChangeFaults(p.fault);
                                ChangeFunctions(p.fault);
                              }});

}  // namespace
}  // namespace dmdax
