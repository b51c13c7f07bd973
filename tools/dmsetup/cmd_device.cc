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

std::optional<std::string> FirstArg(const CommandCall& call) {
  if (call.listed_name != nullptr) return *call.listed_name;
  if (call.args.empty()) return std::nullopt;
  return call.args[0];
}

bool ByNumberOrUuid(const DmsetupContext& ctx) {
  return ctx.options.uuid || ctx.options.major;
}

uint32_t CommonFlags(const DmsetupContext& ctx) {
  const DmsetupOptions& o = ctx.options;
  return (o.noflush ? DM_NOFLUSH_FLAG : 0u) |
         (o.nolockfs ? DM_SKIP_LOCKFS_FLAG : 0u) |
         (o.inactive ? DM_QUERY_INACTIVE_TABLE_FLAG : 0u);
}

// _simple(): verbs that only name a device.
bool Simple(DmsetupContext& ctx, DmTaskType type,
            const std::optional<std::string>& name, uint32_t extra_flags = 0,
            uint32_t event_nr = 0, bool display = false) {
  DmTask task(ctx, type);
  if (!task.SetDevice(name)) return false;
  task.SetEventNr(event_nr);
  task.AddFlags(CommonFlags(ctx) | extra_flags);
  if (!task.Run()) return false;
  return !(display && ctx.options.verbose) || DisplayInfo(ctx, task);
}

// Loads and resumes an `error` table of the device's size.
bool ErrorDevice(DmsetupContext& ctx, const std::string& name) {
  const uint32_t slot =
      ctx.options.inactive ? DM_QUERY_INACTIVE_TABLE_FLAG : 0u;
  DmTask query(ctx, DmTaskType::kTable);
  query.AddFlags(slot);
  // dmsetup goes on when there is no such device, and fails at the load.
  if (query.SetName(name)) (void)query.Run();
  uint64_t size = 0;
  for (const DmTargetSpec& row : query.rows()) {
    size = row.sector_start.value() + row.length;
  }
  DmTask load(ctx, DmTaskType::kReload);
  if (!load.SetName(name)) return false;
  load.SetRows({DmTargetSpec{sector_t{0}, size, "error", ""}});
  load.AddFlags(slot | (ctx.options.readonly ? DM_READONLY_FLAG : 0u));
  if (!load.Run()) return false;
  const uint32_t flags =
      ctx.options.force ? DM_SKIP_LOCKFS_FLAG | DM_NOFLUSH_FLAG : 0u;
  if (Simple(ctx, DmTaskType::kResume, name, flags)) return true;
  Simple(ctx, DmTaskType::kClear, name);
  return false;
}

bool WipeOne(DmsetupContext& ctx, const CommandCall& call) {
  const std::optional<std::string> name = FirstArg(call);
  if (!name || name->empty()) return Say(ctx, "No device specified.");
  return ErrorDevice(ctx, *name);
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
  const DmsetupOptions& o = ctx.options;
  DmTask task(ctx, DmTaskType::kCreate);
  if (!task.SetName(name)) return false;
  if (o.uuid && !task.SetUuid(*o.uuid)) return false;
  if (!o.notable) {
    std::optional<TableArg> table = ReadTableArg(ctx, file);
    if (!table) return false;
    task.SetRows(std::move(table->rows), std::move(table->columns));
  }
  if (o.readonly) task.AddFlags(DM_READONLY_FLAG);
  if (o.minor) {
    // The kernel looks at the minor only; libdevmapper warns about another
    // major, and so the message shows what was asked for.
    task.SetDevNumber(o.major.value_or(static_cast<int>(ctx.ctl.major())),
                      *o.minor);
  }
  if (!task.Run()) return false;
  return o.verbose == 0 || DisplayInfo(ctx, task);
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
  if (!task.SetDevice(name)) return false;
  std::optional<TableArg> table =
      ReadTableArg(ctx, args.size() == 1 ? args[0] : std::string());
  if (!table) return false;
  task.SetRows(std::move(table->rows), std::move(table->columns));
  if (ctx.options.readonly) task.AddFlags(DM_READONLY_FLAG);
  if (ctx.options.inactive) task.AddFlags(DM_QUERY_INACTIVE_TABLE_FLAG);
  if (!task.Run()) return false;
  return ctx.options.verbose == 0 || DisplayInfo(ctx, task);
}

