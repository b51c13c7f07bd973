// SPDX-License-Identifier: Apache-2.0
//
// The verbs of dmsetup, one table: what each is called, which words it takes,
// whether it only asks, what its help says, and the function that does it.
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

// A verb.  Each verbs/cmd_*.cc defines its own, and verbs.cc lists them all:
//
//   extern const DmsetupCommand kFooVerb = {
//       .name = "foo",
//       .arguments = "<device>...",
//       .max_args = DmsetupCommand::kAnyNumber,
//       .repeat = DmsetupCommand::kSelectable,
//       .effect = DmsetupCommand::kAsks,
//       .help = "Print what is foo about a device.",
//       .fn = CmdFoo,
//   };
struct DmsetupCommand {
  // With kSelectable, -S chooses the devices that it is run for.
  enum Repeat { kOnce, kEachArg, kSelectable };
  // kAsks: it leaves the machine as it is, so that it needs no lock and no
  // write.
  enum Effect { kChanges, kAsks };
  static constexpr int kAnyNumber = -1;

  absl::string_view name;
  absl::string_view arguments = "";  // as dmsetup's usage has them
  int min_args = 0;
  int max_args = 0;
  Repeat repeat = kOnce;
  Effect effect = kChanges;
  // What `dmdax VERB --help` says; null: dmdax has no such verb.
  const char* help = nullptr;
  CommandFn fn = nullptr;
  // Sets the options that the verb stands for.
  void (*imply)(DmsetupOptions& o) = nullptr;
  // Whether a line without --table and --notable reads standard input.
  bool (*reads_input)(const DmsetupOptions& o) = nullptr;
};

// All verbs, in the order of dmsetup's usage.  Threading: constants.
absl::Span<const DmsetupCommand* const> DmsetupCommands();
// Null: there is no such verb.
const DmsetupCommand* FindDmsetupCommand(absl::string_view name);

// What `stats` and the fields of statistics answer.
inline constexpr char kNoStats[] =
    "statistics are the real one's: dmdax run -- dmstats ...";

// Creates the device that the options and its table describe, from standard
// input if no file is named.
bool CreateOneDevice(DmsetupContext& ctx, const std::string& name,
                     const std::optional<std::string>& file);
// create --concise.
bool CreateConcise(DmsetupContext& ctx, const CommandCall& call);
// _status(): of status, table and measure, and of ls with --target or --exec.
bool CmdStatus(DmsetupContext& ctx, const CommandCall& call);

// How -o of ls and deps says that a device is to be named.
enum class DevName { kNumber, kMapped, kDisk };
// Nothing after appending which word of -o is none.
std::optional<DevName> DevNameAsked(const DmsetupOptions& o, std::string* err);

// The device that a call names; nothing for one by uuid or number.
std::optional<std::string> DeviceOf(const CommandCall& call);
// Takes the device off the words; nothing with -u or -j.
std::optional<std::string> TakeDevice(const DmsetupContext& ctx,
                                      absl::Span<const std::string>& args);
// Whether the call names no device in any way, so it is about all devices.
bool AboutAll(const DmsetupContext& ctx, const CommandCall& call);
// -u or -j: the device is not named by an argument.
bool ByNumberOrUuid(const DmsetupContext& ctx);

// _display_info(): the long form, or the columns with -c.
bool DisplayInfo(DmsetupContext& ctx, const DmTask& task);

// The same for programs.
void NoteInfo(DmsetupContext& ctx, const DmTask& task);

// --inactive and --checks, which most verbs pass on.
void ApplySwitches(const DmsetupContext& ctx, DmTask& task);
// --readahead.
NodeReadAhead ReadAheadAsked(const DmsetupOptions& o);
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
