// SPDX-License-Identifier: Apache-2.0
//
// The verbs that ask: status, table, info, deps, ls, targets, version.
// Mirrors the functions of the same names in dmsetup.c (1.02.185).
#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "tools/dmsetup/command.h"
#include "tools/dmsetup/report.h"
#include "tools/dmsetup/usage.h"

namespace dmdax {
namespace {

bool Say(DmsetupContext& ctx, absl::string_view text) {
  absl::StrAppend(&ctx.err, text, "\n");
  return false;
}

// No device given by any means: the verb is about all of them.
bool AboutAll(const DmsetupContext& ctx, const CommandCall& call) {
  return call.listed_name == nullptr && call.args.empty() &&
         !ctx.options.uuid && !ctx.options.major;
}

std::optional<std::string> NameOf(const CommandCall& call) {
  if (call.listed_name != nullptr) return *call.listed_name;
  if (call.args.empty()) return std::nullopt;
  return call.args[0];
}

uint32_t QueryFlags(const DmsetupContext& ctx) {
  return (ctx.options.inactive ? DM_QUERY_INACTIVE_TABLE_FLAG : 0u) |
         (ctx.options.noflush ? DM_NOFLUSH_FLAG : 0u);
}

// Keys are shown as zeros: the second word of a crypt line.
void HideKey(DmTargetSpec& row) {
  if (row.target_type != "crypt") return;
  const size_t begin = std::min(row.params.find(' '), row.params.size());
  size_t i = std::min(begin + 1, row.params.size());
  if (i < row.params.size() && row.params[i] == ':') return;
  for (; i < row.params.size() && row.params[i] != ' '; ++i) {
    row.params[i] = '0';
  }
}

// How -o says a device is to be named.
enum class DevName { kNumber, kMapped, kDisk };

// -o of ls and deps; nothing after printing what is wrong with it.
std::optional<DevName> ParseDevName(DmsetupContext& ctx) {
  DevName dev_name = DevName::kNumber;
  if (!ctx.options.options) return dev_name;
  for (absl::string_view word : absl::StrSplit(*ctx.options.options, ',')) {
    // Any beginning of a keyword will do.
    if (absl::StartsWith("devno", word)) {
      dev_name = DevName::kNumber;
    } else if (absl::StartsWith("blkdevname", word)) {
      dev_name = DevName::kDisk;
    } else if (absl::StartsWith("devname", word)) {
      dev_name = DevName::kMapped;
    } else {
      Say(ctx, absl::StrCat("Option not recognised: ", word, "."));
      return std::nullopt;
    }
  }
  return dev_name;
}

// dm_device_get_name(), or "" when the number is all there is.
std::string DeviceName(DmsetupContext& ctx, DevT dev, DevName kind) {
  if (kind == DevName::kNumber) return "";
  BlockDevice* bdev = ctx.ctl.machine().FindBdev(dev);
  if (bdev == nullptr) return "";
  if (kind == DevName::kMapped && dev.major_nr == ctx.ctl.major()) {
    if (auto md = ctx.ctl.FindMinor(dev.minor_nr)) {
      return Unmangle(md->dm_name());
    }
  }
  return bdev->name();
}

void DisplayInfoLong(DmsetupContext& ctx, const DmTask& task) {
  const DmIoctl& io = task.io();
  const bool live = io.flags & DM_ACTIVE_PRESENT_FLAG;
  const bool inactive = io.flags & DM_INACTIVE_PRESENT_FLAG;
  absl::StrAppend(&ctx.out, "Name:              ", task.name(), "\n");
  absl::StrAppend(&ctx.out, "State:             ",
                  io.flags & DM_SUSPEND_FLAG ? "SUSPENDED" : "ACTIVE",
                  io.flags & DM_READONLY_FLAG ? " (READ-ONLY)" : "",
                  io.flags & DM_DEFERRED_REMOVE ? " (DEFERRED REMOVE)" : "",
                  "\n");
  if (std::optional<uint32_t> ra = ReadAhead(ctx, task)) {
    absl::StrAppend(&ctx.out, "Read Ahead:        ", *ra, "\n");
  }
  absl::StrAppend(&ctx.out,
                  "Tables present:    ", !live && !inactive ? "None" : "",
                  live ? "LIVE" : "", live && inactive ? " & " : "",
                  inactive ? "INACTIVE" : "", "\n");
  absl::StrAppend(&ctx.out, "Open count:        ", io.open_count, "\n");
  absl::StrAppend(&ctx.out, "Event number:      ", io.event_nr, "\n");
  absl::StrAppend(&ctx.out, "Major, minor:      ", task.dev().major_nr, ", ",
                  task.dev().minor_nr, "\n");
  absl::StrAppend(&ctx.out, "Number of targets: ", io.target_count, "\n");
  if (!task.uuid().empty()) {
    absl::StrAppend(&ctx.out, "UUID: ", task.uuid(), "\n");
  }
  absl::StrAppend(&ctx.out, "\n");
}

// One row of status or table.
void PrintRow(DmsetupContext& ctx, const CommandCall& call,
              const std::string& name, DmTargetSpec row) {
  if (call.multiple_devices && !ctx.options.verbose) {
    absl::StrAppend(&ctx.out, name, ": ");
  }
  if (call.verb == "table" && !ctx.options.showkeys) HideKey(row);
  if (!row.target_type.empty()) {
    absl::StrAppend(&ctx.out, row.sector_start.value(), " ", row.length, " ",
                    row.target_type, " ", row.params);
  }
  absl::StrAppend(&ctx.out, "\n");
}

bool PrintName(DmsetupContext& ctx, const CommandCall& call) {
  std::optional<DevName> kind = ParseDevName(ctx);
  if (!kind) return false;
  DmTask task(ctx, DmTaskType::kInfo);
  if (!task.SetName(*call.listed_name) || !task.Run()) return false;
  const std::string name = DeviceName(ctx, task.dev(), *kind);
  absl::StrAppend(&ctx.out, *call.listed_name, "\t(",
                  name.empty() ? task.dev().ToString() : name, ")\n");
  return true;
}

}  // namespace

bool DisplayInfo(DmsetupContext& ctx, const DmTask& task) {
  if (!task.exists()) return Say(ctx, "Device does not exist.");
  if (ctx.options.columns) return AddInfoRow(ctx, task);
  DisplayInfoLong(ctx, task);
  return true;
}

bool ProcessAll(DmsetupContext& ctx, const CommandCall& call, bool silent,
                CommandFn fn) {
  DmTask list(ctx, DmTaskType::kList);
  if (!list.Run()) return false;
  if (list.names().empty()) {
    if (!silent) absl::StrAppend(&ctx.out, "No devices found\n");
    return true;
  }
  bool ok = true;
  for (const DmNameEntry& entry : list.names()) {
    const std::string name = ctx.options.mangle == MangleMode::kNone
                                 ? entry.name
                                 : Unmangle(entry.name);
    CommandCall each = call;
    each.listed_name = &name;
    each.multiple_devices = true;
    ok &= fn(ctx, each);
  }
  return ok;
}

bool CmdStatus(DmsetupContext& ctx, const CommandCall& call) {
  if (AboutAll(ctx, call)) return ProcessAll(ctx, call, false, CmdStatus);
  const bool ls_only = call.verb == "ls";
  DmTask task(ctx,
              call.verb == "table" ? DmTaskType::kTable : DmTaskType::kStatus);
  if (!task.SetDevice(NameOf(call))) return false;
  task.AddFlags(QueryFlags(ctx) |
                (call.verb == "measure" ? DM_IMA_MEASUREMENT_FLAG : 0u));
  if (!task.Run()) return false;
  if (!task.exists()) return Say(ctx, "Device does not exist.");
  const std::string name = NameOf(call).value_or(task.name());
  std::vector<DmTargetSpec> rows = task.rows();
  // A device without a table still gets its line, empty.
  if (rows.empty()) rows.emplace_back();
  bool matched = false;
  for (const DmTargetSpec& row : rows) {
    if (ctx.options.target && row.target_type != *ctx.options.target) continue;
    if (ls_only) {
      absl::StrAppend(&ctx.out, name, "\t(", task.dev().major_nr, ", ",
                      task.dev().minor_nr, ")\n");
      return true;
    }
    if (!matched && ctx.options.verbose) DisplayInfo(ctx, task);
    PrintRow(ctx, call, name, row);
    matched = true;
  }
  if (call.multiple_devices && ctx.options.verbose && matched) {
    absl::StrAppend(&ctx.out, "\n");
  }
  return true;
}

bool CmdInfo(DmsetupContext& ctx, const CommandCall& call) {
  if (AboutAll(ctx, call)) return ProcessAll(ctx, call, false, CmdInfo);
  DmTask task(ctx, DmTaskType::kInfo);
  if (!task.SetDevice(NameOf(call))) return false;
  task.AddFlags(QueryFlags(ctx));
  return task.Run() && DisplayInfo(ctx, task);
}

bool CmdDeps(DmsetupContext& ctx, const CommandCall& call) {
  if (AboutAll(ctx, call)) return ProcessAll(ctx, call, false, CmdDeps);
  std::optional<DevName> kind = ParseDevName(ctx);
  if (!kind) return false;
  DmTask task(ctx, DmTaskType::kDeps);
  if (!task.SetDevice(NameOf(call))) return false;
  task.AddFlags(QueryFlags(ctx));
  if (!task.Run()) return false;
  if (ctx.options.verbose) DisplayInfo(ctx, task);
  if (call.multiple_devices && !ctx.options.verbose) {
    absl::StrAppend(&ctx.out, NameOf(call).value_or(""), ": ");
  }
  absl::StrAppend(&ctx.out, task.deps().size(), " dependencies\t:");
  for (const DevT& dev : task.deps()) {
    const std::string name = DeviceName(ctx, dev, *kind);
    if (name.empty()) {
      absl::StrAppend(&ctx.out, " (", dev.major_nr, ", ", dev.minor_nr, ")");
    } else {
      absl::StrAppend(&ctx.out, " (", name, ")");
    }
  }
  absl::StrAppend(&ctx.out, "\n");
  if (call.multiple_devices && ctx.options.verbose) {
    absl::StrAppend(&ctx.out, "\n");
  }
  return true;
}

bool CmdLs(DmsetupContext& ctx, const CommandCall& call) {
  if (ctx.options.target) return CmdStatus(ctx, call);
  if (ctx.options.tree) return DisplayTree(ctx);
  if (!ParseDevName(ctx)) return false;
  return ProcessAll(ctx, call, false, PrintName);
}

bool CmdTargets(DmsetupContext& ctx, const CommandCall&) {
  const KernelProfile& profile = ctx.ctl.machine().profile();
  for (const TargetType* type : TargetTypes(profile)) {
    const TargetVersion& v = type->version(profile);
    absl::StrAppendFormat(&ctx.out, "%-16s v%d.%d.%d\n", type->name, v[0], v[1],
                          v[2]);
  }
  return true;
}

bool CmdVersion(DmsetupContext& ctx, const CommandCall&) {
  const KernelProfile& profile = ctx.ctl.machine().profile();
  absl::StrAppendFormat(&ctx.out,
                        "Library version:   1.02.185 (2022-05-18)\n"
                        "Driver version:    %d.%d.%d\n",
                        profile.dm_ioctl_version[0],
                        profile.dm_ioctl_version[1],
                        profile.dm_ioctl_version[2]);
  return true;
}

bool CmdHelp(DmsetupContext& ctx, const CommandCall&) {
  absl::StrAppend(&ctx.out, kDmsetupUsage);
  return true;
}

}  // namespace dmdax
