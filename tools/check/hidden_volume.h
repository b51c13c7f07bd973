// SPDX-License-Identifier: Apache-2.0
//
// The parts of LVM2's volumes that are devices of their own, and that nobody
// but the volume uses.
//
//   proto::MappedDevice part;
//   part.set_name("vg-r_rimage_0");
//   part.set_uuid("LVM-x");
//   HiddenVolumeOf(part);  // "vg-r"
//   part.set_name("vg-cow");
//   HiddenVolumeOf(part);  // ""
//
// A name alone is no proof: only a device that is LVM2's has such parts, and a
// layer, as "tpool" of "vg-pool-tpool", is a third part of its name.
// Threading: pure functions.
#ifndef DMDAX_TOOLS_CHECK_HIDDEN_VOLUME_H_
#define DMDAX_TOOLS_CHECK_HIDDEN_VOLUME_H_

#include <string>

#include "absl/strings/string_view.h"
#include "state/world.pb.h"

namespace dmdax {

// The dm name of the volume that a device is a part of; "": of none.  LVM2
// reserves these names, lib/metadata/lv_manip.c apply_lvname_restrictions.
std::string HiddenVolumeOf(const proto::MappedDevice& device);

// Whether lvs shows it with -a alone: such a part, or what LVM2 keeps for
// itself, as the spare of pools' metadata.
bool IsHiddenVolume(const proto::MappedDevice& device);

// Whether a volume is the spare of pools' metadata, which has no data.
bool IsPoolSpare(absl::string_view lv);

// Whether it is what pvmove makes while it copies.
bool IsPvmove(absl::string_view lv);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CHECK_HIDDEN_VOLUME_H_
