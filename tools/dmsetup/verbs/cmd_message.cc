// SPDX-License-Identifier: Apache-2.0
//
// message and setgeometry: text that is handed to the kernel.
// Mirrors the functions of the same names in dmsetup.c (1.02.185).
#include <cerrno>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tools/dmsetup/command.h"

namespace dmdax {
namespace {

bool CmdMessage(DmsetupContext& ctx, const CommandCall& call) {
  absl::Span<const std::string> args = call.args;
  DmTask task(ctx, DmTaskType::kTargetMsg);
  if (!task.SetDevice(TakeDevice(ctx, args))) return false;
  if (args.empty()) return Say(ctx, "Invalid sector.");
  char* end = nullptr;
  errno = 0;
  const uint64_t sector = strtoull(args[0].c_str(), &end, 10);
  if (errno != 0 || *end != '\0' || end == args[0].c_str()) {
    return Say(ctx, "Invalid sector.");
  }
  args.remove_prefix(1);
  // It is sent all the same, as dmsetup does.
  if (args.empty()) Say(ctx, "No message supplied.");
  task.SetSector(sector_t(sector));
  task.SetText(absl::StrJoin(args, " "));
  ApplySwitches(ctx, task);
  if (!task.Run()) return false;
  if (task.io().flags & DM_DATA_OUT_FLAG) {
    absl::StrAppend(&ctx.out, task.reply());
    if (!task.reply().empty() && task.reply().back() != '\n') {
      absl::StrAppend(&ctx.out, "\n");
    }
  }
  return true;
}

bool CmdSetGeometry(DmsetupContext& ctx, const CommandCall& call) {
  absl::Span<const std::string> args = call.args;
  DmTask task(ctx, DmTaskType::kSetGeometry);
  if (!task.SetDevice(TakeDevice(ctx, args))) return false;
  task.SetText(absl::StrJoin(args.subspan(0, 4), " "));
  ApplySwitches(ctx, task);
  return task.Run();
}

}  // namespace

extern const DmsetupCommand kMessageVerb = {
    .name = "message",
    .arguments = "<device> <sector> <message>",
    .min_args = 2,
    .max_args = DmsetupCommand::kAnyNumber,
    .help =
        "Send a message to a target.\n\n"
        "  dmdax message home 0 @cancel_deferred_remove",
    .fn = CmdMessage,
};

extern const DmsetupCommand kSetGeometryVerb = {
    .name = "setgeometry",
    .arguments = "<device> <cyl> <head> <sect> <start>",
    .min_args = 5,
    .max_args = 5,
    .help = "Set the geometry of a device.",
    .fn = CmdSetGeometry,
};

}  // namespace dmdax
