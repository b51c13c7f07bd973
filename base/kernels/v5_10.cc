// SPDX-License-Identifier: Apache-2.0
//
// What 5.10 changed after 4.14.
#include <cerrno>

#include "base/kernel_registry.h"

namespace dmdax {
namespace {

void ChangeDm(KernelProfile& p) {
  p.dm_ioctl_version[1] = 43;
  p.dm_ioctl_version_date = "2020-10-01";
  p.dm_last_ioctl = 17;
  p.dm_checks_too_large_device = true;
  p.dm_devnum_comes_first = true;
  p.dm_dax_check_recurses = true;
  p.dm_dax_check = DmDaxCheck::kGenericFsdaxSupported;
  p.pmem_dax_needs_pages = true;
  p.dax_mount_check = DaxMountCheck::kBdevDaxSupported;
  p.has_dax_modes = true;
  p.xfs_dax_reflink = XfsDaxReflink::kRefused;
  p.dm_max_io_len_has_max_sectors = true;
  p.delay_has_flush_class = true;
  p.dm_one_request_queue_will_do = true;
  p.dm_stats_split = DmStatsSplit::kAtTheEnd;
  p.dm_stats_merged = DmStatsMerged::kEndOfLast;
  p.nd_pfn_pads_start = false;
  p.read_ahead = ReadAheadRule::kTwiceOptimal;
  p.verity_has_fec = false;
}

void ChangeFaults(FaultProfile& f) {
  f.thp_unmapped_area = ThpUnmappedArea::kDaxFiles;
  f.huge_pud_swapped = true;
  f.insert_returns_errno = false;
  f.insert_pmd_overwrites = false;
  f.insert_pmd_needs_devmap = false;
  f.insert_pmd_always_needs_flag = false;
  f.insert_pmd_raw_address = false;
  f.mixed_needs_flag = false;
  f.insert_pfn_pmd_prot_symbol = true;
  f.unknown_symbol_err = -ENOENT;
  f.has_map_sync = true;
  f.file_mmap_checks_size = true;
  f.dax_vma_is_mixedmap = false;
  f.dax_dirty = DaxEntryDirty::kWriteNotSync;
  f.dax_entry_errors_fall_back = false;
  f.xfs_collapse_flushes_first = true;
  f.devdax_sets_mapping = true;
  f.devdax_has_pagesize_op = true;
}

void ChangeFunctions(FaultProfile& f) {
  using F = FaultFunction;
  f.functions[F::kVmfInsertMixed] = "vmf_insert_mixed";
  f.functions[F::kVmfInsertMixedMkwrite] = "vmf_insert_mixed_mkwrite";
  f.functions[F::kVmfInsertPfnPmd] = "vmf_insert_pfn_pmd_prot";
  f.functions[F::kVmfInsertPfnPud] = "vmf_insert_pfn_pud_prot";
  f.functions[F::kXfsWriteIomapBegin] = "xfs_direct_write_iomap_begin";
  f.functions[F::kXfsReadIomapBegin] = "xfs_read_iomap_begin";
  f.functions[F::kDaxInsertEntry] = "dax_insert_entry";
  f.functions[F::kDaxUnlockEntry] = "dax_unlock_entry";
}

const KernelRegistrar kV5_10({.name = "v5_10",
                              .release = k5_10,
                              .after = "v4_14",
                              .stands_for = "5.10.262",
                              .recorded = "tables, mounts, faults, traces",
                              .from_source = "what no case asks",
                              .change = [](KernelProfile& p) {
                                ChangeDm(p);
                                ChangeFaults(p.fault);
                                ChangeFunctions(p.fault);
                              }});

}  // namespace
}  // namespace dmdax
