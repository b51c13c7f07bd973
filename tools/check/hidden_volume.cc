// SPDX-License-Identifier: Apache-2.0
#include "tools/check/hidden_volume.h"

#include <algorithm>
#include <iterator>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "tools/check/world_rows.h"
#include "tools/dmsetup/split_name.h"

namespace dmdax {
namespace {

// "LVM-" and the ids of the group and of the volume.
constexpr size_t kUuidLength = 4 + 2 * 32;

// Whether the third part of the name says that it is below a volume.
bool IsLayer(const std::string& layer, const std::string& uuid) {
  constexpr absl::string_view kLayers[] = {"tpool", "vpool", "cow",
                                           "real",  "cdata", "cmeta"};
  return uuid.size() != kUuidLength &&
         std::find(std::begin(kLayers), std::end(kLayers), layer) !=
             std::end(kLayers);
}

}  // namespace

std::string HiddenVolumeOf(const proto::MappedDevice& device) {
  if (!LvmNameOf(device)) return "";
  absl::string_view dm_name = device.name();
  const SplitName split("LVM", dm_name);
  if (!split.lv_layer.empty()) {
    return IsLayer(split.lv_layer, device.uuid()) &&
                   absl::ConsumeSuffix(&dm_name,
                                       absl::StrCat("-", split.lv_layer))
               ? std::string(dm_name)
               : "";
  }
  // "_rimage_12": of the numbered ones.
  absl::string_view bare = dm_name;
  while (!bare.empty() &&
         absl::ascii_isdigit(static_cast<unsigned char>(bare.back()))) {
    bare.remove_suffix(1);
  }
  if (bare.size() < dm_name.size()) {
    for (absl::string_view part : {"_rimage_", "_rmeta_", "_mimage_"}) {
      if (absl::ConsumeSuffix(&bare, part)) return std::string(bare);
    }
  }
  for (absl::string_view part :
       {"_tdata", "_tmeta", "_cdata", "_cmeta", "_corig", "_wcorig", "_cvol",
        "_vdata", "_mlog", "_imeta", "_iorig"}) {
    if (absl::ConsumeSuffix(&dm_name, part)) return std::string(dm_name);
  }
  return "";
}

bool IsPoolSpare(absl::string_view lv) {
  return absl::EndsWith(lv, "_pmspare");
}

bool IsHiddenVolume(const proto::MappedDevice& device) {
  const auto lvm = LvmNameOf(device);
  return lvm && (!HiddenVolumeOf(device).empty() || IsPoolSpare(lvm->lv) ||
                 absl::StartsWith(lvm->lv, "pvmove"));
}

bool IsPvmove(absl::string_view lv) {
  return absl::ConsumePrefix(&lv, "pvmove") && !lv.empty() &&
         std::all_of(lv.begin(), lv.end(),
                     [](unsigned char c) { return absl::ascii_isdigit(c); });
}

}  // namespace dmdax
