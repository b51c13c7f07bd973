// SPDX-License-Identifier: Apache-2.0
//
// The verbs of dmsetup: what each is called, how many words it takes, and
// the function that does it.
//
// Mirrors: struct command, _dmsetup_commands of dmsetup.c (1.02.185).
#ifndef DMDAX_TOOLS_DMSETUP_COMMAND_H_
#define DMDAX_TOOLS_DMSETUP_COMMAND_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "tools/dmsetup/dm_task.h"

namespace dmdax {

// What one call of a verb is about.
struct CommandCall {
  absl::string_view verb;
  absl::string_view subcommand = {};  // of `stats`
  // This argument and those after it.
  absl::Span<const std::string> args;
  // Set when all devices are gone through: the name of this one.
  const std::string* listed_name = nullptr;
  uint64_t listed_dev = 0;  // its number
  // More than one device: lines carry its name.
  bool multiple_devices = false;
};

// False: failed, and said why.
using CommandFn = bool (*)(DmsetupContext& ctx, const CommandCall& call);

struct DmsetupCommand {
  absl::string_view name;
  int min_args;
  int max_args;  // -1: any
  enum Repeat { kOnce, kEachArg, kSelectable } repeat;
  CommandFn fn;
  bool has_subcommands = false;  // its first word is one
};

absl::Span<const DmsetupCommand> DmsetupCommands();

// Creates the device that the options and its table describe; `file` is ""
// for standard input.
bool CreateOneDevice(DmsetupContext& ctx, const std::string& name,
                     const std::string& file);

// cmd_device.cc
bool CmdCreate(DmsetupContext& ctx, const CommandCall& call);
bool CmdLoad(DmsetupContext& ctx, const CommandCall& call);
bool CmdRemove(DmsetupContext& ctx, const CommandCall& call);
bool CmdRemoveAll(DmsetupContext& ctx, const CommandCall& call);
bool CmdSuspend(DmsetupContext& ctx, const CommandCall& call);
bool CmdResume(DmsetupContext& ctx, const CommandCall& call);
bool CmdClear(DmsetupContext& ctx, const CommandCall& call);
bool CmdWipeTable(DmsetupContext& ctx, const CommandCall& call);
bool CmdRename(DmsetupContext& ctx, const CommandCall& call);
bool CmdMessage(DmsetupContext& ctx, const CommandCall& call);
bool CmdWait(DmsetupContext& ctx, const CommandCall& call);
bool CmdMangle(DmsetupContext& ctx, const CommandCall& call);
bool CmdMknodes(DmsetupContext& ctx, const CommandCall& call);
bool CmdSetGeometry(DmsetupContext& ctx, const CommandCall& call);
// create_concise.cc
bool CreateConcise(DmsetupContext& ctx, const CommandCall& call);
// cmd_udev.cc
bool CmdUdevCreateCookie(DmsetupContext& ctx, const CommandCall& call);
bool CmdUdevReleaseCookie(DmsetupContext& ctx, const CommandCall& call);
bool CmdUdevFlags(DmsetupContext& ctx, const CommandCall& call);
bool CmdUdevComplete(DmsetupContext& ctx, const CommandCall& call);
bool CmdUdevCompleteAll(DmsetupContext& ctx, const CommandCall& call);
bool CmdUdevCookies(DmsetupContext& ctx, const CommandCall& call);
// stats/stats_commands.cc
bool CmdStats(DmsetupContext& ctx, const CommandCall& call);
// cmd_query.cc
bool CmdStatus(DmsetupContext& ctx, const CommandCall& call);
bool CmdInfo(DmsetupContext& ctx, const CommandCall& call);
bool CmdDeps(DmsetupContext& ctx, const CommandCall& call);
bool CmdLs(DmsetupContext& ctx, const CommandCall& call);
bool CmdTargets(DmsetupContext& ctx, const CommandCall& call);
bool CmdVersion(DmsetupContext& ctx, const CommandCall& call);
bool CmdTargetVersion(DmsetupContext& ctx, const CommandCall& call);
bool CmdSplitName(DmsetupContext& ctx, const CommandCall& call);
bool CmdHelp(DmsetupContext& ctx, const CommandCall& call);

// The device that a call names; nothing for one by uuid or number.
std::optional<std::string> DeviceOf(const CommandCall& call);
// Whether none is given in any way, so that it is about all.
bool AboutAll(const DmsetupContext& ctx, const CommandCall& call);

// _display_info(): the long form, or the columns with -c.
bool DisplayInfo(DmsetupContext& ctx, const DmTask& task);

// _task_run(): DmTask::Run(), and with -vvv the time that has passed.
bool TaskRun(DmsetupContext& ctx, DmTask& task);
// --noopencount, --inactive and --checks, which most verbs pass on.
void ApplySwitches(const DmsetupContext& ctx, DmTask& task);
// dm_mknodes(): makes the node of a device, or those of all.
bool Mknodes(DmsetupContext& ctx, const std::optional<std::string>& name);
// _do_rename(), to a new name.
bool DoRename(DmsetupContext& ctx, const std::optional<std::string>& name,
              const std::string& new_name, bool to_uuid);

// _process_all(): calls fn for every device; "No devices found" for none,
// unless `silent`.
bool ProcessAll(DmsetupContext& ctx, const CommandCall& call, bool silent,
                CommandFn fn);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_DMSETUP_COMMAND_H_
