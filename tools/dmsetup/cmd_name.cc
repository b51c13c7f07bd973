// SPDX-License-Identifier: Apache-2.0
//
// Verbs about names: splitname, mangle, mknodes, target-version.
// Mirrors the functions of the same names in dmsetup.c (1.02.185).
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tools/dmsetup/command.h"
#include "tools/dmsetup/info_report.h"

namespace dmdax {
bool CmdSplitName(DmsetupContext& ctx, const CommandCall& call) {
  return AddSplitNameRow(
      ctx,
      SplitName(call.args.size() == 2 ? call.args[1] : "LVM", call.args[0]));
}

// Names are seen as the kernel has them here.
bool CmdMangle(DmsetupContext& ctx, const CommandCall& call) {
  const DmsetupOptions& o = ctx.options;
  if (call.listed_name == nullptr && call.args.empty() && !o.uuid && !o.major) {
    return ProcessAll(ctx, call, false, CmdMangle);
  }
  DmTask task(ctx, DmTaskType::kStatus);
  std::optional<std::string> given;
  if (call.listed_name != nullptr) {
    given = *call.listed_name;
  } else if (!call.args.empty()) {
    given = call.args[0];
  }
  if (!task.SetDevice(given)) return ctx.log.Backtrace();
  // dmsetup has it the wrong way round.
  if (!o.checks) task.EnableChecks();
  if (!TaskRun(ctx, task) || !task.exists()) return ctx.log.Backtrace();
  const std::string name = given.value_or(task.name());
  const std::string uuid = task.uuid();
  const MangleMode mode = o.mangle_given.value_or(MangleMode::kAuto);
  const bool plain = mode == MangleMode::kNone;
  if (mode == MangleMode::kAuto) {
    constexpr char kTwice[] =
        "\" seems to be mangled more than once. Manual intervention required "
        "to ";
    if (absl::StrContains(name, "\\x5cx")) {
      return Say(
          ctx, absl::StrCat("The name \"", name, kTwice, "rename the device."));
    }
    if (absl::StrContains(uuid, "\\x5cx")) {
      return Say(ctx, absl::StrCat("The UUID \"", uuid, kTwice,
                                   "correct the device UUID."));
    }
  }
  const std::optional<std::string> new_name =
      plain ? task.UnmangledName() : task.MangledName();
  if (!new_name) return ctx.log.Backtrace();
  const std::optional<std::string> new_uuid =
      plain ? task.UnmangledUuid() : task.MangledUuid();
  if (!new_uuid) return ctx.log.Backtrace();
  if (*new_uuid != uuid) {
    return Say(ctx, absl::StrCat(name, ": ", uuid,
                                 ": UUID in incorrect form. \nUnable to change "
                                 "device UUID. The device must be deactivated "
                                 "first."));
  }
  if (*new_name == name) {
    ctx.log.Print(absl::StrCat(name, ": ", uuid.empty() ? "[no UUID]" : uuid,
                               ": name ", uuid.empty() ? "" : "and UUID ",
                               "already in correct form"));
    return true;
  }
  ctx.log.Print(absl::StrCat(name, ": renaming to ", *new_name));
  return DoRename(ctx, name, *new_name, false);
}

bool Mknodes(DmsetupContext& ctx, const std::optional<std::string>& name) {
  DmTask task(ctx, DmTaskType::kMknodes);
  if (name && !task.SetName(*name)) return false;
  task.NoOpenCount();
  return task.Run();
}

bool CmdMknodes(DmsetupContext& ctx, const CommandCall& call) {
  if (call.args.empty()) return Mknodes(ctx, std::nullopt);
  return Mknodes(ctx, call.args[0]);
}

bool CmdTargetVersion(DmsetupContext& ctx, const CommandCall& call) {
  // A target is named as a device is: a path must be one's.
  DmTask task(ctx, DmTaskType::kTargetVersion);
  if (!task.SetName(call.args[0]) || !TaskRun(ctx, task)) {
    return ctx.log.Backtrace();
  }
  const KernelProfile& profile = ctx.ctl.machine().profile();
  const TargetVersion v =
      FindTargetType(task.io().name, profile)->version(profile);
  absl::StrAppendFormat(&ctx.out, "%-16s v%d.%d.%d\n", task.io().name, v[0],
                        v[1], v[2]);
  return true;
}

}  // namespace dmdax
