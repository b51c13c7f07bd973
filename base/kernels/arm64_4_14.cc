// SPDX-License-Identifier: Apache-2.0
//
// RHEL's 4.14 for arm64 with 64 KiB pages: neither the devmap bit nor huge
// PUDs, so vmf_insert_pfn_pmd always hits its BUG_ON(!pfn_t_devmap).
#include "base/kernel_registry.h"

namespace dmdax {
namespace {

void ChangeFaults(FaultProfile& f) {
  f.format = PageTableFormat::kArm64_64k;
  f.page_shift = 16;
  f.pmd_shift = 29;
  f.pud_shift = 42;
  f.has_pte_devmap = false;
  f.has_pud_thp = false;
  f.has_pkeys = false;
}

const KernelRegistrar kArm64V4_14({.name = "arm64_4_14",
                                   .release = k4_14,
                                   .after = "v4_14",
                                   .stands_for = "4.14",
                                   .from_source = "faults; else as v4_14",
                                   .change = [](KernelProfile& p) {
                                     ChangeFaults(p.fault);
                                   }});

}  // namespace
}  // namespace dmdax
