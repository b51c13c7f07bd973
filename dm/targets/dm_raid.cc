// SPDX-License-Identifier: Apache-2.0
//
// raid: md's personalities under device-mapper.
//
//   raid <raid type> <#params> <param> ... <#devs> [<meta dev|->
//   <dev|->]{#devs}
//
// Whether a set assembles is decided by md from its superblocks, which are not
// read here: what is wrong before that is reported, all else is not modelled.
// Mirrors drivers/md/dm-raid.c (4.14 to 7.2).
#include <algorithm>
#include <iterator>

#include "base/kstrtox.h"
#include "dm/arg_set.h"
#include "dm/device_mapper.h"

namespace dmdax {
namespace {

constexpr absl::string_view kRaidTypes[] = {
    "raid0",     "raid1",      "raid10_offset", "raid10_near", "raid10_far",
    "raid10",    "raid4",      "raid5_n",       "raid5_ls",    "raid5_rs",
    "raid5_la",  "raid5_ra",   "raid6_zr",      "raid6_nr",    "raid6_nc",
    "raid6_n_6", "raid6_ls_6", "raid6_rs_6",    "raid6_la_6",  "raid6_ra_6"};

absl::Status RaidCtr(DmTarget& ti, absl::Span<const std::string> argv) {
  DmArgSet as(argv, ProfileOf(ti).sscanf_overflow);
  const std::string* type = as.Shift();
  if (type == nullptr) return DmError("No arguments");
  // Upper and lower case differ.
  if (std::find(std::begin(kRaidTypes), std::end(kRaidTypes), *type) ==
      std::end(kRaidTypes)) {
    return DmError("Unrecognised raid_type");
  }
  absl::StatusOr<uint32_t> params =
      as.ReadArgGroup({0, static_cast<uint32_t>(argv.size()),
                       "Cannot understand number of raid parameters"});
  if (!params.ok()) return params.status();
  as.Consume(*params);
  // Without any word left the bound wraps and the word is missed instead.
  const uint32_t max_devs = static_cast<uint32_t>(as.argc()) == 0
                                ? ~uint32_t{0} / 2
                                : (static_cast<uint32_t>(as.argc()) - 1) / 2;
  absl::StatusOr<uint32_t> devs = as.ReadArg(
      {1, max_devs, "Cannot understand number of raid devices parameters"});
  if (!devs.ok()) return devs.status();
  if (*devs > 253) {
    return DmError("Invalid number of supplied raid devices");
  }
  return DmNotModelled("raid sets", "md and its superblocks");
}

const TargetType kRaidTarget = {
    .name = "raid",
    .versions = {{k4_14, 1, 13, 0}, {k5_10, 1, 15, 1}},
    .ctr = RaidCtr,
    .example = {.length = 2048,
                .params = "raid1 1 64 2 - /dev/sda - /dev/sdb",
                .refusal = "not modelled: raid sets (needs md and its "
                           "superblocks)"},
};
DM_REGISTER_TARGET(kRaidTarget);

}  // namespace
}  // namespace dmdax
