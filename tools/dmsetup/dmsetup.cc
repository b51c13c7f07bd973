// SPDX-License-Identifier: Apache-2.0
#include "tools/dmsetup/dmsetup.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tools/dmsetup/command.h"
#include "tools/dmsetup/report.h"
#include "tools/dmsetup/usage.h"

namespace dmdax {
namespace {

constexpr DmsetupCommand kCommands[] = {
    {"help", 0, 0, false, CmdHelp},
    {"create", 0, 2, false, CmdCreate},
    {"remove", 0, -1, true, CmdRemove},
    {"remove_all", 0, 0, false, CmdRemoveAll},
    {"suspend", 0, -1, true, CmdSuspend},
    {"resume", 0, -1, true, CmdResume},
    {"load", 0, 2, false, CmdLoad},
    {"clear", 0, -1, true, CmdClear},
    {"reload", 0, 2, false, CmdLoad},
    {"wipe_table", 0, -1, true, CmdWipeTable},
    {"rename", 1, 2, false, CmdRename},
    {"measure", 0, -1, true, CmdStatus},
    {"message", 2, -1, false, CmdMessage},
    {"ls", 0, 0, false, CmdLs},
    {"info", 0, -1, true, CmdInfo},
    {"deps", 0, -1, true, CmdDeps},
    {"status", 0, -1, true, CmdStatus},
    {"table", 0, -1, true, CmdStatus},
    {"wait", 0, 2, false, CmdWait},
    {"targets", 0, 0, false, CmdTargets},
    {"version", 0, 0, false, CmdVersion},
    {"setgeometry", 5, 5, false, CmdSetGeometry},
};

const DmsetupCommand* FindCommand(absl::string_view name) {
  for (const DmsetupCommand& command : kCommands) {
    if (command.name == name) return &command;
  }
  return nullptr;
}

// _perform_command_for_all_repeatable_args(): once for each argument, up to
// the first failure.
bool Perform(DmsetupContext& ctx, const DmsetupCommand& command) {
  absl::Span<const std::string> args = ctx.options.args;
  CommandCall call{.verb = command.name, .args = args};
  call.multiple_devices =
      command.repeatable && args.size() != 1 &&
      (!args.empty() || (!ctx.options.uuid && !ctx.options.major));
  do {
    if (!command.fn(ctx, call)) {
      if (!ctx.would_block) absl::StrAppend(&ctx.err, "Command failed.\n");
      return false;
    }
    if (!call.args.empty()) call.args.remove_prefix(1);
  } while (command.repeatable && !call.args.empty());
  return true;
}

bool Run(DmsetupContext& ctx) {
  const DmsetupOptions& o = ctx.options;
  const DmsetupCommand* command = FindCommand(o.command);
  if (o.help) command = FindCommand("help");
  if (o.version) command = FindCommand("version");
  if (command == nullptr) {
    if (!o.command.empty()) absl::StrAppend(&ctx.err, "Unknown command.\n");
    absl::StrAppend(&ctx.err, kDmsetupUsage);
    return false;
  }
  const int argc = static_cast<int>(o.args.size());
  if (!o.help && !o.version &&
      (argc < command->min_args ||
       (command->max_args >= 0 && argc > command->max_args))) {
    absl::StrAppend(&ctx.err, "Incorrect number of arguments.\n",
                    kDmsetupUsage);
    return false;
  }
  return Perform(ctx, *command) && FinishReport(ctx);
}

}  // namespace

absl::Span<const DmsetupCommand> DmsetupCommands() { return kCommands; }

DmsetupResult RunDmsetup(DmCtl& ctl, absl::Span<const std::string> args,
                         std::string input, const std::string& program) {
  std::vector<std::string> argv = {program};
  argv.insert(argv.end(), args.begin(), args.end());
  DmsetupResult result;
  std::optional<DmsetupOptions> options =
      ParseDmsetupOptions(argv, &result.err);
  if (!options) {
    absl::StrAppend(&result.err, "Couldn't process command line.\n");
    result.rc = 1;
    return result;
  }
  DmsetupContext ctx{
      .ctl = ctl, .options = *options, .input = std::move(input)};
  const bool ok = Run(ctx);
  result.rc = ok || options->help || options->version ? 0 : 1;
  result.out = std::move(ctx.out);
  result.err = std::move(ctx.err);
  result.hints = std::move(ctx.hints);
  result.would_block = ctx.would_block;
  return result;
}

bool DmsetupReadsInput(absl::Span<const std::string> args) {
  std::vector<std::string> argv = {"dmsetup"};
  argv.insert(argv.end(), args.begin(), args.end());
  std::string ignored;
  std::optional<DmsetupOptions> o = ParseDmsetupOptions(argv, &ignored);
  if (!o || o->notable || o->table || o->help || o->version) return false;
  const bool by_name = !o->uuid && !o->major;
  if (o->command == "create") return o->args.size() == 1;
  if (o->command == "load" || o->command == "reload") {
    return o->args.size() == (by_name ? 1u : 0u);
  }
  return false;
}

}  // namespace dmdax
