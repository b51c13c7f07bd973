// SPDX-License-Identifier: Apache-2.0
//
// stats: all of it is messages to the kernel, which the real dmstats sends on
// the machine as well as anybody could.
#include "tools/dmsetup/command.h"

namespace dmdax {
namespace {

bool CmdStats(DmsetupContext& ctx, const CommandCall&) {
  return Say(ctx, kNoStats);
}

}  // namespace

extern const DmsetupCommand kStatsVerb = {
    .name = "stats",
    .arguments = "<command> [<options>] [<device>...]",
    .max_args = DmsetupCommand::kAnyNumber,
    .effect = DmsetupCommand::kAsks,
    .help = "Statistics: dmdax run -- dmstats has them.",
    .fn = CmdStats,
};

}  // namespace dmdax
