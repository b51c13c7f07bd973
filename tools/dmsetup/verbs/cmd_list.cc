// SPDX-License-Identifier: Apache-2.0
//
// ls and deps, which name devices as -o says.
// Mirrors the functions of the same names in dmsetup.c (1.02.185).
#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tools/dmsetup/block_name.h"
#include "tools/dmsetup/command.h"
#include "tools/dmsetup/tree.h"

namespace dmdax {
std::optional<DevName> DevNameAsked(const DmsetupOptions& o, std::string* err) {
  DevName dev_name = DevName::kNumber;
  // With columns, -o is about these.
  if (o.columns || !o.options) return dev_name;
  absl::string_view words = *o.options;
  while (!words.empty()) {
    const absl::string_view word = words.substr(0, words.find(','));
    // Any beginning of a keyword will do.
    if (absl::StartsWith("devno", word)) {
      dev_name = DevName::kNumber;
    } else if (absl::StartsWith("blkdevname", word)) {
      dev_name = DevName::kDisk;
    } else if (absl::StartsWith("devname", word)) {
      dev_name = DevName::kMapped;
    } else {
      absl::StrAppend(err, "Option not recognised: ", words, ".\n");
      return std::nullopt;
    }
    words.remove_prefix(std::min(word.size() + 1, words.size()));
  }
  return dev_name;
}

namespace {

// dm_device_get_name(), or "" when the number is all there is.
std::string DeviceName(DmsetupContext& ctx, DevT dev) {
  // With --tree, -o is about the tree.
  std::string ignored;
  const DevName kind =
      DevNameAsked(ctx.options, &ignored).value_or(DevName::kNumber);
  if (kind == DevName::kNumber) return "";
  if (kind == DevName::kMapped && dev.major_nr == ctx.ctl.major()) {
    if (std::optional<std::string> name = MappedName(ctx, dev)) return *name;
  }
  return BlockName(ctx, dev).value_or("");
}

bool PrintName(DmsetupContext& ctx, const CommandCall& call) {
  const DevT dev = DevT::HugeDecode(call.listed_dev);
  if (ctx.facts != nullptr) {
    ctx.facts->Add({.name = *call.listed_name, .dev = dev});
  }
  const std::string name = DeviceName(ctx, dev);
  absl::StrAppend(&ctx.out, *call.listed_name, "\t(",
                  name.empty() ? dev.ToString() : name, ")\n");
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

bool CmdDeps(DmsetupContext& ctx, const CommandCall& call) {
  if (AboutAll(ctx, call)) return ProcessAll(ctx, call, false, CmdDeps);
  DmTask task(ctx, DmTaskType::kDeps);
  if (!task.SetDevice(DeviceOf(call))) return false;
  ApplySwitches(ctx, task);
  if (!task.Run()) return false;
  if (ctx.options.verbose) DisplayInfo(ctx, task);
  if (call.multiple_devices && !ctx.options.verbose) {
    absl::StrAppend(&ctx.out, DeviceOf(call).value_or(""), ": ");
  }
  if (ctx.facts != nullptr) {
    ctx.facts->Add(
        {.name = task.name(), .dev = task.dev(), .deps = task.deps()});
  }
  absl::StrAppend(&ctx.out, task.deps().size(), " dependencies\t:");
  for (const DevT& dev : task.deps()) {
    const std::string name = DeviceName(ctx, dev);
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

}  // namespace

extern const DmsetupCommand kLsVerb = {
    .name = "ls",
    .arguments =
        "[--target <target_type>] [--exec <command>] [-o <options>] [--tree]",
    .effect = DmsetupCommand::kAsks,
    .help = "List devices.\n\n  dmdax ls --tree",
    .fn = CmdLs,
};

extern const DmsetupCommand kDepsVerb = {
    .name = "deps",
    .arguments = "[-o <options>] [<device>...]",
    .max_args = DmsetupCommand::kAnyNumber,
    .repeat = DmsetupCommand::kSelectable,
    .effect = DmsetupCommand::kAsks,
    .help = "Print the devices that a device stands on.",
    .fn = CmdDeps,
};

}  // namespace dmdax
