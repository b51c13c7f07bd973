// SPDX-License-Identifier: Apache-2.0
//
// What 7.2 changed after 6.15.
#include "base/kernel_registry.h"

namespace dmdax {
namespace {

void ChangeDm(KernelProfile& p) {
  p.dm_ioctl_version[1] = 50;
  p.dm_ioctl_version_date = "2025-04-28";
  p.sscanf_overflow = SscanfOverflow::kSaturates;
  p.flakey_rules = FlakeyRules::kChecksRandomWrites;
  p.blk_def_max_sectors = 8192;
  p.stripe_scales_discards = true;
  p.multipath_bio_retains_handler = false;
  p.cache_checks_device_size = false;
  p.era_keeps_errno = true;
}

void ChangeFaults(FaultProfile& f) {
  f.has_pte_devmap = false;
  f.insert_pmd_always_needs_flag = true;
  f.no_pfn_t = true;
  f.plain_file_thp_aligned = false;
  f.ext4_large_folios = true;
  f.mmap_readahead_order = 0;
  f.map_whole_folios = true;
  f.devdax_mmap_function = "dax_mmap_prepare";
  f.trace_iomap_numbers = true;
  f.ext4_fallocate_zeroes = Ext4FallocateZeroes::kOldEnd;
  f.vvar_pages = 6;
}

void ChangeFunctions(FaultProfile& f) {
  using F = FaultFunction;
  f.functions[F::kInsertPmd] = "insert_pmd";
  f.functions[F::kInsertPud] = "insert_pud";
  f.functions.erase(F::kExt4IomapEnd);
  f.functions[F::kXfsWriteFaultCore] = "__xfs_write_fault";
  f.functions[F::kCheckVma] = "__check_vma";
}

const KernelRegistrar kV7_2({.name = "v7_2",
                             .release = k7_2,
                             .after = "v6_15",
                             .stands_for = "7.2.13",
                             .recorded = "tables, mounts, faults, traces",
                             .from_source = "what no case asks",
                             .change = [](KernelProfile& p) {
                               ChangeDm(p);
                               ChangeFaults(p.fault);
                               ChangeFunctions(p.fault);
                             }});

}  // namespace
}  // namespace dmdax
