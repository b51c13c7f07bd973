// SPDX-License-Identifier: Apache-2.0
//
// 4.14, where the history begins.  A field that is not set here is zero: 4.14
// lacks that behaviour.
#include <cerrno>

#include "base/kernel_registry.h"

namespace dmdax {
namespace {

void ChangeDm(KernelProfile& p) {
  p.dm_ioctl_version[0] = 4;
  p.dm_ioctl_version[1] = 37;
  p.dm_ioctl_version_date = "2017-09-20";
  p.dm_last_ioctl = 16;
  p.dm_add_disk = DmAddDisk::kAtCreate;
  p.dm_sets_type_before_queue = true;
  p.dm_bad_path = DmBadPath::kNoDevice;
  p.dm_name_check = DmNameCheck::kSlash;
  p.dm_list_order = DmListOrder::kHashBuckets;
  p.sscanf_overflow = SscanfOverflow::kWraps;
  p.dm_dax_alignment = DmDaxAlignment::kRejects;
  p.dm_dax_check = DmDaxCheck::kAnyLegQueueFlag;
  p.dax_returns_negative_nr = true;
  p.dax_poison_errno = EIO;
  p.dax_mount_check = DaxMountCheck::kVfsProbe;
  p.ext4_says_experimental = true;
  p.xfs_says_experimental = XfsDaxExperimental::kWhenAsked;
  p.xfs_dax_reflink = XfsDaxReflink::kUntested;
  p.flakey_rules = FlakeyRules::kFailsUnlessTold;
  p.multipath_bio_retains_handler = true;
  p.cache_checks_device_size = true;
  p.blk_ro_set_is_disks = true;
  p.bio_eod_spares_empty = true;
  p.nd_pfn_pads_start = true;
  p.read_ahead = ReadAheadRule::kFixed;
  p.blk_def_max_sectors = 2560;
  p.max_sectors_rule = MaxSectorsRule::kStacked;
  p.verity_has_fec = true;
}

void ChangeFaults(FaultProfile& f) {
  f.format = PageTableFormat::kX86_64;
  f.page_shift = 12;
  f.pmd_shift = 21;
  f.pud_shift = 30;
  f.has_pte_special = true;
  f.has_pte_devmap = true;
  f.devmap_bit = 58;
  f.has_pud_thp = true;
  f.has_pkeys = true;
  f.thp_rule = ThpRule::kSysfsFirst;
  f.thp_unmapped_area = ThpUnmappedArea::kDaxNoHint;
  f.returns_fault_write = true;
  f.wp_huge_pmd_private = true;
  f.insert = PageInsert::kPfn;
  f.insert_returns_errno = true;
  f.insert_pmd_overwrites = true;
  f.insert_pmd_needs_devmap = true;
  f.insert_pmd_always_needs_flag = true;
  f.insert_pmd_raw_address = true;
  f.mixed_needs_flag = true;
  f.vm_ops_split_hook = "split";
  f.vvar_pages = 4;
  f.dax_vma_is_mixedmap = true;
  f.dax_dirty = DaxEntryDirty::kWrite;
  f.dax_pmd_eof_check_late = true;
  f.dax_entry_errors_fall_back = true;
  f.writes_back_empty_range = true;
  f.xfs_truncate_writes_back = true;
  f.xfs_fallocate_takes_whole_delalloc = true;
  f.devdax_mmap_function = "dax_mmap";
  f.fsdax_idle_refcount = 1;
  f.devdax_idle_refcount = 1;
  f.trace_insert_mapping = true;
  f.nested_return_probes_lost = true;
}

void ChangeFunctions(FaultProfile& f) {
  using F = FaultFunction;
  f.functions = {
      {F::kHandleMmFault, "handle_mm_fault"},
      {F::kDoFaultCore, "__do_fault"},
      {F::kFinishFault, "finish_fault"},
      {F::kVmfInsertMixed, "vm_insert_mixed"},
      {F::kVmfInsertMixedMkwrite, "vm_insert_mixed_mkwrite"},
      {F::kVmInsertMixedCore, "__vm_insert_mixed"},
      {F::kInsertPfn, "insert_pfn"},
      {F::kVmfInsertPfnPmd, "vmf_insert_pfn_pmd"},
      {F::kVmfInsertPfnPud, "vmf_insert_pfn_pud"},
      {F::kExt4DaxFault, "ext4_dax_fault"},
      {F::kExt4DaxHugeFault, "ext4_dax_huge_fault"},
      {F::kExt4IomapBegin, "ext4_iomap_begin"},
      {F::kExt4IomapEnd, "ext4_iomap_end"},
      {F::kXfsFilemapFault, "xfs_filemap_fault"},
      {F::kXfsFilemapHugeFault, "xfs_filemap_huge_fault"},
      {F::kXfsFilemapPageMkwrite, "xfs_filemap_page_mkwrite"},
      {F::kXfsFilemapPfnMkwrite, "xfs_filemap_pfn_mkwrite"},
      {F::kXfsFilemapFaultCore, "__xfs_filemap_fault"},
      {F::kXfsWriteIomapBegin, "xfs_file_iomap_begin"},
      {F::kXfsReadIomapBegin, "xfs_file_iomap_begin"},
      {F::kDaxIomapFault, "dax_iomap_fault"},
      {F::kDaxIomapPmdFault, "dax_iomap_pmd_fault"},
      {F::kDaxIomapPteFault, "dax_iomap_pte_fault"},
      {F::kGrabMappingEntry, "grab_mapping_entry"},
      {F::kDaxIomapDirectAccess, "dax_iomap_pfn"},
      {F::kDaxDirectAccess, "dax_direct_access"},
      {F::kDaxInsertEntry, "dax_insert_mapping_entry"},
      {F::kDaxUnlockEntry, "put_locked_mapping_entry"},
      {F::kDevDaxFault, "dev_dax_fault"},
      {F::kDevDaxHugeFault, "dev_dax_huge_fault"},
      {F::kCheckVma, "check_vma"},
      {F::kDaxPgoffToPhys, "dax_pgoff_to_phys"},
  };
}

const KernelRegistrar kV4_14({.name = "v4_14",
                              .release = k4_14,
                              .stands_for = "4.14.0",
                              .from_source = "all of it",
                              .change = [](KernelProfile& p) {
                                ChangeDm(p);
                                ChangeFaults(p.fault);
                                ChangeFunctions(p.fault);
                              }});

}  // namespace
}  // namespace dmdax
