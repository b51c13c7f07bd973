// SPDX-License-Identifier: Apache-2.0
//
// Verbs about names: splitname, mangle, mknodes, target-version.
// Mirrors the functions of the same names in dmsetup.c (1.02.185).
#include <cerrno>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/errno_status.h"
#include "dm/ctl_ioctl.h"
#include "tools/dmsetup/command.h"
#include "tools/dmsetup/report.h"

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
  if (!task.SetDevice(given) || !task.Run() || !task.exists()) return false;
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
  const auto formed = [&](const std::string& s, absl::string_view what) {
    return plain ? Unmangle(s) : MangledAs(s, what, MangleMode::kNone);
  };
  if (formed(uuid, "UUID") != uuid) {
    return Say(ctx, absl::StrCat(name, ": ", uuid,
                                 ": UUID in incorrect form. \nUnable to change "
                                 "device UUID. The device must be deactivated "
                                 "first."));
  }
  const std::string new_name = formed(task.io().name, "name");
  if (new_name == name) {
    absl::StrAppend(&ctx.out, name, ": ", uuid.empty() ? "[no UUID]" : uuid,
                    ": name ", uuid.empty() ? "" : "and UUID ",
                    "already in correct form\n");
    return true;
  }
  absl::StrAppend(&ctx.out, name, ": renaming to ", new_name, "\n");
  DmTask rename(ctx, DmTaskType::kRename);
  return rename.SetDevice(name) && rename.SetNewName(new_name) && rename.Run();
}

bool CmdMknodes(DmsetupContext& ctx, const CommandCall& call) {
  if (!call.args.empty()) {
    DmTask task(ctx, DmTaskType::kMknodes);
    return task.SetName(call.args[0]) && task.Run();
  }
  // As after remove_all: nodes whose device is gone.
  Machine& machine = ctx.ctl.machine();
  for (const auto& [node, dev] : machine.Nodes()) {
    if (absl::StartsWith(node, "/dev/mapper/") &&
        ctx.ctl.FindMinor(dev.minor_nr) == nullptr) {
      machine.RemoveNode(node);
    }
  }
  return true;
}

bool CmdTargetVersion(DmsetupContext& ctx, const CommandCall& call) {
  // A target is named as a device is: a path must be one's.
  DmTask task(ctx, DmTaskType::kInfo);
  if (!task.SetName(call.args[0])) return false;
  const std::string& name = task.kernel_name();
  // libdevmapper writes the interface that a command came with.
  constexpr uint32_t kSince[] = {4, 41, 0};
  const KernelProfile& profile = ctx.ctl.machine().profile();
  const TargetType* type = FindTargetType(name, profile);
  const absl::Status s =
      CheckIoctlVersion(ctx.ctl, kSince, DM_GET_TARGET_VERSION_CMD);
  if (!s.ok() || type == nullptr) {
    return Say(ctx, absl::StrCat("device-mapper: target-version ioctl on ",
                                 name, "  failed: ", ErrnoText(EINVAL)));
  }
  const TargetVersion& v = type->version(profile);
  absl::StrAppendFormat(&ctx.out, "%-16s v%d.%d.%d\n", name, v[0], v[1], v[2]);
  return true;
}

}  // namespace dmdax
