// SPDX-License-Identifier: Apache-2.0
//
// `dmsetup stats` list and report.
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "tools/dmsetup/info_fields.h"
#include "tools/dmsetup/info_report.h"
#include "tools/dmsetup/stats/stats_commands.h"
#include "tools/dmsetup/stats/stats_fields.h"

namespace dmdax {
namespace {

// What rows are about, as the switches and the verb say; none for `info`.
uint64_t WalkFlags(const DmsetupOptions& o, absl::string_view subcommand) {
  if (subcommand.empty()) return 0;
  const StatsOptions& s = o.stats;
  const bool chosen = s.area || s.region || s.group;
  uint64_t flags = chosen ? 0 : kWalkRegion | kWalkGroup;
  if (s.area) flags |= kWalkArea;
  if (s.region) flags |= kWalkRegion;
  if (s.group) flags |= kWalkGroup;
  // Without a choice no row says what another one does.
  if ((subcommand == "list" && o.verbose > 0) ||
      (subcommand == "report" && !chosen)) {
    flags |= kWalkAll | kWalkSkipSingleArea;
  }
  return flags;
}

// _update_interval_times(): the clock starts with the first device, and says
// that what was configured has passed.
void LogInterval(DmsetupContext& ctx) {
  InfoReport& report = *ctx.report;
  const DmsetupOptions& o = ctx.options;
  const uint64_t configured = StatsIntervalNs(o);
  // Without --count the number wraps below zero.
  const uint64_t number = o.count ? report.iteration : o.interval ? 1 : -1;
  const auto delta = [&](uint64_t ns) {
    ctx.log.Debug(absl::StrFormat("Interval     #%-4d     time delta: %12dns.",
                                  number, ns));
  };
  if (report.interval_start) {
    delta(static_cast<uint64_t>(
        absl::ToInt64Nanoseconds(absl::Now() - *report.interval_start)));
  } else {
    report.interval_start = absl::Now();
    ctx.log.Debug("Beginning first interval.");
    delta(configured);
    ctx.log.Debug(absl::StrFormat("Interval     #%-5d   current err: %12dns.",
                                  number, 0));
    ctx.log.Debug(absl::StrFormat("End interval #%-9d  duration: %12dns.",
                                  number, configured));
  }
  ctx.log.Debug(absl::StrFormat("Adjusted sample interval duration: %12dns.",
                                configured));
}

}  // namespace

std::string StatsReportProgram(const DmsetupContext& ctx) {
  const StatsOptions& o = ctx.options.stats;
  return o.allprograms ? "" : o.programid.value_or(kStatsProgramId);
}

std::string StatsDefaultFields(const DmsetupOptions& options,
                               absl::string_view subcommand) {
  constexpr char kDevice[] = "statsname,group_id,region_id,obj_type";
  constexpr char kArea[] = ",area_id,area_start,area_len";
  constexpr char kRegion[] = ",region_start,region_len,area_count";
  const StatsOptions& o = options.stats;
  const std::string region = absl::StrCat(kDevice, kRegion, ",area_len");
  if (subcommand == "list") {
    return absl::StrCat(
        options.verbose > 0 ? absl::StrCat(kDevice, kRegion, kArea) : region,
        o.histogram ? ",hist_bins,hist_bounds" : ",program_id");
  }
  if (o.histogram) {
    return absl::StrCat(
        region, ",util,await",
        o.relative ? ",hist_percent_bounds" : ",hist_count_bounds");
  }
  return absl::StrCat(
      kDevice, kArea,
      o.raw ? ",read_count,reads_merged_count,read_sector_count,read_time,"
              "read_ticks,write_count,writes_merged_count,write_sector_count,"
              "write_time,write_ticks,in_progress_count,io_ticks,queue_ticks"
            : ",reads_merged_per_sec,writes_merged_per_sec,reads_per_sec,"
              "writes_per_sec,read_size_per_sec,write_size_per_sec,"
              "avg_request_size,queue_size,util,await,read_await,"
              "write_await");
}

bool CmdStatsReport(DmsetupContext& ctx, const CommandCall& call) {
  ctx.report->walk_flags = WalkFlags(ctx.options, call.subcommand);
  if (AboutAll(ctx, call)) return ProcessAll(ctx, call, false, CmdInfo);
  DmTask task(ctx, DmTaskType::kInfo);
  if (task.SetDevice(DeviceOf(call)) && TaskRun(ctx, task) &&
      DisplayInfo(ctx, task)) {
    return true;
  }
  ctx.report = nullptr;
  return false;
}

bool AddStatsRows(DmsetupContext& ctx, const DmTask& task,
                  absl::FunctionRef<bool(const StatsHandle& dms)> add_row) {
  const uint64_t flags = ctx.report->walk_flags;
  StatsHandle dms(ctx, kStatsProgramId);
  dms.BindDevno(static_cast<int>(task.dev().major_nr),
                static_cast<int>(task.dev().minor_nr));
  const std::string program = StatsReportProgram(ctx);
  if (ctx.report->report.sections() & kStats) {
    // Populate() has said why not; the report goes on.
    if (!dms.Populate(program)) return true;
    LogInterval(ctx);
  } else {
    if (!dms.List(program)) return ctx.log.Backtrace();
    if (dms.nr_regions() == 0) return true;
  }
  if (flags == kWalkGroup && dms.nr_groups() == 0) return true;
  dms.WalkInit(flags);
  dms.WalkStart();
  do {
    if (!add_row(dms)) return false;
    dms.WalkNext();
  } while (!dms.WalkEnd());
  return true;
}

}  // namespace dmdax
