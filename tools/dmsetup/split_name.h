// SPDX-License-Identifier: Apache-2.0
//
// SplitName: what LVM puts into a device's name and uuid.
//
//   SplitName("LVM", "vg--1-lv-tpool"): vg "vg-1", lv "lv", layer "tpool"
//
// Mirrors: dm_split_lvm_name of libdm/libdm-string.c (1.02.185).
#ifndef DMDAX_TOOLS_DMSETUP_SPLIT_NAME_H_
#define DMDAX_TOOLS_DMSETUP_SPLIT_NAME_H_

#include <string>

#include "absl/strings/string_view.h"

namespace dmdax {

struct SplitName {
  SplitName(absl::string_view subsystem_name, absl::string_view name);

  std::string subsystem, vg_name, lv_name, lv_layer;
};

}  // namespace dmdax

#endif  // DMDAX_TOOLS_DMSETUP_SPLIT_NAME_H_
