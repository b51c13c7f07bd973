// SPDX-License-Identifier: Apache-2.0
//
// What the targets of a device say: status, table and measure.
// Mirrors the functions of the same names in dmsetup.c (1.02.185).
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "tools/dmsetup/command.h"

namespace dmdax {
namespace {

// Keys are shown as zeros, whatever the type has as a key.
void HideKey(const DmsetupContext& ctx, DmTargetSpec& row) {
  const TargetType* type =
      FindTargetType(row.target_type, ctx.ctl.machine().profile());
  if (type != nullptr && type->hide_secrets != nullptr) {
    type->hide_secrets(row.params);
  }
}

// At most so many words in --exec: ARGS_MAX.
constexpr size_t kMaxExecWords = 256;

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
  if (!ctx.options.showkeys) HideKey(ctx, row);
  absl::StrAppend(&ctx.out, ",", row.sector_start.value(), " ", row.length, " ",
                  row.target_type, " ", Quoted(row.params));
}

// --exec: runs the words with the device's node behind them.
bool Exec(DmsetupContext& ctx, const std::string& name) {
  if (ctx.exec_failed) return false;
  if (!Mknodes(ctx, name)) return false;
  std::vector<std::string> words = absl::StrSplit(
      *ctx.options.exec, absl::ByAnyChar(" \t\n\v\f\r"), absl::SkipEmpty());
  ctx.exec_failed = words.empty() || words.size() >= kMaxExecWords;
  if (words.empty()) return false;
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
  if (call.verb == "table" && !ctx.options.showkeys) HideKey(ctx, row);
  if (!row.target_type.empty()) {
    absl::StrAppend(&ctx.out, row.sector_start.value(), " ", row.length, " ",
                    row.target_type, " ", row.params);
  }
  absl::StrAppend(&ctx.out, "\n");
}

}  // namespace

bool CmdStatus(DmsetupContext& ctx, const CommandCall& call) {
  if (AboutAll(ctx, call)) return ProcessAll(ctx, call, false, CmdStatus);
  const bool ls_only = call.verb == "ls";
  const bool concise = call.verb == "table" && ctx.options.concise;
  DmTask task(ctx,
              call.verb == "table" ? DmTaskType::kTable : DmTaskType::kStatus);
  if (!task.SetDevice(DeviceOf(call))) return false;
  ApplySwitches(ctx, task);
  task.AddFlags((ctx.options.noflush ? DM_NOFLUSH_FLAG : 0u) |
                (call.verb == "measure" ? DM_IMA_MEASUREMENT_FLAG : 0u));
  if (!task.Run()) return false;
  if (!task.exists()) {
    ctx.ioctl_errno = ENXIO;
    return Say(ctx, "Device does not exist.");
  }
  const std::string name = DeviceOf(call).value_or(task.name());
  std::vector<DmTargetSpec> rows = task.rows();
  // A device without a table still gets its line, empty.
  if (rows.empty()) rows.emplace_back();
  bool matched = false;
  DeviceFacts facts{.name = task.name(), .dev = task.dev()};
  if (!ls_only) facts.rows.emplace();
  for (const DmTargetSpec& row : rows) {
    if (ctx.options.target &&
        (row.target_type.empty() || row.target_type != *ctx.options.target)) {
      continue;
    }
    const bool first = !matched;
    matched = true;
    if (ctx.facts != nullptr && !ls_only && !row.target_type.empty()) {
      facts.rows->push_back(row);
      if (call.verb == "table" && !ctx.options.showkeys) {
        HideKey(ctx, facts.rows->back());
      }
    }
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
  if (ctx.facts != nullptr && (matched || !ctx.options.target)) {
    ctx.facts->Add(std::move(facts));
  }
  if (call.multiple_devices && ctx.options.verbose && matched && !ls_only &&
      (!concise || ctx.options.verbose > 1)) {
    absl::StrAppend(&ctx.out, "\n");
  }
  if (matched && ctx.options.exec) {
    return Exec(ctx, name);
  }
  return true;
}

extern const DmsetupCommand kMeasureVerb = {
    .name = "measure",
    .arguments = "[<device>...]",
    .max_args = DmsetupCommand::kAnyNumber,
    .repeat = DmsetupCommand::kSelectable,
    .effect = DmsetupCommand::kAsks,
    .help = "Print what IMA would measure.",
    .fn = CmdStatus,
};

extern const DmsetupCommand kStatusVerb = {
    .name = "status",
    .arguments = "[<device>...] [--noflush] [--target <target_type>]",
    .max_args = DmsetupCommand::kAnyNumber,
    .repeat = DmsetupCommand::kSelectable,
    .effect = DmsetupCommand::kAsks,
    .help = "Print the status of each target.",
    .fn = CmdStatus,
};

extern const DmsetupCommand kTableVerb = {
    .name = "table",
    .arguments =
        "[<device>...] [--concise] [--target <target_type>] [--showkeys]",
    .max_args = DmsetupCommand::kAnyNumber,
    .repeat = DmsetupCommand::kSelectable,
    .effect = DmsetupCommand::kAsks,
    .help = "Print tables.\n\n  dmdax table home",
    .fn = CmdStatus,
};

}  // namespace dmdax
