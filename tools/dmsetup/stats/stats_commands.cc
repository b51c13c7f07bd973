// SPDX-License-Identifier: Apache-2.0
#include "tools/dmsetup/stats/stats_commands.h"

#include "absl/strings/str_cat.h"
#include "tools/dmsetup/info_report.h"

namespace dmdax {
namespace {

struct StatsSubcommand {
  absl::string_view name;
  CommandFn fn;
};

constexpr StatsSubcommand kSubcommands[] = {
    {"help", CmdStatsHelp},       {"clear", CmdStatsClear},
    {"create", CmdStatsCreate},   {"delete", CmdStatsDelete},
    {"group", CmdStatsGroup},     {"list", CmdStatsReport},
    {"print", CmdStatsPrint},     {"report", CmdStatsReport},
    {"ungroup", CmdStatsUngroup}, {"update_filemap", CmdStatsUpdateFilemap},
    {"version", CmdVersion},
};

}  // namespace

bool CmdStatsHelp(DmsetupContext& ctx, const CommandCall& call) {
  absl::StrAppend(&ctx.err, StatsUsage(ctx.options.usage_name));
  const bool about_report = !call.args.empty() && call.args[0] == "report";
  if (ctx.options.columns || about_report) {
    ctx.options.options = "help";
    ctx.options.sort = std::nullopt;
    InitReport(ctx, "help");
    ctx.report = nullptr;
  }
  return true;
}

void BindStatsDevice(DmsetupContext& ctx,
                     const std::optional<std::string>& name, StatsHandle& dms) {
  const DmsetupOptions& o = ctx.options;
  if (name) dms.BindName(*name);
  if (o.uuid) dms.BindUuid(*o.uuid);
  if (o.major && o.minor) dms.BindDevno(*o.major, *o.minor);
}

bool StatsAllDevices(DmsetupContext& ctx, const CommandCall& call,
                     CommandFn fn) {
  if (!ctx.options.stats.alldevices) {
    return Say(ctx, "Please specify device(s) or use --alldevices.");
  }
  return ProcessAll(ctx, call, false, fn);
}

namespace {

bool CmdStats(DmsetupContext& ctx, const CommandCall& call) {
  const StatsOptions& o = ctx.options.stats;
  const StatsSubcommand* subcommand = nullptr;
  for (const StatsSubcommand& s : kSubcommands) {
    if (s.name == call.subcommand) subcommand = &s;
  }
  if (subcommand == nullptr) {
    Say(ctx, "Unknown stats command.");
    CmdStatsHelp(ctx, call);
    return false;
  }
  if (o.allprograms && o.programid) {
    return Say(ctx, "Please supply one of --allprograms and --programid");
  }
  if (o.allregions && o.regionid) {
    return Say(ctx, "Please supply one of --allregions and --regionid");
  }
  if (o.follow && o.nomonitor) {
    return Say(ctx, "Use of --follow is incompatible with --nomonitor.");
  }
  return subcommand->fn(ctx, call) || ctx.log.Backtrace();
}

}  // namespace

extern const DmsetupCommand kStatsVerb = {
    .name = "stats",
    .arguments = "<command> [<options>] [<device>...]",
    .min_args = 1,
    .max_args = DmsetupCommand::kAnyNumber,
    .repeat = DmsetupCommand::kEachArg,
    .help = "Statistics; there is no I/O to count.",
    .fn = CmdStats,
    .has_subcommands = true,
    .imply =
        [](DmsetupOptions& o) {
          o.columns = true;
          if (!o.units) o.units = "h";
        },
};

}  // namespace dmdax
