// SPDX-License-Identifier: Apache-2.0
//
// What 6.15 changed after 6.12: DAX pages are counted.  Of the device half no
// kernel was recorded between 6.12 and 7.2.
#include "base/kernel_registry.h"

namespace dmdax {
namespace {

void ChangeDm(KernelProfile& p) {
  p.dm_ioctl_version[1] = 49;
  p.dm_ioctl_version_date = "2025-01-17";
}

void ChangeFaults(FaultProfile& f) {
  f.insert = PageInsert::kFolio;
  f.dax_pages_are_normal = true;
  f.merge_hands_over_anon_vma = true;
  f.break_layout_drops_entries = true;
  f.fsdax_idle_refcount = 0;
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

const KernelRegistrar kV6_15({.name = "v6_15",
                              .release = k6_15,
                              .after = "v6_12",
                              .stands_for = "6.15",
                              .from_source = "faults; else as v6_12",
                              .change = [](KernelProfile& p) {
                                ChangeDm(p);
                                ChangeFaults(p.fault);
                                ChangeFunctions(p.fault);
                              }});

}  // namespace
}  // namespace dmdax
