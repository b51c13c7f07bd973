// SPDX-License-Identifier: Apache-2.0
#include "tools/check/hidden_volume.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/strip.h"

namespace dmdax {

std::string HiddenVolumeOf(absl::string_view dm_name) {
  for (absl::string_view layer : {"-tpool", "-vpool", "-cow", "-real"}) {
    if (absl::ConsumeSuffix(&dm_name, layer)) return std::string(dm_name);
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

}  // namespace dmdax
