// SPDX-License-Identifier: Apache-2.0
//
// What 7.2 changed after 6.18.
#include "base/kernel_registry.h"

namespace dmdax {
namespace {

void ChangeDm(KernelProfile& p) {
  p.dm_message_passes_without_table = false;
  p.sscanf_overflow = SscanfOverflow::kSaturates;
  p.multipath_bio_retains_handler = false;
  p.cache_checks_device_size = false;
  p.era_keeps_errno = true;
  p.blk_integrity_limits_io = true;
  p.ext4_has_large_blocks = true;
  p.xfs_has_errortag = true;
  p.stripe_scales_discards = true;
  p.dio_memory = DioMemory::kDmaInBlocks;
  p.dm_stats_merged = DmStatsMerged::kEndOfLast;
}

void ChangeFaults(FaultProfile& f) {
  f.devdax_mmap_function = "dax_mmap_prepare";
  f.thp_readahead = ThpReadahead::kLargeFolios;
  f.ext4_fallocate_zeroes = Ext4FallocateZeroes::kOldEnd;
  f.ext4_verity_large_folios = true;
  f.iomap_zero_dirty = IomapZeroDirty::kFolioBatch;
  f.xfs_zero_trims_mapping = true;
  f.functions[FaultFunction::kCheckVma] = "__check_vma";
}

const KernelRegistrar kV7_2({.name = "v7_2",
                             .release = k7_2,
                             .after = "v6_18",
                             .stands_for = "7.2.13",
                             .recorded = "tables, mounts, faults, traces",
                             .from_source = "what no case asks",
                             .change = [](KernelProfile& p) {
                               ChangeDm(p);
                               ChangeFaults(p.fault);
                             }});

}  // namespace
}  // namespace dmdax
