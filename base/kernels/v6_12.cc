// SPDX-License-Identifier: Apache-2.0
//
// What 6.12 changed after 6.1.
#include <cerrno>

#include "base/kernel_registry.h"

namespace dmdax {
namespace {

void ChangeDm(KernelProfile& p) {
  p.dm_stats_limits_entries = true;
  p.dm_ioctl_version[1] = 48;
  p.dm_ioctl_version_date = "2023-03-01";
  p.dm_bad_path = DmBadPath::kLookupsErrno;
  p.dm_name_check = DmNameCheck::kSlashAndReserved;
  p.dm_refuses_itself = true;
  p.dm_checks_target_specs = true;
  p.dm_wildcard_is_never_dax = true;
  p.dax_poison_errno = EHWPOISON;
  p.xfs_says_experimental = XfsDaxExperimental::kNever;
  p.xfs_has_large_blocks = true;
  p.xfs_super_holds_devices = true;
  p.fs_says_bad_ids_twice = true;
  p.bio_ro_line = BioRoLine::kOnce;
  p.flakey_rules = FlakeyRules::kToldToFail;
  p.thin_discards_1024_blocks = true;
  p.brd_frees_discarded = true;
  p.read_ahead = ReadAheadRule::kNeverLess;
  p.max_sectors_rule = MaxSectorsRule::kValidated;
  p.stripe_sets_chunk_sectors = true;
}

void ChangeFaults(FaultProfile& f) {
  f.devmap_bit = 57;
  f.thp_rule = ThpRule::kDaxThenSysfs;
  f.thp_unmapped_area = ThpUnmappedArea::kAllFilesTop;
  f.anon_thp_aligned = true;
  f.plain_file_thp_aligned = true;
  f.per_vma_lock = true;
  f.returns_fault_write = false;
  f.wp_huge_pmd_private = false;
  f.mixed_not_ok_is_sigbus = true;
  f.insert_pmd_special = true;
  f.shmem_anon_vm_ops = true;
  f.madv_populate_stops_at_hole = true;
  f.madv_populate_retries = true;
  f.insert_pfn_pmd_prot_symbol = false;
  f.mprotect_keeps_huge_writable = true;
  f.dax_dirty = DaxEntryDirty::kWriteNotSync;
  f.dax_hwpoison_errno = true;
  f.dax_cow_by_shared_flag = true;
  f.writes_back_empty_range = false;
  f.fallocate_knows_one_mode = true;
  f.ext4_breaks_layouts_first = true;
  f.ext4_punch_remembers_hole = true;
  f.ext4_remembers_indirect_holes = true;
  f.ext4_grow_zeroes_tail = true;
  f.ext4_fallocate_zeroes = Ext4FallocateZeroes::kBothEnds;
  f.ext4_abort = Ext4Abort::kShutdown;
  f.xfs_truncate_writes_back = false;
  f.iomap_zero_dirty = IomapZeroDirty::kFlushes;
  f.xfs_collapse_flushes_first = false;
  f.xfs_fallocate_takes_whole_delalloc = false;
  f.xfs_zeroes_with_dax_ops = true;
  f.xfs_dax_read_shared = true;
  f.xfs_writer_frees_eof_blocks_once = true;
  f.write_large_folios = true;
  f.order_1_folios = true;
  f.fault_around_needs_table = true;
  f.dirty_folio_splits = false;
  f.iomap_dirty_by_block = true;
  f.unsplit_folio_is_unmapped = true;
  f.set_pmd_asks_vma = true;
  f.readahead_async_is_apart = true;
  f.next_miss_is_outside = true;
  f.trace_zero_folio = true;
}

void ChangeFunctions(FaultProfile& f) {
  using F = FaultFunction;
  f.functions[F::kVmfInsertPfnPmd] = "vmf_insert_pfn_pmd";
  f.functions[F::kVmfInsertPfnPud] = "vmf_insert_pfn_pud";
}

const KernelRegistrar kV6_12({.name = "v6_12",
                              .release = k6_12,
                              .after = "v6_1",
                              .stands_for = "6.12.117",
                              .recorded = "tables, mounts, faults, traces",
                              .from_source = "what no case asks",
                              .change = [](KernelProfile& p) {
                                ChangeDm(p);
                                ChangeFaults(p.fault);
                                ChangeFunctions(p.fault);
                              }});

}  // namespace
}  // namespace dmdax
