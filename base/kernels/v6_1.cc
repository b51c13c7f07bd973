// SPDX-License-Identifier: Apache-2.0
//
// What 6.1 changed after 5.10.
#include "base/kernel_registry.h"

namespace dmdax {
namespace {

void ChangeDm(KernelProfile& p) {
  p.dm_ioctl_version[1] = 47;
  p.dm_ioctl_version_date = "2022-07-28";
  p.dm_target_error_has_errno = true;
  p.dm_logs_bad_selection = true;
  p.dm_add_disk = DmAddDisk::kAtFirstLoad;
  p.dm_one_request_queue_will_do = false;
  p.dm_sets_type_before_queue = false;
  p.dm_list_order = DmListOrder::kByName;
  p.dm_stats_split = DmStatsSplit::kEach;
  p.dm_list_has_uuid = true;
  p.dm_has_ima = true;
  p.dm_dax_check_recurses = false;
  p.dm_dax_alignment = DmDaxAlignment::kRoundsDown;
  p.dm_dax_check = DmDaxCheck::kLegHasDaxDevice;
  p.dax_returns_negative_nr = false;
  p.dax_mount_check = DaxMountCheck::kFsDaxGetByBdev;
  p.ext4_has_mount_api = true;
  p.xfs_takes_one_attr2 = true;
  p.ext4_says_experimental = false;
  p.xfs_says_experimental = XfsDaxExperimental::kWhenGranted;
  p.xfs_dax_reflink = XfsDaxReflink::kNotPartitions;
  p.fs_dax_checks_partition = true;
  p.blk_ro_set_is_disks = false;
  p.bio_ro_line = BioRoLine::kEach;
  p.bio_eod_names_process = true;
  p.dio_reads_are_sync = true;
  p.dio_memory = DioMemory::kDmaInBlocks;
  p.blk_autoload_is_deprecated = true;
  p.bio_eod_spares_empty = false;
  p.crypt_logs_as_trusted_key = true;
  p.sm_disk_caches_index = true;
  p.writecache_has_metadata_only = true;
  p.writecache_has_counters = true;
  p.verity_has_fec = true;
}

void ChangeFaults(FaultProfile& f) {
  f.thp_rule = ThpRule::kDaxOnly;
  f.thp_unmapped_area = ThpUnmappedArea::kAllFiles;
  f.orig_pte_valid_flag = true;
  f.has_fault_completed = true;
  f.huge_pud_swapped = false;
  f.hwpoison_invalidates_clean = true;
  f.vm_ops_split_hook = "may_split";
  f.blkdev_mmap_read_only = true;
  f.has_madv_populate = true;
  f.madvise_enomem_is_eagain = true;
  f.mprotect_keeps_private_writable = true;
  f.dax_dirty = DaxEntryDirty::kNotSync;
  f.dax_pmd_eof_check_late = false;
  f.dax_reflink = true;
  f.dax_major_in_result = true;
  f.xfs_large_folios = true;
  f.ext4_abort = Ext4Abort::kFindsOutAnew;
  f.dirty_folio_splits = true;
  f.thp_readahead = ThpReadahead::kAnyFile;
  f.devdax_sets_mapping_first = true;
  f.devdax_has_vmemmap_shift = true;
  f.trace_iomap_iter = true;
  f.trace_insert_mapping = false;
  f.trace_access_mode = true;
  f.nested_return_probes_lost = false;
}

void ChangeFunctions(FaultProfile& f) {
  using F = FaultFunction;
  f.functions[F::kHandleMmFaultWalk] = "__handle_mm_fault";
  f.functions[F::kDoFault] = "do_fault";
  f.functions[F::kXfsDaxWriteIomapEnd] = "xfs_dax_write_iomap_end";
  f.functions[F::kIomapIter] = "iomap_iter";
  f.functions[F::kDaxFaultIter] = "dax_fault_iter";
  f.functions[F::kDaxIomapDirectAccess] = "dax_iomap_direct_access";
  f.functions[F::kDaxSetMapping] = "dax_set_mapping";
}

const KernelRegistrar kV6_1({.name = "v6_1",
                             .release = k6_1,
                             .after = "v5_10",
                             .stands_for = "6.1.192",
                             .recorded = "tables, mounts, faults, traces",
                             .from_source = "what no case asks",
                             .change = [](KernelProfile& p) {
                               ChangeDm(p);
                               ChangeFaults(p.fault);
                               ChangeFunctions(p.fault);
                             }});

}  // namespace
}  // namespace dmdax
