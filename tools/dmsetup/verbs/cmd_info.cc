// SPDX-License-Identifier: Apache-2.0
//
// info: what is known of a device.
// Mirrors the functions of the same names in dmsetup.c (1.02.185).
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "tools/dmsetup/command.h"
#include "tools/dmsetup/info_report.h"

namespace dmdax {
namespace {

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

}  // namespace

void NoteInfo(DmsetupContext& ctx, const DmTask& task) {
  if (ctx.facts == nullptr) return;
  ctx.facts->Add({.name = task.name(),
                  .dev = task.dev(),
                  .info = task.io(),
                  .read_ahead = task.ReadAhead()});
}

bool DisplayInfo(DmsetupContext& ctx, const DmTask& task) {
  if (!task.exists()) {
    ctx.ioctl_errno = ENXIO;
    return Say(ctx, "Device does not exist.");
  }
  if (ctx.options.columns) return AddInfoRow(ctx, task);
  DisplayInfoLong(ctx, task);
  NoteInfo(ctx, task);
  return true;
}

bool CmdInfo(DmsetupContext& ctx, const CommandCall& call) {
  if (AboutAll(ctx, call)) return ProcessAll(ctx, call, false, CmdInfo);
  DmTask task(ctx, DmTaskType::kInfo);
  if (!task.SetDevice(DeviceOf(call))) return false;
  ApplySwitches(ctx, task);
  if (!task.Run()) return false;
  return DisplayInfo(ctx, task);
}

extern const DmsetupCommand kInfoVerb = {
    .name = "info",
    .arguments = "[<device>...]",
    .max_args = DmsetupCommand::kAnyNumber,
    .repeat = DmsetupCommand::kEachArg,
    .effect = DmsetupCommand::kAsks,
    .help =
        "Print what is known of devices.\n\n"
        "  dmdax info home\n  dmdax info -c -o name,open",
    .fn = CmdInfo,
};

}  // namespace dmdax
