// SPDX-License-Identifier: Apache-2.0
#include "tools/dmsetup/dmsetup.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tools/dmsetup/command.h"
#include "tools/dmsetup/info_report.h"
#include "tools/dmsetup/report/units.h"
#include "tools/dmsetup/table_hints.h"
#include "tools/dmsetup/tree.h"
#include "tools/dmsetup/usage.h"

namespace dmdax {
namespace {

// _perform_command_for_all_repeatable_args(): once for each argument, up to
// the first failure.
bool Perform(DmsetupContext& ctx, const DmsetupCommand& command) {
  const absl::Span<const std::string> args = ctx.options.args;
  CommandCall call{.verb = command.name, .args = args};
  const bool repeatable = command.repeat != DmsetupCommand::kOnce;
  call.multiple_devices =
      repeatable && args.size() != 1 &&
      (!args.empty() || (!ctx.options.uuid && !ctx.options.major));
  do {
    if (!command.fn(ctx, call)) {
      return ctx.would_block ? false : Say(ctx, "Command failed.");
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
  return DevNameAsked(o, &ctx.err).has_value();
}

// _set_up_udev_support(): a line may be one of a transaction.
void SetUpUdev(DmsetupContext& ctx) {
  DmsetupOptions& o = ctx.options;
  const char* const cookie = getenv("DM_UDEV_COOKIE");
  if (o.udev_cookie == 0 && cookie != nullptr && *cookie != '\0') {
    o.udev_cookie = CookieValue(cookie, &ctx.err).value_or(0);
  }
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
    if (!InitReport(ctx, command->name)) return false;
    if (selects) ctx.report->selected_command = &asked;
  }
  if (o.units && !NamesUnits(*o.units)) {
    return Say(ctx, "Invalid --units argument.");
  }
  // No interval is waited for, because nothing changes here meanwhile.
  const int count = Repeats(o);
  const bool endless = count == 0;
  const int last = endless ? 2 : count;
  size_t out_once = 0, err_once = 0;  // what was said the first time
  for (int i = 1; i <= last; ++i) {
    if (ctx.facts != nullptr) *ctx.facts = {};
    const bool ok = Perform(ctx, *command);
    if (ctx.concise_printed) absl::StrAppend(&ctx.out, "\n");
    OutputReport(ctx);
    if (!ok) return false;
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
  if (o.help) command = FindDmsetupCommand("help");
  if (o.version) command = FindDmsetupCommand("version");
  if (command == nullptr) {
    if (o.command) absl::StrAppend(&ctx.err, "Unknown command.\n");
    absl::StrAppend(&ctx.err, DmsetupUsage());
    return false;
  }
  const int argc = static_cast<int>(o.args.size());
  if (!o.help && !o.version &&
      (argc < command->min_args ||
       (command->max_args != DmsetupCommand::kAnyNumber &&
        argc > command->max_args))) {
    absl::StrAppend(&ctx.err, "Incorrect number of arguments.\n",
                    DmsetupUsage());
    return false;
  }
  if (o.help || o.version) return Perform(ctx, *command);
  if (command->imply != nullptr) command->imply(o);
  if (!CheckWords(ctx)) {
    return Say(ctx, "Couldn't process command line.");
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
  bool ok = (ParseDmsetupOptions(argv, ctx.options, &ctx.err) &&
             CheckDmsetupOptions(ctx.options, &ctx.err)) ||
            Say(ctx, "Couldn't process command line.");
  ok = ok && Run(ctx);
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
