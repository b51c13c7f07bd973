// SPDX-License-Identifier: Apache-2.0
#include "tools/dmsetup/dmsetup.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tools/dmsetup/command.h"
#include "tools/dmsetup/info_report.h"
#include "tools/dmsetup/stats/size_string.h"
#include "tools/dmsetup/stats/stats_commands.h"
#include "tools/dmsetup/table_hints.h"
#include "tools/dmsetup/tree.h"
#include "tools/dmsetup/usage.h"

namespace dmdax {
namespace {

// _perform_command_for_all_repeatable_args(): once for each argument, up to
// the first failure.
bool Perform(DmsetupContext& ctx, const DmsetupCommand& command) {
  absl::Span<const std::string> args = ctx.options.args;
  CommandCall call{.verb = command.name};
  if (command.has_subcommands) {
    call.subcommand = args[0];
    args.remove_prefix(1);
  }
  call.args = args;
  const bool repeatable = command.repeat != DmsetupCommand::kOnce;
  call.multiple_devices =
      repeatable && args.size() != 1 &&
      (!args.empty() || (!ctx.options.uuid && !ctx.options.major));
  do {
    if (!command.fn(ctx, call)) {
      if (!ctx.would_block) absl::StrAppend(&ctx.err, "Command failed.\n");
      return false;
    }
    if (!call.args.empty()) call.args.remove_prefix(1);
  } while (repeatable && !call.args.empty());
  return true;
}

// _process_options(): what -o says when it is not about columns.
bool CheckWords(DmsetupContext& ctx) {
  const DmsetupOptions& o = ctx.options;
  if (o.tree) {
    return ParseTreeOptions(o.options.value_or(""), &ctx.err).has_value();
  }
  if (o.columns || !o.options) return true;
  absl::string_view words = *o.options;
  while (!words.empty()) {
    const absl::string_view word = words.substr(0, words.find(','));
    bool known = false;
    for (const absl::string_view name : {"devno", "blkdevname", "devname"}) {
      known |= absl::StartsWith(name, word);
    }
    if (!known) {
      absl::StrAppend(&ctx.err, "Option not recognised: ", words, ".\n");
      return false;
    }
    words.remove_prefix(std::min(word.size() + 1, words.size()));
  }
  return true;
}

// The usage of dmsetup, or that of statistics.
std::string Usage(const DmsetupOptions& o) {
  return o.usage_name == "dmsetup" ? DmsetupUsage() : StatsUsage(o.usage_name);
}

// What -vv and -vvv ask for.
void StartLog(DmsetupContext& ctx) {
  const int verbose = ctx.options.verbose;
  ctx.log.set_verbose(verbose > 1);
  if (verbose <= 2) return;
  ctx.initial_timestamp = std::chrono::steady_clock::now();
  ctx.log.Debug("Timestamp:       0.000000000 seconds");
}

// _set_up_udev_support().
void SetUpUdev(DmsetupContext& ctx) {
  DmsetupOptions& o = ctx.options;
  if (o.noudevsync) CheckUdev(ctx);
  const auto log = [&](absl::string_view by) {
    ctx.log.Debug(absl::StrFormat("Using udev transaction 0x%08X defined by %s",
                                  o.udev_cookie, by));
  };
  const char* const cookie = getenv("DM_UDEV_COOKIE");
  if (o.udev_cookie != 0) {
    log("--udevcookie option.");
  } else if (cookie != nullptr && *cookie != '\0') {
    o.udev_cookie = CookieValue(cookie, &ctx.err).value_or(0);
    if (o.udev_cookie != 0) log("DM_UDEV_COOKIE environment variable.");
  }
  constexpr absl::string_view kUdevDir = "/dev/";
  const char* const dev_dir = getenv("DM_DEV_DIR");
  if (dev_dir == nullptr || *dev_dir == '\0' || dev_dir == kUdevDir ||
      absl::StrCat(dev_dir, "/") == kUdevDir) {
    return;
  }
  ctx.log.Debug(absl::StrCat(
      "The path ", dev_dir,
      " used for creating device nodes that is set via DM_DEV_DIR environment "
      "variable differs from the path ",
      kUdevDir,
      " that is used by udev. All warnings about udev not working correctly "
      "while processing particular nodes will be suppressed. These nodes and "
      "symlinks will be managed in each directory separately."));
  ctx.log.Debug("DM udev checking disabled");
}

// How often --count and --interval have the command done; 0: without end.
int Repeats(const DmsetupOptions& o) {
  // Of a report's fields, "help" is shown once.
  if (o.columns && absl::StrContains(o.options.value_or(""), "help")) return 1;
  if (o.count.value_or(0) > 0) return *o.count;
  return o.count || o.interval ? 0 : 1;
}

// Runs the command, as often as --count asks, with its report.  Without end
// means twice here: the second time shows whether a third would be any other.
bool Start(DmsetupContext& ctx, const DmsetupCommand& asked) {
  DmsetupOptions& o = ctx.options;
  const DmsetupCommand* command = &asked;
  // With -S the devices are gone through first, as info -c does.
  const bool selects = o.select && asked.repeat == DmsetupCommand::kSelectable;
  if (selects) {
    o.columns = true;
    command = FindDmsetupCommand("info");
  }
  if (o.columns) {
    const absl::string_view subcommand =
        command->has_subcommands ? o.args[0] : absl::string_view();
    if (!InitReport(ctx, command->name, subcommand)) {
      return ctx.log.Backtrace();
    }
    if (selects) ctx.report->selected_command = &asked;
  }
  if (o.units && !ParseSizeUnits(*o.units)) {
    return Say(ctx, "Invalid --units argument.");
  }
  // No interval is waited for, because nothing changes here meanwhile.
  const int count = Repeats(o);
  if (count != 1) {
    // Only a report has one.
    const int interval = o.columns ? o.interval.value_or(1) : 0;
    ctx.log.Debug("Using timerfd for interval timekeeping.");
    ctx.log.Debug(
        absl::StrCat("Setting interval timer to: ", interval, "s 0ns"));
  }
  const bool endless = count == 0;
  const int last = endless ? 2 : count;
  size_t out_once = 0, err_once = 0;  // what was said the first time
  for (int i = 1; i <= last; ++i) {
    if (ctx.report != nullptr) {
      ctx.report->iteration = static_cast<uint64_t>(i);
      ctx.report->interval_start.reset();
    }
    if (ctx.facts != nullptr) *ctx.facts = {};
    const bool ok = Perform(ctx, *command);
    if (ctx.concise_printed) absl::StrAppend(&ctx.out, "\n");
    OutputReport(ctx);
    if (!ok) return ctx.log.Backtrace();
    if (i == 1) out_once = ctx.out.size(), err_once = ctx.err.size();
    if (i < last && ctx.report != nullptr) absl::StrAppend(&ctx.out, "\n");
  }
  if (endless) {
    // What was said once more goes on and on.
    ctx.out.resize(out_once);
    ctx.err.resize(err_once);
    ctx.endless = true;
  }
  return true;
}

bool Run(DmsetupContext& ctx) {
  DmsetupOptions& o = ctx.options;
  const DmsetupCommand* command = FindDmsetupCommand(o.command.value_or(""));
  if (o.help && o.usage_name != "dmsetup") {
    CmdStatsHelp(ctx, {.verb = "help", .args = o.args});
    return true;
  }
  if (o.help) command = FindDmsetupCommand("help");
  if (o.version) command = FindDmsetupCommand("version");
  if (command == nullptr) {
    if (o.command) absl::StrAppend(&ctx.err, "Unknown command.\n");
    absl::StrAppend(&ctx.err, Usage(o));
    return false;
  }
  const int argc = static_cast<int>(o.args.size());
  if (!o.help && !o.version &&
      (argc < command->min_args ||
       (command->max_args != DmsetupCommand::kAnyNumber &&
        argc > command->max_args))) {
    absl::StrAppend(&ctx.err, "Incorrect number of arguments.\n", Usage(o));
    return false;
  }
  if (o.help || o.version) return Perform(ctx, *command) || ctx.log.Backtrace();
  if (command->imply != nullptr) command->imply(o);
  if (!CheckWords(ctx)) {
    absl::StrAppend(&ctx.err, "Couldn't process command line.\n");
    return false;
  }
  SetUpUdev(ctx);
  return Start(ctx, *command);
}

}  // namespace

DmsetupResult RunDmsetup(DmCtl& ctl, absl::Span<const std::string> args,
                         std::string input, const std::string& program,
                         bool waited, DmsetupFiles* files,
                         DmsetupFacts* facts) {
  std::vector<std::string> argv = {program};
  argv.insert(argv.end(), args.begin(), args.end());
  DmsetupResult result;
  const char* const dev_dir = getenv("DM_DEV_DIR");
  if (dev_dir != nullptr && *dev_dir != '\0' && *dev_dir != '/') {
    result.err = "Invalid DM_DEV_DIR environment variable value.\n";
    result.rc = 1;
    return result;
  }
  DmsetupContext ctx{.ctl = ctl, .options = {}, .input = std::move(input)};
  ctx.waited = waited;
  ctx.files = files;
  ctx.facts = facts;
  bool ok = ParseDmsetupOptions(argv, ctx.options, &ctx.err);
  if (ok) StartLog(ctx);
  ok = (ok && CheckDmsetupOptions(ctx.options, &ctx.err)) ||
       Say(ctx, "Couldn't process command line.");
  ok = ok && Run(ctx);
  ctx.nodes.Update();
  result.rc = ok || ctx.options.help || ctx.options.version ? 0 : 1;
  if (result.rc != 0 && !ctx.table.empty()) {
    for (std::string& hint : TableHints(ctl.machine(), ctx.table)) {
      ctx.hints.push_back(std::move(hint));
    }
  }
  result.out = std::move(ctx.out);
  result.err = std::move(ctx.err);
  result.hints = std::move(ctx.hints);
  result.not_modelled = std::move(ctx.not_modelled);
  result.ioctl_errno = result.rc != 0 ? ctx.ioctl_errno : 0;
  result.would_block = ctx.would_block;
  result.endless = ctx.endless;
  return result;
}

bool DmsetupReadsInput(absl::Span<const std::string> args) {
  std::vector<std::string> argv = {"dmsetup"};
  argv.insert(argv.end(), args.begin(), args.end());
  std::string ignored;
  DmsetupOptions o;
  if (!ParseDmsetupOptions(argv, o, &ignored) ||
      !CheckDmsetupOptions(o, &ignored)) {
    return false;
  }
  if (o.notable || o.table || o.help || o.version) return false;
  const DmsetupCommand* command = FindDmsetupCommand(o.command.value_or(""));
  return command != nullptr && command->reads_input != nullptr &&
         command->reads_input(o);
}

bool DmsetupOnlyAsks(absl::string_view verb) {
  const DmsetupCommand* command = FindDmsetupCommand(verb);
  return command != nullptr && command->effect == DmsetupCommand::kAsks;
}

}  // namespace dmdax
