// SPDX-License-Identifier: Apache-2.0
//
// Verbs that change a device as it is: suspend, resume, remove, wait ...
// Mirrors the functions of the same names in dmsetup.c (1.02.185).
#include "absl/strings/str_cat.h"
#include "tools/dmsetup/command.h"

namespace dmdax {
namespace {

// _simple(): verbs that only name a device.
bool Simple(DmsetupContext& ctx, DmTaskType type,
            const std::optional<std::string>& name, uint32_t event_nr = 0,
            bool display = false) {
  const DmsetupOptions& o = ctx.options;
  DmTask task(ctx, type);
  if (!task.SetDevice(name)) return false;
  task.SetEventNr(event_nr);
  task.AddFlags((o.noflush ? DM_NOFLUSH_FLAG : 0u) |
                (o.nolockfs ? DM_SKIP_LOCKFS_FLAG : 0u));
  ApplySwitches(ctx, task);
  task.SetReadAhead(ReadAheadAsked(o));
  if (type == DmTaskType::kRemove && o.retry) task.RetryRemove();
  if (o.deferred &&
      (type == DmTaskType::kRemove || type == DmTaskType::kRemoveAll)) {
    task.AddFlags(DM_DEFERRED_REMOVE);
  }
  if (!task.Run()) return false;
  return !(display && o.verbose) || DisplayInfo(ctx, task);
}

// _get_device_size(): 0 if it can not be read.
uint64_t GetDeviceSize(DmsetupContext& ctx, const std::string& name) {
  DmTask task(ctx, DmTaskType::kTable);
  if (!task.SetDevice(name)) return 0;
  ApplySwitches(ctx, task);
  if (!task.Run()) return 0;
  uint64_t size = 0;
  for (const DmTargetSpec& row : task.rows()) size += row.length;
  return size;
}

// Loads and resumes an `error` table of the device's size.
bool ErrorDevice(DmsetupContext& ctx, const std::string& name) {
  DmsetupOptions& o = ctx.options;
  if (name.empty()) return Say(ctx, "No device specified.");
  const uint64_t size = GetDeviceSize(ctx, name);
  DmTask load(ctx, DmTaskType::kReload);
  if (!load.SetDevice(name)) return false;
  load.SetRows({DmTargetSpec{sector_t{0}, size, "error", ""}});
  if (o.readonly) load.AddFlags(DM_READONLY_FLAG);
  ApplySwitches(ctx, load);
  if (!load.Run()) return false;
  // A flush could hang, so nothing after this flushes either.
  if (o.force) o.nolockfs = o.noflush = true;
  if (Simple(ctx, DmTaskType::kResume, name)) return true;
  Simple(ctx, DmTaskType::kClear, name);
  return false;
}

bool CmdWipeTable(DmsetupContext& ctx, const CommandCall& call) {
  return ErrorDevice(ctx, DeviceOf(call).value_or(""));
}

// _count_devices(): how many there are, 0 when that cannot be told.
size_t CountDevices(DmsetupContext& ctx, const CommandCall& call) {
  ctx.num_devices = 0;
  ProcessAll(ctx, call, true, [](DmsetupContext& c, const CommandCall&) {
    ++c.num_devices;
    return true;
  });
  return ctx.num_devices;
}

bool CmdRemove(DmsetupContext& ctx, const CommandCall& call) {
  const std::optional<std::string> name = DeviceOf(call);
  if (ctx.options.force && name) {
    if (ctx.options.udev_cookie != 0) {
      Say(ctx, "WARNING: Use of cookie and --force is not compatible.");
    }
    // What becomes of the error table does not matter: the removal decides.
    ErrorDevice(ctx, *name);
  }
  return Simple(ctx, DmTaskType::kRemove, name);
}

bool CmdRemoveAll(DmsetupContext& ctx, const CommandCall& call) {
  const auto remove_closed = [&ctx] {
    const bool removed = Simple(ctx, DmTaskType::kRemoveAll, "");
    const bool made = Mknodes(ctx, std::nullopt);
    return removed || made;
  };
  const bool ok = remove_closed();
  if (!ctx.options.force) return ok;
  // From here on something has always gone well.
  if (CountDevices(ctx, call) == 0) return true;
  ProcessAll(ctx, call, true, CmdWipeTable);
  remove_closed();
  const size_t left = CountDevices(ctx, call);
  if (left != 0) {
    Say(ctx, absl::StrCat("Unable to remove ", left, " device(s)."));
  }
  return true;
}

bool CmdSuspend(DmsetupContext& ctx, const CommandCall& call) {
  return Simple(ctx, DmTaskType::kSuspend, DeviceOf(call), 0, true);
}

bool CmdResume(DmsetupContext& ctx, const CommandCall& call) {
  return Simple(ctx, DmTaskType::kResume, DeviceOf(call), 0, true);
}

bool CmdClear(DmsetupContext& ctx, const CommandCall& call) {
  return Simple(ctx, DmTaskType::kClear, DeviceOf(call), 0, true);
}

bool CmdWait(DmsetupContext& ctx, const CommandCall& call) {
  absl::Span<const std::string> args = call.args;
  if (!ByNumberOrUuid(ctx) && args.empty()) {
    return Say(ctx, "No device specified.");
  }
  const std::optional<std::string> name = TakeDevice(ctx, args);
  const uint32_t event_nr =
      args.empty() ? 0 : static_cast<uint32_t>(atoi(args.back().c_str()));
  return Simple(ctx, DmTaskType::kWaitEvent, name, event_nr, true);
}

}  // namespace

extern const DmsetupCommand kRemoveVerb = {
    .name = "remove",
    .arguments = "[--deferred] [-f|--force] [--retry] <device>...",
    .max_args = DmsetupCommand::kAnyNumber,
    .repeat = DmsetupCommand::kSelectable,
    .help = "Remove devices.\n\n  dmdax remove home",
    .fn = CmdRemove,
};

extern const DmsetupCommand kRemoveAllVerb = {
    .name = "remove_all",
    .arguments = "[-f|--force]",
    .help = "Remove all devices that are not open.",
    .fn = CmdRemoveAll,
};

extern const DmsetupCommand kSuspendVerb = {
    .name = "suspend",
    .arguments = "[--noflush] [--nolockfs] <device>...",
    .max_args = DmsetupCommand::kAnyNumber,
    .repeat = DmsetupCommand::kSelectable,
    .help = "Suspend a device.",
    .fn = CmdSuspend,
};

extern const DmsetupCommand kResumeVerb = {
    .name = "resume",
    .arguments =
        "[--noflush] [--nolockfs] <device>...\n"
        "\t       [--addnodeonresume|--addnodeoncreate]\n"
        "\t       [--readahead {[+]<sectors>|auto|none}]",
    .max_args = DmsetupCommand::kAnyNumber,
    .repeat = DmsetupCommand::kSelectable,
    .help = "Resume a device; an inactive table becomes live.",
    .fn = CmdResume,
};

extern const DmsetupCommand kClearVerb = {
    .name = "clear",
    .arguments = "<device>",
    .max_args = DmsetupCommand::kAnyNumber,
    .repeat = DmsetupCommand::kSelectable,
    .help = "Drop the inactive table.",
    .fn = CmdClear,
};

extern const DmsetupCommand kWipeTableVerb = {
    .name = "wipe_table",
    .arguments = "[-f|--force] [--noflush] [--nolockfs] <device>...",
    .max_args = DmsetupCommand::kAnyNumber,
    .repeat = DmsetupCommand::kSelectable,
    .help = "Replace the table by one that fails all I/O.",
    .fn = CmdWipeTable,
};

extern const DmsetupCommand kWaitVerb = {
    .name = "wait",
    .arguments = "<device> [<event_nr>] [--noflush]",
    .max_args = 2,
    .effect = DmsetupCommand::kAsks,
    .help = "Wait for an event.",
    .fn = CmdWait,
};

}  // namespace dmdax
