// SPDX-License-Identifier: Apache-2.0
//
// The parts of LVM2's volumes that are devices of their own, and that nobody
// but the volume uses.
//
//   HiddenVolumeOf("vg-r_rimage_0");  // "vg-r"
//   HiddenVolumeOf("vg-pool-tpool");  // "vg-pool"
//   HiddenVolumeOf("vg-home");        // ""
// Threading: pure function.
#ifndef DMDAX_TOOLS_CHECK_HIDDEN_VOLUME_H_
#define DMDAX_TOOLS_CHECK_HIDDEN_VOLUME_H_

#include <string>

#include "absl/strings/string_view.h"

namespace dmdax {

// The dm name of the volume that a device is a part of by its name; "": of
// none.  LVM2 reserves these names, lib/metadata/lv_manip.c
// apply_lvname_restrictions.
std::string HiddenVolumeOf(absl::string_view dm_name);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CHECK_HIDDEN_VOLUME_H_
