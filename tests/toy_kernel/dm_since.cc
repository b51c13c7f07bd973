// SPDX-License-Identifier: Apache-2.0
//
// A target that came with 6.16, when no profile was, and changed with 9.9.
#include "dm/device_mapper.h"

namespace dmdax {
namespace {

absl::Status SinceCtr(DmTarget&, absl::Span<const std::string>) {
  return absl::OkStatus();
}

BioMap SinceMap(const DmTarget&, sector_t, ReqOp) {
  return {.kind = BioMap::Kind::kZeroes};
}

const TargetType kSinceTarget = {
    .name = "since",
    .versions = {{KernelRelease{6, 16}, 1, 0, 0},
                 {KernelRelease{9, 9}, 1, 1, 0}},
    .ctr = SinceCtr,
    .map = SinceMap,
    .example = {.length = 8, .params = ""},
};
DM_REGISTER_TARGET(kSinceTarget);

}  // namespace
}  // namespace dmdax
