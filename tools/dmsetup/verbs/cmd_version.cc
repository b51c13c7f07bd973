// SPDX-License-Identifier: Apache-2.0
//
// What there is in dmsetup and in the kernel: help, version, targets and
// target-version.
// Mirrors the functions of the same names in dmsetup.c (1.02.185).
#include <string>

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

void PrintTarget(DmsetupContext& ctx, absl::string_view name,
                 const TargetVersion& v) {
  absl::StrAppendFormat(&ctx.out, "%-16s v%d.%d.%d\n", name, v[0], v[1], v[2]);
  if (ctx.facts != nullptr) {
    ctx.facts->targets.push_back({std::string(name), v});
  }
}

bool CmdTargets(DmsetupContext& ctx, const CommandCall&) {
  const KernelProfile& profile = ctx.ctl.machine().profile();
  for (const TargetType* type : TargetTypes(profile)) {
    PrintTarget(ctx, type->name, type->version(profile));
  }
  return true;
}

bool CmdTargetVersion(DmsetupContext& ctx, const CommandCall& call) {
  // The target is given like a device name, so a path must be that of a device.
  DmTask task(ctx, DmTaskType::kTargetVersion);
  if (!task.SetName(call.args[0]) || !task.Run()) {
    return false;
  }
  const KernelProfile& profile = ctx.ctl.machine().profile();
  PrintTarget(ctx, task.io().name,
              FindTargetType(task.io().name, profile)->version(profile));
  return true;
}

}  // namespace

bool CmdVersion(DmsetupContext& ctx, const CommandCall&) {
  absl::StrAppend(&ctx.out, "Library version:   1.02.185 (2022-05-18)\n");
  const uint32_t(&v)[3] = ctx.ctl.machine().profile().dm_ioctl_version;
  absl::StrAppendFormat(&ctx.out, "Driver version:    %d.%d.%d\n", v[0], v[1],
                        v[2]);
  if (ctx.facts != nullptr) ctx.facts->driver_version = {v[0], v[1], v[2]};
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
