// SPDX-License-Identifier: Apache-2.0
//
// SplitName: what LVM puts into a device's name and uuid.
//
//   SplitName split("LVM", "vg--1-lv-tpool");
//   split.vg_name;    // "vg-1"
//   split.lv_name;    // "lv"
//   split.lv_layer;   // "tpool"
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
