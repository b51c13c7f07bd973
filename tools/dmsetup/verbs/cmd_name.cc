// SPDX-License-Identifier: Apache-2.0
//
// Verbs about names: rename, mangle, mknodes, splitname.
// Mirrors the functions of the same names in dmsetup.c (1.02.185).
#include <cerrno>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/nearest.h"
#include "tools/dmsetup/command.h"
#include "tools/dmsetup/info_report.h"

namespace dmdax {

bool DoRename(DmsetupContext& ctx, const std::optional<std::string>& name,
              const std::string& new_name, bool to_uuid) {
  DmTask task(ctx, DmTaskType::kRename);
  if (!task.SetDevice(name)) return false;
  if (!(to_uuid ? task.SetNewUuid(new_name) : task.SetNewName(new_name))) {
    return false;
  }
  ApplySwitches(ctx, task);
  return task.Run();
}

bool Mknodes(DmsetupContext& ctx, const std::optional<std::string>& name) {
  DmTask task(ctx, DmTaskType::kMknodes);
  if (name && !task.SetName(*name)) return false;
  return task.Run();
}

namespace {

bool CmdRename(DmsetupContext& ctx, const CommandCall& call) {
  std::optional<std::string> name;
  if (call.args.size() == 2) name = call.args[0];
  return DoRename(ctx, name, call.args.back(), ctx.options.setuuid);
}

std::string NoDeviceHint(const DmsetupContext& ctx, const std::string& name) {
  if (name.empty()) return "there is no such mapped device";
  DmIoctl io;
  std::vector<DmNameEntry> entries;
  ctx.ctl.ListDevices(io, &entries).IgnoreError();
  std::vector<std::string> names;
  for (const DmNameEntry& entry : entries) names.push_back(entry.name);
  return absl::StrCat("there is no mapped device '", name, "'",
                      DidYouMean(name, names));
}

// Names are seen as the kernel has them here.
bool CmdMangle(DmsetupContext& ctx, const CommandCall& call) {
  if (AboutAll(ctx, call)) return ProcessAll(ctx, call, false, CmdMangle);
  DmTask task(ctx, DmTaskType::kStatus);
  const std::optional<std::string> given = DeviceOf(call);
  if (!task.SetDevice(given)) return false;
  if (!task.Run()) return false;
  if (!task.exists()) {
    // dmsetup has no words for it.
    ctx.ioctl_errno = ENXIO;
    ctx.hints.push_back(NoDeviceHint(ctx, given.value_or(task.name())));
    return false;
  }
  const std::string name = given.value_or(task.name());
  const std::string uuid = task.uuid();
  const MangleMode mode = ctx.options.mangle_given.value_or(MangleMode::kAuto);
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
  if (!new_name) return false;
  const std::optional<std::string> new_uuid =
      plain ? task.UnmangledUuid() : task.MangledUuid();
  if (!new_uuid) return false;
  if (*new_uuid != uuid) {
    return Say(ctx, absl::StrCat(name, ": ", uuid,
                                 ": UUID in incorrect form. \nUnable to change "
                                 "device UUID. The device must be deactivated "
                                 "first."));
  }
  if (*new_name == name) {
    absl::StrAppend(&ctx.out, name, ": ", uuid.empty() ? "[no UUID]" : uuid,
                    ": name ", uuid.empty() ? "" : "and UUID ",
                    "already in correct form\n");
    return true;
  }
  absl::StrAppend(&ctx.out, name, ": renaming to ", *new_name, "\n");
  return DoRename(ctx, name, *new_name, false);
}

bool CmdMknodes(DmsetupContext& ctx, const CommandCall& call) {
  if (call.args.empty()) return Mknodes(ctx, std::nullopt);
  return Mknodes(ctx, call.args[0]);
}

bool CmdSplitName(DmsetupContext& ctx, const CommandCall& call) {
  return AddSplitNameRow(
      ctx,
      SplitName(call.args.size() == 2 ? call.args[1] : "LVM", call.args[0]));
}

}  // namespace

extern const DmsetupCommand kRenameVerb = {
    .name = "rename",
    .arguments = "<device> [--setuuid] <new_name_or_uuid>",
    .min_args = 1,
    .max_args = 2,
    .help =
        "Rename a device, or give it a uuid.\n\n"
        "  dmdax rename home root\n"
        "  dmdax rename home --setuuid LVM-0123",
    .fn = CmdRename,
};

extern const DmsetupCommand kMknodesVerb = {
    .name = "mknodes",
    .arguments = "[<device>...]",
    .max_args = DmsetupCommand::kAnyNumber,
    .repeat = DmsetupCommand::kEachArg,
    .help =
        "Make the nodes in /dev/mapper that are missing, and remove those "
        "without a device.",
    .fn = CmdMknodes,
};

extern const DmsetupCommand kMangleVerb = {
    .name = "mangle",
    .arguments = "[<device>...]",
    .max_args = DmsetupCommand::kAnyNumber,
    .repeat = DmsetupCommand::kEachArg,
    .help = "Rename devices so that their names are mangled rightly.",
    .fn = CmdMangle,
    // Names are looked at as the kernel has them.
    .imply = [](DmsetupOptions& o) { o.mangle = MangleMode::kNone; },
};

extern const DmsetupCommand kSplitNameVerb = {
    .name = "splitname",
    .arguments = "<device> [<subsystem>]",
    .min_args = 1,
    .max_args = 2,
    .effect = DmsetupCommand::kAsks,
    .help =
        "Split a name into the parts LVM gave it.\n\n"
        "  dmdax splitname vg-lv--x-tpool",
    .fn = CmdSplitName,
    .imply = [](DmsetupOptions& o) { o.columns = true; },
};

}  // namespace dmdax
