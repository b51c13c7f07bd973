// SPDX-License-Identifier: Apache-2.0
#include "base/fault_functions.h"

namespace dmdax {
namespace {

using F = FaultFunction;

// Generations of the x86-64 profiles, oldest first; arm64's is that of its
// version.
enum Generation { k4_14, k5_10, k6_1, k6_12, k6_15, k7_2 };

struct Row {
  F function;
  const char* name;
  Generation first;
  Generation last;
};

constexpr Row kRows[] = {
    {F::kHandleMmFault, "handle_mm_fault", k4_14, k7_2},
    {F::kHandleMmFaultWalk, "__handle_mm_fault", k6_1, k7_2},
    {F::kDoFault, "do_fault", k6_1, k7_2},
    {F::kDoFaultCore, "__do_fault", k4_14, k7_2},
    {F::kFinishFault, "finish_fault", k4_14, k7_2},
    {F::kVmfInsertMixed, "vm_insert_mixed", k4_14, k4_14},
    {F::kVmfInsertMixed, "vmf_insert_mixed", k5_10, k7_2},
    {F::kVmfInsertMixedMkwrite, "vm_insert_mixed_mkwrite", k4_14, k4_14},
    {F::kVmfInsertMixedMkwrite, "vmf_insert_mixed_mkwrite", k5_10, k7_2},
    {F::kVmInsertMixedCore, "__vm_insert_mixed", k4_14, k7_2},
    {F::kInsertPfn, "insert_pfn", k4_14, k7_2},
    {F::kVmfInsertPageMkwrite, "vmf_insert_page_mkwrite", k6_15, k7_2},
    {F::kInsertPage, "insert_page", k6_15, k7_2},
    {F::kVmfInsertPfnPmd, "vmf_insert_pfn_pmd", k4_14, k4_14},
    {F::kVmfInsertPfnPmd, "vmf_insert_pfn_pmd_prot", k5_10, k6_1},
    {F::kVmfInsertPfnPmd, "vmf_insert_pfn_pmd", k6_12, k7_2},
    {F::kVmfInsertPfnPud, "vmf_insert_pfn_pud", k4_14, k4_14},
    {F::kVmfInsertPfnPud, "vmf_insert_pfn_pud_prot", k5_10, k6_1},
    {F::kVmfInsertPfnPud, "vmf_insert_pfn_pud", k6_12, k7_2},
    {F::kVmfInsertFolioPmd, "vmf_insert_folio_pmd", k6_15, k7_2},
    {F::kVmfInsertFolioPud, "vmf_insert_folio_pud", k6_15, k7_2},
    {F::kInsertPmd, "insert_pmd", k7_2, k7_2},
    {F::kInsertPud, "insert_pud", k7_2, k7_2},
    {F::kExt4DaxFault, "ext4_dax_fault", k4_14, k7_2},
    {F::kExt4DaxHugeFault, "ext4_dax_huge_fault", k4_14, k7_2},
    {F::kExt4IomapBegin, "ext4_iomap_begin", k4_14, k7_2},
    {F::kExt4IomapEnd, "ext4_iomap_end", k4_14, k6_15},
    {F::kXfsFilemapFault, "xfs_filemap_fault", k4_14, k7_2},
    {F::kXfsFilemapHugeFault, "xfs_filemap_huge_fault", k4_14, k7_2},
    {F::kXfsFilemapPageMkwrite, "xfs_filemap_page_mkwrite", k4_14, k7_2},
    {F::kXfsFilemapPfnMkwrite, "xfs_filemap_pfn_mkwrite", k4_14, k7_2},
    {F::kXfsFilemapFaultCore, "__xfs_filemap_fault", k4_14, k6_12},
    {F::kXfsDaxReadFault, "xfs_dax_read_fault", k6_15, k7_2},
    {F::kXfsWriteFault, "xfs_write_fault", k6_15, k7_2},
    {F::kXfsWriteFaultCore, "__xfs_write_fault", k7_2, k7_2},
    {F::kXfsWriteIomapBegin, "xfs_file_iomap_begin", k4_14, k4_14},
    {F::kXfsWriteIomapBegin, "xfs_direct_write_iomap_begin", k5_10, k7_2},
    {F::kXfsReadIomapBegin, "xfs_file_iomap_begin", k4_14, k4_14},
    {F::kXfsReadIomapBegin, "xfs_read_iomap_begin", k5_10, k7_2},
    {F::kXfsDaxWriteIomapEnd, "xfs_dax_write_iomap_end", k6_1, k7_2},
    {F::kDaxIomapFault, "dax_iomap_fault", k4_14, k7_2},
    {F::kDaxIomapPmdFault, "dax_iomap_pmd_fault", k4_14, k7_2},
    {F::kDaxIomapPteFault, "dax_iomap_pte_fault", k4_14, k7_2},
    {F::kGrabMappingEntry, "grab_mapping_entry", k4_14, k7_2},
    {F::kIomapIter, "iomap_iter", k6_1, k7_2},
    {F::kDaxFaultIter, "dax_fault_iter", k6_1, k7_2},
    {F::kDaxIomapDirectAccess, "dax_iomap_pfn", k4_14, k5_10},
    {F::kDaxIomapDirectAccess, "dax_iomap_direct_access", k6_1, k7_2},
    {F::kDaxDirectAccess, "dax_direct_access", k4_14, k7_2},
    {F::kDaxInsertEntry, "dax_insert_mapping_entry", k4_14, k4_14},
    {F::kDaxInsertEntry, "dax_insert_entry", k5_10, k7_2},
    {F::kDaxUnlockEntry, "put_locked_mapping_entry", k4_14, k4_14},
    {F::kDaxUnlockEntry, "dax_unlock_entry", k5_10, k7_2},
    {F::kDevDaxFault, "dev_dax_fault", k4_14, k7_2},
    {F::kDevDaxHugeFault, "dev_dax_huge_fault", k4_14, k7_2},
    {F::kCheckVma, "check_vma", k4_14, k6_15},
    {F::kCheckVma, "__check_vma", k7_2, k7_2},
    {F::kDaxPgoffToPhys, "dax_pgoff_to_phys", k4_14, k7_2},
    {F::kDaxSetMapping, "dax_set_mapping", k6_1, k7_2},
};

Generation GenerationOf(const FaultProfile& profile) {
  constexpr const char* kNames[] = {"v4_14", "v5_10", "v6_1",
                                    "v6_12", "v6_15", "v7_2"};
  for (int i = k4_14; i <= k7_2; ++i) {
    if (profile.name == kNames[i]) return static_cast<Generation>(i);
  }
  return k4_14;  // arm64_4_14
}

bool Has(const Row& row, Generation generation) {
  return row.first <= generation && generation <= row.last;
}

}  // namespace

std::string FaultFunctionName(const FaultProfile& profile,
                              FaultFunction function) {
  const Generation generation = GenerationOf(profile);
  for (const Row& row : kRows) {
    if (row.function == function && Has(row, generation)) return row.name;
  }
  return "";
}

std::set<std::string> ModelledFunctions(const FaultProfile& profile) {
  const Generation generation = GenerationOf(profile);
  std::set<std::string> names;
  for (const Row& row : kRows) {
    if (Has(row, generation)) names.insert(row.name);
  }
  return names;
}

}  // namespace dmdax