bool CmdRemove(DmsetupContext& ctx, const CommandCall& call) {
  const std::optional<std::string> name = FirstArg(call);
  // What becomes of the error table does not matter: the removal decides.
  if (ctx.options.force && name) ErrorDevice(ctx, *name);
  return Simple(ctx, DmTaskType::kRemove, name,
                ctx.options.deferred ? DM_DEFERRED_REMOVE : 0u);
}

bool CmdRemoveAll(DmsetupContext& ctx, const CommandCall& call) {
  const uint32_t flags = ctx.options.deferred ? DM_DEFERRED_REMOVE : 0u;
  DmTask first(ctx, DmTaskType::kRemoveAll);
  first.AddFlags(flags);
  if (!first.Run()) return false;
  if (!ctx.options.force) return true;
  ProcessAll(ctx, call, true, WipeOne);
  DmTask second(ctx, DmTaskType::kRemoveAll);
  second.AddFlags(flags);
  if (!second.Run()) return false;
  DmTask list(ctx, DmTaskType::kList);
  if (!list.Run()) return false;
  if (!list.names().empty()) {
    Say(ctx,
        absl::StrCat("Unable to remove ", list.names().size(), " device(s)."));
  }
  return true;
}

bool CmdSuspend(DmsetupContext& ctx, const CommandCall& call) {
  return Simple(ctx, DmTaskType::kSuspend, FirstArg(call), 0, 0, true);
}

bool CmdResume(DmsetupContext& ctx, const CommandCall& call) {
  return Simple(ctx, DmTaskType::kResume, FirstArg(call), 0, 0, true);
}

bool CmdClear(DmsetupContext& ctx, const CommandCall& call) {
  return Simple(ctx, DmTaskType::kClear, FirstArg(call), 0, 0, true);
}

bool CmdWipeTable(DmsetupContext& ctx, const CommandCall& call) {
  return WipeOne(ctx, call);
}

bool CmdRename(DmsetupContext& ctx, const CommandCall& call) {
  DmTask task(ctx, DmTaskType::kRename);
  std::optional<std::string> name;
  if (call.args.size() == 2) name = call.args[0];
  if (!task.SetDevice(name)) return false;
  const std::string& value = call.args.back();
  if (!(ctx.options.setuuid ? task.SetNewUuid(value)
                            : task.SetNewName(value))) {
    return false;
  }
  return task.Run();
}

bool CmdMessage(DmsetupContext& ctx, const CommandCall& call) {
  absl::Span<const std::string> args = call.args;
  DmTask task(ctx, DmTaskType::kTargetMsg);
  if (ByNumberOrUuid(ctx)) {
    if (!task.SetDevice(std::nullopt)) return false;
  } else {
    if (!task.SetDevice(args[0])) return false;
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
  if (ctx.options.inactive) task.AddFlags(DM_QUERY_INACTIVE_TABLE_FLAG);
  if (!task.Run()) return false;
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
  return Simple(ctx, DmTaskType::kWaitEvent, name, 0, event_nr, true);
}

bool CmdSetGeometry(DmsetupContext& ctx, const CommandCall& call) {
  absl::Span<const std::string> args = call.args;
  DmTask task(ctx, DmTaskType::kSetGeometry);
  if (ByNumberOrUuid(ctx)) {
    if (!task.SetDevice(std::nullopt)) return false;
  } else {
    if (!task.SetDevice(args[0])) return false;
    args.remove_prefix(1);
  }
  task.SetText(absl::StrJoin(args.subspan(0, 4), " "));
  return task.Run();
}

}  // namespace dmdax
