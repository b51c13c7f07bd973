// SPDX-License-Identifier: Apache-2.0
//
// A program with two targets of one name: it does not come far.
#include "dm/dm_ioctl.h"
#include "tests/testing.h"

namespace dmdax {
namespace {

const TargetType kSecondLinear = {
    .name = "linear",
    .versions = DmVersion(1, 0, 0),
    .ctr = [](DmTarget&,
              absl::Span<const std::string>) { return absl::OkStatus(); },
    .example = {.length = 8},
};
DM_REGISTER_TARGET(kSecondLinear);

TEST(RegisteredTwiceTest, NoDeviceMapperStartsWithTwoOfOneName) {
  Machine machine(DefaultKernelProfile());
  EXPECT_DEATH(DmCtl ctl(machine),
               "device-mapper: target: linear: target already registered");
}

}  // namespace
}  // namespace dmdax
