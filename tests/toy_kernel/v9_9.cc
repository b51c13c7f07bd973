// SPDX-License-Identifier: Apache-2.0
//
// What 9.9, a kernel of this test, changed after 7.2.
#include <cerrno>

#include "base/kernel_registry.h"

namespace dmdax {
namespace {

void Change(KernelProfile& p) {
  p.dm_ioctl_version[1] = 51;
  p.dm_ioctl_version_date = "2026-11-28";
  p.dm_name_check = DmNameCheck::kSlash;
  p.dm_target_error_has_errno = false;
  p.dax_poison_errno = EIO;
  p.fault.map_whole_folios = false;
  p.fault.functions[FaultFunction::kInsertPmd] = "insert_pmd_folio";
}

const KernelRegistrar kV9_9({.name = "v9_9",
                             .release = {9, 9},
                             .after = "v7_2",
                             .stands_for = "9.9.1",
                             .from_source = "all of it",
                             .change = Change});

}  // namespace
}  // namespace dmdax
