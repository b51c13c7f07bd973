// SPDX-License-Identifier: Apache-2.0
//
// The verbs that change a device: create, load, suspend, resume, remove ...
// Mirrors the functions of the same names in dmsetup.c (1.02.185).
#include <cerrno>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tools/dmsetup/command.h"
#include "tools/dmsetup/table_arg.h"

namespace dmdax {
namespace {

bool ByNumberOrUuid(const DmsetupContext& ctx) {
  return ctx.options.uuid || ctx.options.major;
}

NodeReadAhead ReadAheadAsked(const DmsetupOptions& o) {
  if (!o.read_ahead) return {};
  return {static_cast<uint32_t>(*o.read_ahead), o.read_ahead_minimum};
}

// dm_udev_wait(): without udev only what libdevmapper does then.  Within a
// transaction its end is waited for instead.
void UdevWait(DmsetupContext& ctx) {
  if (ctx.options.udev_cookie == 0) ctx.nodes.Update();
}

// _simple(): verbs that only name a device.
bool RunSimple(DmsetupContext& ctx, DmTask& task, DmTaskType type,
               const std::optional<std::string>& name, uint32_t event_nr) {
  const DmsetupOptions& o = ctx.options;
  if (!task.SetDevice(name)) return ctx.log.Backtrace();
  task.SetEventNr(event_nr);
  task.AddFlags((o.noflush ? DM_NOFLUSH_FLAG : 0u) |
                (o.nolockfs ? DM_SKIP_LOCKFS_FLAG : 0u));
  ApplySwitches(ctx, task);
  task.SetReadAhead(ReadAheadAsked(o));
  if (type == DmTaskType::kResume || type == DmTaskType::kRemove) {
    CheckUdev(ctx);
  }
  if (type == DmTaskType::kRemove && o.retry) task.RetryRemove();
  if (o.deferred &&
      (type == DmTaskType::kRemove || type == DmTaskType::kRemoveAll)) {
    task.AddFlags(DM_DEFERRED_REMOVE);
  }
  return TaskRun(ctx, task);
}

bool Simple(DmsetupContext& ctx, DmTaskType type,
            const std::optional<std::string>& name, uint32_t event_nr = 0,
            bool display = false) {
  DmTask task(ctx, type);
  const bool ok = RunSimple(ctx, task, type, name, event_nr);
  if (type == DmTaskType::kResume || type == DmTaskType::kRemove) {
    UdevWait(ctx);
  }
  if (!ok) return false;
  return !(display && ctx.options.verbose) || DisplayInfo(ctx, task);
}

// _get_device_size(): 0 for a device that does not say.
uint64_t GetDeviceSize(DmsetupContext& ctx, const std::string& name) {
  DmTask task(ctx, DmTaskType::kTable);
  if (!task.SetDevice(name)) {
    ctx.log.Backtrace();
    return 0;
  }
  ApplySwitches(ctx, task);
  if (!TaskRun(ctx, task)) {
    ctx.log.Backtrace();
    return 0;
  }
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
  if (!load.SetDevice(name)) return ctx.log.Backtrace();
  load.SetRows({DmTargetSpec{sector_t{0}, size, "error", ""}});
  if (o.readonly) load.AddFlags(DM_READONLY_FLAG);
  ApplySwitches(ctx, load);
  if (!TaskRun(ctx, load)) return ctx.log.Backtrace();
  // A flush could hang; what follows is not to flush either.
  if (o.force) o.nolockfs = o.noflush = true;
  if (Simple(ctx, DmTaskType::kResume, name)) return true;
  Simple(ctx, DmTaskType::kClear, name);
  return ctx.log.Backtrace();
}

bool WipeOne(DmsetupContext& ctx, const CommandCall& call) {
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

// _create_one_device(), up to its end in any case.
bool RunCreate(DmsetupContext& ctx, DmTask& task, const std::string& name,
               const std::string& file) {
  const DmsetupOptions& o = ctx.options;
  if (!task.SetName(name)) return ctx.log.Backtrace();
  if (o.uuid && !task.SetUuid(*o.uuid)) return ctx.log.Backtrace();
  if (!o.notable) {
    std::optional<TableArg> table = ReadTableArg(ctx, file);
    if (!table) return ctx.log.Backtrace();
    task.SetRows(std::move(table->rows), std::move(table->columns));
  }
  if (o.readonly) task.AddFlags(DM_READONLY_FLAG);
  if (o.major) task.SetMajor(*o.major);
  if (o.minor) task.SetMinor(*o.minor);
  NodeOwner owner;
  if (o.uid) owner.uid = static_cast<uint32_t>(*o.uid);
  if (o.gid) owner.gid = static_cast<uint32_t>(*o.gid);
  if (o.mode) owner.mode = static_cast<uint32_t>(*o.mode);
  task.SetOwner(owner);
  ApplySwitches(ctx, task);
  task.SetReadAhead(ReadAheadAsked(o));
  CheckUdev(ctx);
  return TaskRun(ctx, task) || ctx.log.Backtrace();
}

}  // namespace

bool CmdCreate(DmsetupContext& ctx, const CommandCall& call) {
  const DmsetupOptions& o = ctx.options;
  if (o.concise && call.args.size() > 1) {
    return Say(ctx, "dmsetup create --concise takes at most one argument");
  }
  if (o.concise) return CreateConcise(ctx, call);
  if (call.args.empty()) {
    return Say(ctx, "Please provide a name for the new device.");
  }
  return CreateOneDevice(ctx, call.args[0],
                         call.args.size() == 2 ? call.args[1] : std::string());
}

bool CreateOneDevice(DmsetupContext& ctx, const std::string& name,
                     const std::string& file) {
  DmTask task(ctx, DmTaskType::kCreate);
  const bool ok = RunCreate(ctx, task, name, file);
  UdevWait(ctx);
  return ok && (ctx.options.verbose == 0 || DisplayInfo(ctx, task));
}

bool CmdLoad(DmsetupContext& ctx, const CommandCall& call) {
  absl::Span<const std::string> args = call.args;
  if (ctx.options.notable) {
    return Say(ctx, "--notable only available when creating new device.");
  }
  std::optional<std::string> name;
  if (!ByNumberOrUuid(ctx)) {
    if (args.empty()) return Say(ctx, "Please specify device.");
    name = args[0];
    args.remove_prefix(1);
  } else if (args.size() > 1) {
    return Say(ctx, "Too many command line arguments.");
  }
  DmTask task(ctx, DmTaskType::kReload);
  if (!task.SetDevice(name)) return ctx.log.Backtrace();
  std::optional<TableArg> table =
      ReadTableArg(ctx, args.size() == 1 ? args[0] : std::string());
  if (!table) return ctx.log.Backtrace();
  task.SetRows(std::move(table->rows), std::move(table->columns));
  if (ctx.options.readonly) task.AddFlags(DM_READONLY_FLAG);
  ApplySwitches(ctx, task);
  if (!TaskRun(ctx, task)) return ctx.log.Backtrace();
  return ctx.options.verbose == 0 || DisplayInfo(ctx, task);
}

bool CmdRemove(DmsetupContext& ctx, const CommandCall& call) {
  const std::optional<std::string> name = DeviceOf(call);
  if (ctx.options.force && name) {
    if (ctx.options.udev_cookie != 0) {
      ctx.log.Warn("WARNING: Use of cookie and --force is not compatible.");
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
  ProcessAll(ctx, call, true, WipeOne);
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

bool CmdWipeTable(DmsetupContext& ctx, const CommandCall& call) {
  return WipeOne(ctx, call);
}

bool DoRename(DmsetupContext& ctx, const std::optional<std::string>& name,
              const std::string& new_name, bool to_uuid) {
  DmTask task(ctx, DmTaskType::kRename);
  const auto run = [&] {
    if (!task.SetDevice(name)) return false;
    if (!(to_uuid ? task.SetNewUuid(new_name) : task.SetNewName(new_name))) {
      return false;
    }
    ApplySwitches(ctx, task);
    CheckUdev(ctx);
    return TaskRun(ctx, task);
  };
  const bool ok = run() || ctx.log.Backtrace();
  UdevWait(ctx);
  return ok;
}

bool CmdRename(DmsetupContext& ctx, const CommandCall& call) {
  std::optional<std::string> name;
  if (call.args.size() == 2) name = call.args[0];
  return DoRename(ctx, name, call.args.back(), ctx.options.setuuid);
}

bool CmdMessage(DmsetupContext& ctx, const CommandCall& call) {
  absl::Span<const std::string> args = call.args;
  DmTask task(ctx, DmTaskType::kTargetMsg);
  if (ByNumberOrUuid(ctx)) {
    if (!task.SetDevice(std::nullopt)) return ctx.log.Backtrace();
  } else {
    if (!task.SetDevice(args[0])) return ctx.log.Backtrace();
    args.remove_prefix(1);
  }
  if (args.empty()) return Say(ctx, "Invalid sector.");
  char* end = nullptr;
  errno = 0;
  const uint64_t sector = strtoull(args[0].c_str(), &end, 10);
  if (errno != 0 || *end != '\0' || end == args[0].c_str()) {
    return Say(ctx, "Invalid sector.");
  }
  args.remove_prefix(1);
  // It is sent all the same, as dmsetup does.
  if (args.empty()) Say(ctx, "No message supplied.");
  task.SetSector(sector_t(sector));
  task.SetText(absl::StrJoin(args, " "));
  ApplySwitches(ctx, task);
  if (!TaskRun(ctx, task)) return ctx.log.Backtrace();
  if (task.io().flags & DM_DATA_OUT_FLAG) {
    absl::StrAppend(&ctx.out, task.reply());
    if (!task.reply().empty() && task.reply().back() != '\n') {
      absl::StrAppend(&ctx.out, "\n");
    }
  }
  return true;
}

bool CmdWait(DmsetupContext& ctx, const CommandCall& call) {
  absl::Span<const std::string> args = call.args;
  std::optional<std::string> name;
  if (!ByNumberOrUuid(ctx)) {
    if (args.empty()) return Say(ctx, "No device specified.");
    name = args[0];
    args.remove_prefix(1);
  }
  const uint32_t event_nr =
      args.empty() ? 0 : static_cast<uint32_t>(atoi(args.back().c_str()));
  return Simple(ctx, DmTaskType::kWaitEvent, name, event_nr, true);
}

bool CmdSetGeometry(DmsetupContext& ctx, const CommandCall& call) {
  absl::Span<const std::string> args = call.args;
  DmTask task(ctx, DmTaskType::kSetGeometry);
  if (ByNumberOrUuid(ctx)) {
    if (!task.SetDevice(std::nullopt)) return ctx.log.Backtrace();
  } else {
    if (!task.SetDevice(args[0])) return ctx.log.Backtrace();
    args.remove_prefix(1);
  }
  task.SetText(absl::StrJoin(args.subspan(0, 4), " "));
  ApplySwitches(ctx, task);
  return TaskRun(ctx, task) || ctx.log.Backtrace();
}

}  // namespace dmdax
