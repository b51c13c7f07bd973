// SPDX-License-Identifier: Apache-2.0
//
// `dmsetup stats` clear, delete, print, group and ungroup.
#include "absl/strings/str_cat.h"
#include "tools/dmsetup/stats/stats_commands.h"

namespace dmdax {
namespace {

// As an unsigned number; 0 when it was not given.
uint64_t Id(const std::optional<int>& id) {
  return static_cast<uint64_t>(int64_t{id.value_or(0)});
}

// Calls fn(region_id) for each region that is there; false after a failure.
template <typename Fn>
bool ForEachRegion(StatsHandle& dms, Fn fn) {
  dms.WalkInit(kWalkRegion);
  for (dms.WalkStart(); !dms.WalkEnd(); dms.WalkNextRegion()) {
    if (!fn(dms.current_region())) return false;
  }
  return true;
}

bool ClearOneRegion(DmsetupContext& ctx, StatsHandle& dms, uint64_t region_id) {
  if (!dms.RegionPresent(region_id)) {
    return Say(ctx, absl::StrCat("No such region: ", region_id, "."));
  }
  if (!dms.ClearRegion(region_id)) {
    return Say(ctx, absl::StrCat("Clearing statistics region ", region_id,
                                 " failed."));
  }
  ctx.log.Debug(absl::StrCat("Cleared statistics region ", region_id, "."));
  return true;
}

bool PrintOneRegion(DmsetupContext& ctx, StatsHandle& dms, uint64_t region_id) {
  const std::optional<std::string> rows = dms.PrintRegion(
      region_id, ctx.options.stats.clear ? StatsHandle::Clear::kYes
                                         : StatsHandle::Clear::kNo);
  if (!rows) return Say(ctx, "Could not print statistics region.");
  absl::StrAppend(&ctx.out, *rows);
  return true;
}

}  // namespace

bool CmdStatsClear(DmsetupContext& ctx, const CommandCall& call) {
  const StatsOptions& o = ctx.options.stats;
  ctx.report = nullptr;
  if (!o.regionid && !o.allregions) {
    return Say(ctx, "Please specify a --regionid or use --allregions.");
  }
  if (AboutAll(ctx, call)) {
    return ProcessAll(ctx, call, false, CmdStatsClear);
  }
  StatsHandle dms(ctx, kStatsProgramId);
  BindStatsDevice(ctx, DeviceOf(call), dms);
  if (!dms.List()) {
    ctx.log.Backtrace();
    return ctx.log.Backtrace();
  }
  if (dms.nr_regions() == 0) return true;
  // -1 is DM_STATS_REGIONS_ALL.
  if (!o.allregions && o.regionid != -1) {
    return ClearOneRegion(ctx, dms, Id(o.regionid)) || ctx.log.Backtrace();
  }
  return ForEachRegion(dms,
                       [&](uint64_t id) {
                         return ClearOneRegion(ctx, dms, id) ||
                                ctx.log.Backtrace();
                       }) ||
         ctx.log.Backtrace();
}

bool CmdStatsDelete(DmsetupContext& ctx, const CommandCall& call) {
  const StatsOptions& o = ctx.options.stats;
  ctx.report = nullptr;
  if (o.regionid && o.groupid) {
    return Say(ctx, "Please use one of --regionid and --groupid.");
  }
  if (!o.regionid && !o.allregions && !o.groupid) {
    return Say(ctx,
               "Please specify a --regionid or --groupid, or use "
               "--allregions.");
  }
  if (AboutAll(ctx, call)) {
    return StatsAllDevices(ctx, call, CmdStatsDelete);
  }
  const std::string program_id =
      o.allprograms ? "" : o.programid.value_or(kStatsProgramId);
  StatsHandle dms(ctx, program_id);
  BindStatsDevice(ctx, DeviceOf(call), dms);
  // Without --allregions it is the handle's program.
  if ((o.allregions || o.groupid) && !dms.List(program_id)) {
    return ctx.log.Backtrace();
  }
  if (o.allregions && dms.nr_regions() == 0) return true;
  if (o.groupid) {
    const uint64_t group_id = Id(o.groupid);
    if (!dms.DeleteGroup(group_id, StatsHandle::Members::kDelete)) {
      return Say(ctx, "Could not delete statistics group.");
    }
    absl::StrAppend(&ctx.out, "Deleted statistics group ", group_id, ".\n");
    return true;
  }
  if (o.allregions) {
    return ForEachRegion(dms, [&](uint64_t id) {
      if (!dms.DeleteRegion(id)) {
        return Say(ctx, "Could not delete statistics region.");
      }
      ctx.log.Debug(absl::StrCat("Deleted statistics region ", id));
      return true;
    });
  }
  const uint64_t region_id = Id(o.regionid);
  if (!dms.DeleteRegion(region_id)) {
    return Say(ctx, "Could not delete statistics region");
  }
  ctx.log.Debug(absl::StrCat("Deleted statistics region ", region_id, "."));
  return true;
}

bool CmdStatsPrint(DmsetupContext& ctx, const CommandCall& call) {
  const StatsOptions& o = ctx.options.stats;
  ctx.report = nullptr;
  if (!o.regionid && !o.allregions) {
    return Say(ctx, "Please specify a --regionid or use --allregions.");
  }
  if (AboutAll(ctx, call)) {
    return ProcessAll(ctx, call, false, CmdStatsPrint);
  }
  StatsHandle dms(ctx, kStatsProgramId);
  BindStatsDevice(ctx, DeviceOf(call), dms);
  if (!dms.List()) return ctx.log.Backtrace();
  if (!o.allregions) {
    return PrintOneRegion(ctx, dms, Id(o.regionid)) || ctx.log.Backtrace();
  }
  if (dms.nr_regions() == 0) return true;
  // With all regions, dmstats prints each of them twice.
  return ForEachRegion(dms, [&](uint64_t id) {
    return PrintOneRegion(ctx, dms, id) && PrintOneRegion(ctx, dms, id);
  });
}

bool CmdStatsGroup(DmsetupContext& ctx, const CommandCall& call) {
  const StatsOptions& o = ctx.options.stats;
  ctx.report = nullptr;
  if (!o.regions) return Say(ctx, "Group requires --regions.");
  if (AboutAll(ctx, call)) {
    return StatsAllDevices(ctx, call, CmdStatsGroup);
  }
  const std::optional<std::string> name = DeviceOf(call);
  StatsHandle dms(ctx, kStatsProgramId);
  BindStatsDevice(ctx, name, dms);
  if (!dms.List()) return ctx.log.Backtrace();
  // printf(3) prints a null name so.
  const std::string shown = name.value_or("(null)");
  const std::optional<uint64_t> id = dms.CreateGroup(*o.regions, o.alias);
  if (!id) {
    return Say(ctx, absl::StrCat("Could not create group on ", shown, ": ",
                                 *o.regions));
  }
  absl::StrAppend(&ctx.out, "Grouped regions ", *o.regions, " as group ID ",
                  *id, " on ", shown, "\n");
  return true;
}

bool CmdStatsUngroup(DmsetupContext& ctx, const CommandCall& call) {
  const StatsOptions& o = ctx.options.stats;
  ctx.report = nullptr;
  if (!o.groupid) return Say(ctx, "Please specify group id.");
  if (AboutAll(ctx, call)) {
    return StatsAllDevices(ctx, call, CmdStatsUngroup);
  }
  const std::optional<std::string> name = DeviceOf(call);
  StatsHandle dms(ctx, kStatsProgramId);
  BindStatsDevice(ctx, name, dms);
  if (!dms.List()) return ctx.log.Backtrace();
  const uint64_t group_id = Id(o.groupid);
  const std::string shown = name.value_or("(null)");
  const bool ok = dms.DeleteGroup(group_id, StatsHandle::Members::kKeep);
  if (!ok) {
    Say(ctx,
        absl::StrCat("Could not delete group ", group_id, " on ", shown, "."));
  }
  // dmstats says so even if it failed.
  absl::StrAppend(&ctx.out, "Removed group ID ", group_id, " on ", shown, "\n");
  return ok;
}

}  // namespace dmdax
