// SPDX-License-Identifier: Apache-2.0
#include "base/fault_profile.h"

#include <cerrno>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"

namespace dmdax {
namespace {

// Each profile is the one before it with what changed.

FaultProfile V4_14() {
  return FaultProfile{
      .name = "v4_14",
      .format = PageTableFormat::kX86_64,
      .page_shift = 12,
      .pmd_shift = 21,
      .pud_shift = 30,
      .has_pte_special = true,
      .has_pte_devmap = true,
      .devmap_bit = 58,
      .has_pud_thp = true,
      .thp_rule = ThpRule::kSysfsFirst,
      .thp_unmapped_area = ThpUnmappedArea::kDaxNoHint,
      .anon_thp_aligned = false,
      .plain_file_thp_aligned = false,
      .per_vma_lock = false,
      .orig_pte_valid_flag = false,
      .returns_fault_write = true,
      .has_fault_completed = false,
      .wp_huge_pmd_private = true,
      .huge_pud_swapped = false,
      .insert = PageInsert::kPfn,
      .insert_returns_errno = true,
      .insert_pmd_overwrites = true,
      .insert_pmd_needs_devmap = true,
      .insert_pmd_always_needs_flag = true,
      .insert_pmd_raw_address = true,
      .mixed_needs_flag = true,
      .mixed_not_ok_is_sigbus = false,
      .insert_pmd_special = false,
      .no_pfn_t = false,
      .dax_pages_are_normal = false,
      .hwpoison_invalidates_clean = false,
      .vm_ops_split_hook = "split",
      .blkdev_mmap_read_only = false,
      .shmem_anon_vm_ops = false,
      .insert_pfn_pmd_prot_symbol = false,
      .unknown_symbol_err = 0,
      .has_madv_populate = false,
      .has_map_sync = false,
      .mprotect_keeps_private_writable = false,
      .mprotect_keeps_huge_writable = false,
      .dax_vma_is_mixedmap = true,
      .dax_dirty = DaxEntryDirty::kWrite,
      .dax_pmd_eof_check_late = true,
      .dax_entry_errors_fall_back = true,
      .dax_hwpoison_errno = false,
      .dax_reflink = false,
      .dax_cow_by_shared_flag = false,
      .dax_major_in_result = false,
      .ext4_punch_writes_back = true,
      .xfs_truncate_writes_back = true,
      .xfs_dax_read_shared = false,
      .ext4_large_folios = false,
      .xfs_large_folios = false,
      .mmap_readahead_order = 0,
      .write_large_folios = false,
      .map_whole_folios = false,
      .devdax_sets_mapping = false,
      .devdax_sets_mapping_first = false,
      .devdax_has_vmemmap_shift = false,
      .devdax_has_pagesize_op = false,
      .devdax_mmap_function = "dax_mmap",
      .fsdax_idle_refcount = 1,
      .devdax_idle_refcount = 1,
      .trace_iomap_iter = false,
      .trace_insert_mapping = true,
      .trace_iomap_numbers = false,
      .trace_zero_folio = false,
      .trace_access_mode = false,
      .nested_return_probes_lost = true,
  };
}

FaultProfile V5_10() {
  FaultProfile p = V4_14();
  p.name = "v5_10";
  p.thp_unmapped_area = ThpUnmappedArea::kDaxFiles;
  p.huge_pud_swapped = true;
  p.insert_returns_errno = false;
  p.insert_pmd_overwrites = false;
  p.insert_pmd_needs_devmap = false;
  p.insert_pmd_always_needs_flag = false;
  p.insert_pmd_raw_address = false;
  p.mixed_needs_flag = false;
  p.insert_pfn_pmd_prot_symbol = true;
  p.unknown_symbol_err = -ENOENT;
  p.has_map_sync = true;
  p.dax_vma_is_mixedmap = false;
  p.dax_dirty = DaxEntryDirty::kWriteNotSync;
  p.dax_entry_errors_fall_back = false;
  p.devdax_sets_mapping = true;
  p.devdax_has_pagesize_op = true;
  return p;
}

FaultProfile V6_1() {
  FaultProfile p = V5_10();
  p.name = "v6_1";
  p.thp_rule = ThpRule::kDaxOnly;
  p.thp_unmapped_area = ThpUnmappedArea::kAllFiles;
  p.orig_pte_valid_flag = true;
  p.has_fault_completed = true;
  p.huge_pud_swapped = false;
  p.hwpoison_invalidates_clean = true;
  p.vm_ops_split_hook = "may_split";
  p.blkdev_mmap_read_only = true;
  p.has_madv_populate = true;
  p.mprotect_keeps_private_writable = true;
  p.dax_dirty = DaxEntryDirty::kNotSync;
  p.dax_pmd_eof_check_late = false;
  p.dax_reflink = true;
  p.dax_major_in_result = true;
  p.xfs_large_folios = true;
  p.mmap_readahead_order = 2;
  p.devdax_sets_mapping_first = true;
  p.devdax_has_vmemmap_shift = true;
  p.trace_iomap_iter = true;
  p.trace_insert_mapping = false;
  p.trace_access_mode = true;
  p.nested_return_probes_lost = false;
  return p;
}

FaultProfile V6_12() {
  FaultProfile p = V6_1();
  p.name = "v6_12";
  p.devmap_bit = 57;
  p.thp_rule = ThpRule::kDaxThenSysfs;
  p.thp_unmapped_area = ThpUnmappedArea::kAllFilesTop;
  p.anon_thp_aligned = true;
  p.plain_file_thp_aligned = true;
  p.per_vma_lock = true;
  p.returns_fault_write = false;
  p.wp_huge_pmd_private = false;
  p.mixed_not_ok_is_sigbus = true;
  p.insert_pmd_special = true;
  p.shmem_anon_vm_ops = true;
  p.insert_pfn_pmd_prot_symbol = false;
  p.mprotect_keeps_huge_writable = true;
  p.dax_dirty = DaxEntryDirty::kWriteNotSync;
  p.dax_hwpoison_errno = true;
  p.dax_cow_by_shared_flag = true;
  p.ext4_punch_writes_back = false;
  p.xfs_truncate_writes_back = false;
  p.xfs_dax_read_shared = true;
  p.write_large_folios = true;
  p.trace_zero_folio = true;
  return p;
}

FaultProfile V6_15() {
  FaultProfile p = V6_12();
  p.name = "v6_15";
  p.insert = PageInsert::kFolio;
  p.dax_pages_are_normal = true;
  p.fsdax_idle_refcount = 0;
  return p;
}

FaultProfile V7_2() {
  FaultProfile p = V6_15();
  p.name = "v7_2";
  p.has_pte_devmap = false;
  p.insert_pmd_always_needs_flag = true;
  p.no_pfn_t = true;
  p.plain_file_thp_aligned = false;
  p.ext4_large_folios = true;
  p.mmap_readahead_order = 0;
  p.map_whole_folios = true;
  p.devdax_mmap_function = "dax_mmap_prepare";
  p.trace_iomap_numbers = true;
  return p;
}

// RHEL's 4.14 for arm64 with 64 KiB pages: neither the devmap bit nor huge
// PUDs, so vmf_insert_pfn_pmd always hits its BUG_ON(!pfn_t_devmap).
FaultProfile Arm64V4_14() {
  FaultProfile p = V4_14();
  p.name = "arm64_4_14";
  p.format = PageTableFormat::kArm64_64k;
  p.page_shift = 16;
  p.pmd_shift = 29;
  p.pud_shift = 42;
  p.has_pte_devmap = false;
  p.has_pud_thp = false;
  return p;
}

const std::vector<FaultProfile>& Profiles() {
  static const auto* profiles = new std::vector<FaultProfile>{
      V4_14(), V5_10(), V6_1(), V6_12(), V6_15(), V7_2(), Arm64V4_14()};
  return *profiles;
}

}  // namespace

absl::StatusOr<const FaultProfile*> FindFaultProfile(absl::string_view name) {
  for (const FaultProfile& profile : Profiles()) {
    // "v6_12" is also found as "6.12" and as "6.12.107-amd64".
    const std::string version =
        absl::StrReplaceAll(profile.name.substr(1), {{"_", "."}});
    if (name == profile.name || name == version ||
        absl::StartsWith(name, version + ".")) {
      return &profile;
    }
  }
  return absl::NotFoundError(absl::StrCat(
      "no fault profile '", name, "'; there are ",
      absl::StrJoin(Profiles(), ", ",
                    [](std::string* out, const FaultProfile& profile) {
                      absl::StrAppend(out, profile.name);
                    })));
}

const FaultProfile& DefaultFaultProfile() {
  static const FaultProfile& profile = **FindFaultProfile("v6_1");
  return profile;
}

absl::Span<const FaultProfile> AllFaultProfiles() { return Profiles(); }

bool ExportsSymbol(const FaultProfile& profile, absl::string_view symbol) {
  const bool prot = absl::ConsumeSuffix(&symbol, "_prot");
  if (prot != profile.insert_pfn_pmd_prot_symbol) return false;
  if (symbol == "vmf_insert_pfn_pmd") return true;
  return symbol == "vmf_insert_pfn_pud" && profile.has_pud_thp;
}

}  // namespace dmdax
