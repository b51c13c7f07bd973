// SPDX-License-Identifier: Apache-2.0
//
// What there is in dmsetup and in the kernel: help, version, targets and
// target-version.
// Mirrors the functions of the same names in dmsetup.c (1.02.185).
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tools/dmsetup/command.h"
#include "tools/dmsetup/info_report.h"
#include "tools/dmsetup/usage.h"

namespace dmdax {
namespace {

bool CmdHelp(DmsetupContext& ctx, const CommandCall& call) {
  absl::StrAppend(&ctx.err, DmsetupUsage());
  if (ctx.options.columns) {
    ctx.options.options = "help";
    ctx.options.sort = std::nullopt;
    InitReport(ctx, call.verb);
  }
  return true;
}

bool CmdTargets(DmsetupContext& ctx, const CommandCall&) {
  DmTask task(ctx, DmTaskType::kListVersions);
  if (ctx.options.checks) task.EnableChecks();
  if (!TaskRun(ctx, task)) return ctx.log.Backtrace();
  const KernelProfile& profile = ctx.ctl.machine().profile();
  for (const TargetType* type : TargetTypes(profile)) {
    const TargetVersion& v = type->version(profile);
    absl::StrAppendFormat(&ctx.out, "%-16s v%d.%d.%d\n", type->name, v[0], v[1],
                          v[2]);
  }
  return true;
}

bool CmdTargetVersion(DmsetupContext& ctx, const CommandCall& call) {
  // A target is named as a device is: a path must be one's.
  DmTask task(ctx, DmTaskType::kTargetVersion);
  if (!task.SetName(call.args[0]) || !TaskRun(ctx, task)) {
    return ctx.log.Backtrace();
  }
  const KernelProfile& profile = ctx.ctl.machine().profile();
  const TargetVersion& v =
      FindTargetType(task.io().name, profile)->version(profile);
  absl::StrAppendFormat(&ctx.out, "%-16s v%d.%d.%d\n", task.io().name, v[0],
                        v[1], v[2]);
  return true;
}

}  // namespace

bool CmdVersion(DmsetupContext& ctx, const CommandCall&) {
  absl::StrAppend(&ctx.out, "Library version:   1.02.185 (2022-05-18)\n");
  DmTask task(ctx, DmTaskType::kVersion);
  if (!task.Run()) return Say(ctx, "Failed to get driver version");
  const KernelProfile& profile = ctx.ctl.machine().profile();
  absl::StrAppendFormat(
      &ctx.out, "Driver version:    %d.%d.%d\n", profile.dm_ioctl_version[0],
      profile.dm_ioctl_version[1], profile.dm_ioctl_version[2]);
  return true;
}

extern const DmsetupCommand kHelpVerb = {
    .name = "help",
    .arguments = "[-c|-C|--columns]",
    .effect = DmsetupCommand::kAsks,
    .fn = CmdHelp,
};

extern const DmsetupCommand kTargetVersionVerb = {
    .name = "target-version",
    .arguments = "[<target>...]",
    .min_args = 1,
    .max_args = DmsetupCommand::kAnyNumber,
    .repeat = DmsetupCommand::kEachArg,
    .effect = DmsetupCommand::kAsks,
    .help = "Print the version of a target type.",
    .fn = CmdTargetVersion,
};

extern const DmsetupCommand kTargetsVerb = {
    .name = "targets",
    .effect = DmsetupCommand::kAsks,
    .help = "List the target types of the kernel.",
    .fn = CmdTargets,
};

extern const DmsetupCommand kVersionVerb = {
    .name = "version",
    .effect = DmsetupCommand::kAsks,
    .help = "Print the versions of library and driver.",
    .fn = CmdVersion,
};

}  // namespace dmdax
