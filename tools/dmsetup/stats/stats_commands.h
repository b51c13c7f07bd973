// SPDX-License-Identifier: Apache-2.0
//
// The verbs of `dmsetup stats` (dmstats).
//
// Mirrors: _stats, _stats_subcommands, _stats_usage of dmsetup.c (1.02.185).
// create and update_filemap of files are refused: the files of an emulated
// machine are not those dmsetup would be given.
#ifndef DMDAX_TOOLS_DMSETUP_STATS_STATS_COMMANDS_H_
#define DMDAX_TOOLS_DMSETUP_STATS_STATS_COMMANDS_H_

#include <optional>
#include <string>

#include "absl/functional/function_ref.h"
#include "tools/dmsetup/command.h"
#include "tools/dmsetup/stats/stats_handle.h"

namespace dmdax {

// The usage, for a program called `program`: "dmstats" or "dmsetup stats".
std::string StatsUsage(absl::string_view program);
bool CmdStatsHelp(DmsetupContext& ctx, const CommandCall& call);

// _bind_stats_device().
void BindStatsDevice(DmsetupContext& ctx,
                     const std::optional<std::string>& name, StatsHandle& dms);
// ProcessAll(), for a verb that wants --alldevices.
bool StatsAllDevices(DmsetupContext& ctx, const CommandCall& call,
                     CommandFn fn);

// stats_create.cc
bool CmdStatsCreate(DmsetupContext& ctx, const CommandCall& call);
bool CmdStatsUpdateFilemap(DmsetupContext& ctx, const CommandCall& call);
// stats_region_commands.cc
bool CmdStatsClear(DmsetupContext& ctx, const CommandCall& call);
bool CmdStatsDelete(DmsetupContext& ctx, const CommandCall& call);
bool CmdStatsPrint(DmsetupContext& ctx, const CommandCall& call);
bool CmdStatsGroup(DmsetupContext& ctx, const CommandCall& call);
bool CmdStatsUngroup(DmsetupContext& ctx, const CommandCall& call);
// stats_report.cc
bool CmdStatsReport(DmsetupContext& ctx, const CommandCall& call);
// The program whose regions a report is about; "" for all.
std::string StatsReportProgram(const DmsetupContext& ctx);
// The fields of `stats list` (or report) unless -o says otherwise.
std::string StatsDefaultFields(const DmsetupOptions& options,
                               absl::string_view subcommand);
// Calls add_row(dms) with the cursor at each object that the device of `task`
// has a row for, until it returns false.
bool AddStatsRows(DmsetupContext& ctx, const DmTask& task,
                  absl::FunctionRef<bool(const StatsHandle& dms)> add_row);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_DMSETUP_STATS_STATS_COMMANDS_H_
