// SPDX-License-Identifier: Apache-2.0
//
// create, load and reload: the verbs that take a table.
// Mirrors the functions of the same names in dmsetup.c (1.02.185).
#include <optional>

#include "absl/strings/str_cat.h"
#include "tools/dmsetup/command.h"
#include "tools/dmsetup/table_arg.h"

namespace dmdax {
namespace {

std::optional<std::string> WordAt(absl::Span<const std::string> words,
                                  size_t i) {
  if (i < words.size()) return words[i];
  return std::nullopt;
}

bool CmdCreate(DmsetupContext& ctx, const CommandCall& call) {
  const DmsetupOptions& o = ctx.options;
  if (o.concise && call.args.size() > 1) {
    return Say(ctx, "dmsetup create --concise takes at most one argument");
  }
  if (o.concise) return CreateConcise(ctx, call);
  if (call.args.empty()) {
    return Say(ctx, "Please provide a name for the new device.");
  }
  return CreateOneDevice(ctx, call.args[0], WordAt(call.args, 1));
}

bool CmdLoad(DmsetupContext& ctx, const CommandCall& call) {
  absl::Span<const std::string> args = call.args;
  if (ctx.options.notable) {
    return Say(ctx, "--notable only available when creating new device.");
  }
  if (ByNumberOrUuid(ctx) && args.size() > 1) {
    return Say(ctx, "Too many command line arguments.");
  }
  if (!ByNumberOrUuid(ctx) && args.empty()) {
    return Say(ctx, "Please specify device.");
  }
  const std::optional<std::string> name = TakeDevice(ctx, args);
  DmTask task(ctx, DmTaskType::kReload);
  if (!task.SetDevice(name)) return false;
  std::optional<TableArg> table = ReadTableArg(ctx, WordAt(args, 0));
  if (!table) return false;
  task.SetRows(std::move(table->rows), std::move(table->columns));
  if (ctx.options.readonly) task.AddFlags(DM_READONLY_FLAG);
  ApplySwitches(ctx, task);
  if (!task.Run()) return false;
  return ctx.options.verbose == 0 || DisplayInfo(ctx, task);
}

bool LoadReadsInput(const DmsetupOptions& o) {
  const bool by_name = !o.uuid && !o.major;
  return o.args.size() == (by_name ? 1u : 0u);
}

}  // namespace

bool CreateOneDevice(DmsetupContext& ctx, const std::string& name,
                     const std::optional<std::string>& file) {
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
  if (o.major) task.SetMajor(*o.major);
  if (o.minor) task.SetMinor(*o.minor);
  ApplySwitches(ctx, task);
  task.SetReadAhead(ReadAheadAsked(o));
  if (!task.Run()) return false;
  return o.verbose == 0 || DisplayInfo(ctx, task);
}

extern const DmsetupCommand kCreateVerb = {
    .name = "create",
    .arguments =
        "<dev_name>\n"
        "\t    [-j|--major <major> -m|--minor <minor>]\n"
        "\t    [-U|--uid <uid>] [-G|--gid <gid>] [-M|--mode <octal_mode>]\n"
        "\t    [-u|--uuid <uuid>] [--addnodeonresume|--addnodeoncreate]\n"
        "\t    [--readahead {[+]<sectors>|auto|none}]\n"
        "\t    [-n|--notable|--table {<table>|<table_file>}]\n"
        "\tcreate --concise [<concise_device_spec_list>]",
    .max_args = 2,
    .help =
        "Create a device, load its table and resume it.\n\n"
        "  echo '0 2048 linear /dev/pmem0 0' | dmdax create home\n"
        "  dmdax create home --table '0 2048 linear /dev/pmem0 0'\n"
        "  dmdax create home table.textproto    (or JSON, or binary)",
    .fn = CmdCreate,
    .reads_input =
        [](const DmsetupOptions& o) {
          return o.concise ? o.args.empty() : o.args.size() == 1;
        },
};

extern const DmsetupCommand kLoadVerb = {
    .name = "load",
    .arguments = "<device> [<table>|<table_file>]",
    .max_args = 2,
    .help =
        "Load a table into the inactive slot.\n\n"
        "  dmdax load home --table '0 4096 linear /dev/pmem0 0'",
    .fn = CmdLoad,
    .reads_input = LoadReadsInput,
};

extern const DmsetupCommand kReloadVerb = {
    .name = "reload",
    .arguments = "<device> [<table>|<table_file>]",
    .max_args = 2,
    .help = "The same as load.",
    .fn = CmdLoad,
    .reads_input = LoadReadsInput,
};

}  // namespace dmdax
