// SPDX-License-Identifier: Apache-2.0
//
// The verbs that ask: status, table, info, deps, ls, targets, version.
// Mirrors the functions of the same names in dmsetup.c (1.02.185).
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <ratio>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "tools/dmsetup/block_name.h"
#include "tools/dmsetup/command.h"
#include "tools/dmsetup/info_report.h"
#include "tools/dmsetup/tree.h"
#include "tools/dmsetup/usage.h"

namespace dmdax {
namespace {

// No device given by any means: the verb is about all of them.
// integrity: the key behind a keyword's algorithm, "internal_hash:alg:KEY".
void HideKeyOf(std::string& params, absl::string_view keyword) {
  size_t at = params.find(std::string(keyword));
  if (at == params.npos) return;
  at += keyword.size();
  while (at < params.size() && params[at] != ':' && params[at] != ' ') ++at;
  if (at == params.size() || params[at] != ':') return;
  for (++at; at < params.size() && params[at] != ' '; ++at) params[at] = '0';
}

// Keys are shown as zeros: the second word of a crypt line.
void HideKey(DmTargetSpec& row) {
  if (row.target_type == "integrity") {
    for (const char* word :
         {"internal_hash:", "journal_crypt:", "journal_mac:"}) {
      HideKeyOf(row.params, word);
    }
  }
  if (row.target_type != "crypt") return;
  const size_t begin = std::min(row.params.find(' '), row.params.size());
  size_t i = std::min(begin + 1, row.params.size());
  if (i < row.params.size() && row.params[i] == ':') return;
  for (; i < row.params.size() && row.params[i] != ' '; ++i) {
    row.params[i] = '0';
  }
}

// At most so many words in --exec: ARGS_MAX.
constexpr size_t kMaxExecWords = 256;

// How -o says a device is to be named.
enum class DevName { kNumber, kMapped, kDisk };

// -o of ls and deps, which the command line's check has accepted.
DevName DevNameKind(const DmsetupContext& ctx) {
  DevName dev_name = DevName::kNumber;
  if (ctx.options.columns || !ctx.options.options) return dev_name;
  absl::string_view words = *ctx.options.options;
  while (!words.empty()) {
    const absl::string_view word = words.substr(0, words.find(','));
    words.remove_prefix(std::min(word.size() + 1, words.size()));
    // Any beginning of a keyword will do.
    if (absl::StartsWith("devno", word)) {
      dev_name = DevName::kNumber;
    } else if (absl::StartsWith("blkdevname", word)) {
      dev_name = DevName::kDisk;
    } else if (absl::StartsWith("devname", word)) {
      dev_name = DevName::kMapped;
    }
  }
  return dev_name;
}

// dm_device_get_name(), or "" when the number is all there is.
std::string DeviceName(DmsetupContext& ctx, DevT dev, DevName kind) {
  if (kind == DevName::kNumber) return "";
  if (kind == DevName::kMapped && dev.major_nr == ctx.ctl.major()) {
    if (std::optional<std::string> name = MappedName(ctx, dev)) return *name;
  }
  return BlockName(ctx, dev).value_or("");
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
  if (std::optional<uint32_t> ra = task.ReadAhead()) {
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

// Commas, semicolons and backslashes get a backslash.
std::string Quoted(absl::string_view text) {
  return absl::StrReplaceAll(text,
                             {{"\\", "\\\\"}, {",", "\\,"}, {";", "\\;"}});
}

// One row of table --concise; all devices share a line.
void PrintConcise(DmsetupContext& ctx, const DmTask& task,
                  const std::string& name, DmTargetSpec row, bool first) {
  if (first) {
    absl::StrAppend(&ctx.out, ctx.concise_printed ? ";" : "", Quoted(name), ",",
                    Quoted(task.uuid()), ",", task.dev().minor_nr, ",",
                    task.io().flags & DM_READONLY_FLAG ? "ro" : "rw");
    ctx.concise_printed = true;
  }
  if (row.target_type.empty()) return;
  if (!ctx.options.showkeys) HideKey(row);
  absl::StrAppend(&ctx.out, ",", row.sector_start.value(), " ", row.length, " ",
                  row.target_type, " ", Quoted(row.params));
}

// --exec: runs the words with the device's node behind them.
bool Exec(DmsetupContext& ctx, const std::string& name) {
  if (ctx.exec_failed) return ctx.log.Backtrace();
  if (!Mknodes(ctx, name)) return ctx.log.Backtrace();
  std::vector<std::string> words = absl::StrSplit(
      *ctx.options.exec, absl::ByAnyChar(" \t\n\v\f\r"), absl::SkipEmpty());
  ctx.exec_failed = words.empty() || words.size() >= kMaxExecWords;
  if (words.empty()) return ctx.log.Backtrace();
  if (ctx.exec_failed) return Say(ctx, "Too many args to --exec.");
  words.push_back(absl::StrCat(kMapperDir, "/", name));
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  pid_t pid;
  // A command that cannot be run is no failure.
  if (posix_spawnp(&pid, argv[0], nullptr, nullptr, argv.data(), environ) ==
      0) {
    while (waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  return true;
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
  const DevT dev = DevT::HugeDecode(call.listed_dev);
  const std::string name = DeviceName(ctx, dev, DevNameKind(ctx));
  absl::StrAppend(&ctx.out, *call.listed_name, "\t(",
                  name.empty() ? dev.ToString() : name, ")\n");
  return true;
}

}  // namespace

bool AboutAll(const DmsetupContext& ctx, const CommandCall& call) {
  return call.listed_name == nullptr && call.args.empty() &&
         !ctx.options.uuid && !ctx.options.major;
}

std::optional<std::string> DeviceOf(const CommandCall& call) {
  if (call.listed_name != nullptr) return *call.listed_name;
  if (call.args.empty()) return std::nullopt;
  return call.args[0];
}

bool DisplayInfo(DmsetupContext& ctx, const DmTask& task) {
  if (!task.exists()) return Say(ctx, "Device does not exist.");
  if (ctx.options.columns) return AddInfoRow(ctx, task);
  DisplayInfoLong(ctx, task);
  return true;
}

bool TaskRun(DmsetupContext& ctx, DmTask& task) {
  const bool ok = task.Run();
  if (ctx.initial_timestamp) {
    const auto passed =
        std::chrono::steady_clock::now() - *ctx.initial_timestamp;
    const auto ns =
        std::chrono::duration_cast<std::chrono::nanoseconds>(passed).count();
    ctx.log.Debug(absl::StrFormat("Timestamp: %7d.%09d seconds",
                                  ns / std::nano::den, ns % std::nano::den));
  }
  return ok;
}

void ApplySwitches(const DmsetupContext& ctx, DmTask& task) {
  const DmsetupOptions& o = ctx.options;
  if (o.noopencount) task.NoOpenCount();
  if (o.inactive) task.AddFlags(DM_QUERY_INACTIVE_TABLE_FLAG);
  if (o.checks) task.EnableChecks();
}

bool ProcessAll(DmsetupContext& ctx, const CommandCall& call, bool silent,
                CommandFn fn) {
  DmTask list(ctx, DmTaskType::kList);
  if (ctx.options.checks) list.EnableChecks();
  if (!TaskRun(ctx, list)) return ctx.log.Backtrace();
  if (list.names().empty()) {
    if (!silent) absl::StrAppend(&ctx.out, "No devices found\n");
    return true;
  }
  bool ok = true;
  for (const DmNameEntry& entry : list.names()) {
    CommandCall each = call;
    each.listed_name = &entry.name;
    each.listed_dev = entry.dev;
    each.multiple_devices = true;
    ok &= fn(ctx, each);
  }
  return ok;
}

bool CmdStatus(DmsetupContext& ctx, const CommandCall& call) {
  if (AboutAll(ctx, call)) return ProcessAll(ctx, call, false, CmdStatus);
  const bool ls_only = call.verb == "ls";
  const bool concise = call.verb == "table" && ctx.options.concise;
  DmTask task(ctx,
              call.verb == "table" ? DmTaskType::kTable : DmTaskType::kStatus);
  if (!task.SetDevice(DeviceOf(call))) return ctx.log.Backtrace();
  ApplySwitches(ctx, task);
  task.AddFlags((ctx.options.noflush ? DM_NOFLUSH_FLAG : 0u) |
                (call.verb == "measure" ? DM_IMA_MEASUREMENT_FLAG : 0u));
  if (!TaskRun(ctx, task)) return ctx.log.Backtrace();
  if (!task.exists()) return Say(ctx, "Device does not exist.");
  const std::string name = DeviceOf(call).value_or(task.name());
  std::vector<DmTargetSpec> rows = task.rows();
  // A device without a table still gets its line, empty.
  if (rows.empty()) rows.emplace_back();
  bool matched = false;
  for (const DmTargetSpec& row : rows) {
    if (ctx.options.target &&
        (row.target_type.empty() || row.target_type != *ctx.options.target)) {
      continue;
    }
    const bool first = !matched;
    matched = true;
    if (ctx.options.exec && !ctx.options.verbose) {
      if (ls_only) break;
      continue;
    }
    if (ls_only) {
      absl::StrAppend(&ctx.out, name, "\t(", task.dev().major_nr, ", ",
                      task.dev().minor_nr, ")\n");
      break;
    }
    if (concise) {
      PrintConcise(ctx, task, name, row, first);
      continue;
    }
    if (first && ctx.options.verbose) DisplayInfo(ctx, task);
    PrintRow(ctx, call, name, row);
  }
  if (call.multiple_devices && ctx.options.verbose && matched && !ls_only &&
      (!concise || ctx.options.verbose > 1)) {
    absl::StrAppend(&ctx.out, "\n");
  }
  if (matched && ctx.options.exec) {
    return Exec(ctx, name) || ctx.log.Backtrace();
  }
  return true;
}

bool CmdInfo(DmsetupContext& ctx, const CommandCall& call) {
  if (AboutAll(ctx, call)) return ProcessAll(ctx, call, false, CmdInfo);
  DmTask task(ctx, DmTaskType::kInfo);
  if (!task.SetDevice(DeviceOf(call))) return ctx.log.Backtrace();
  ApplySwitches(ctx, task);
  if (!TaskRun(ctx, task)) return ctx.log.Backtrace();
  return DisplayInfo(ctx, task);
}

bool CmdDeps(DmsetupContext& ctx, const CommandCall& call) {
  if (AboutAll(ctx, call)) return ProcessAll(ctx, call, false, CmdDeps);
  const DevName kind = DevNameKind(ctx);
  DmTask task(ctx, DmTaskType::kDeps);
  if (!task.SetDevice(DeviceOf(call))) return ctx.log.Backtrace();
  ApplySwitches(ctx, task);
  if (!TaskRun(ctx, task)) return ctx.log.Backtrace();
  if (ctx.options.verbose) DisplayInfo(ctx, task);
  if (call.multiple_devices && !ctx.options.verbose) {
    absl::StrAppend(&ctx.out, DeviceOf(call).value_or(""), ": ");
  }
  absl::StrAppend(&ctx.out, task.deps().size(), " dependencies\t:");
  for (const DevT& dev : task.deps()) {
    const std::string name = DeviceName(ctx, dev, kind);
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
  if (ctx.options.target || ctx.options.exec) return CmdStatus(ctx, call);
  if (ctx.options.tree) {
    std::string ignored;
    const std::optional<TreeOptions> options =
        ParseTreeOptions(ctx.options.options.value_or(""), &ignored);
    const bool ok = BuildWholeTree(ctx);
    return (!options || DrawTree(ctx, *ctx.tree, *options)) && ok;
  }
  return ProcessAll(ctx, call, false, PrintName);
}

bool CmdTargets(DmsetupContext& ctx, const CommandCall&) {
  DmTask task(ctx, DmTaskType::kListVersions);
  if (ctx.options.checks) task.EnableChecks();
  if (!TaskRun(ctx, task)) return ctx.log.Backtrace();
  const KernelProfile& profile = ctx.ctl.machine().profile();
  for (const TargetType* type : TargetTypes(profile)) {
    const TargetVersion v = type->version(profile);
    absl::StrAppendFormat(&ctx.out, "%-16s v%d.%d.%d\n", type->name, v[0], v[1],
                          v[2]);
  }
  return true;
}

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

bool CmdHelp(DmsetupContext& ctx, const CommandCall& call) {
  absl::StrAppend(&ctx.err, kDmsetupUsage);
  if (ctx.options.columns) {
    ctx.options.options = "help";
    ctx.options.sort = std::nullopt;
    InitReport(ctx, call.verb);
  }
  return true;
}

}  // namespace dmdax
