// SPDX-License-Identifier: Apache-2.0
//
// `dmsetup stats create`: one region, or one for each row of the table.
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/units.h"
#include "tools/dmsetup/command.h"
#include "tools/dmsetup/stats/size_string.h"
#include "tools/dmsetup/stats/stats_commands.h"

namespace dmdax {
namespace {

// The bytes that option `name` means; 0 without it, nothing after saying
// that it is no size.
std::optional<uint64_t> Bytes(DmsetupContext& ctx, absl::string_view name,
                              const std::optional<std::string>& text) {
  if (!text) return 0;
  const std::optional<uint64_t> bytes = SizeFromString(*text);
  if (bytes) return *bytes;
  Say(ctx, absl::StrCat("Invalid ", name, " argument: \"", *text, "\""));
  return std::nullopt;
}

uint64_t NrAreasFromStep(uint64_t len, int64_t step) {
  if (step == 0 || len == 0) return 1;
  const uint64_t n = static_cast<uint64_t>(step);
  return step < 0 ? -n : len / n + (len % n != 0);
}

bool CheckFilemapSwitches(DmsetupContext& ctx) {
  const DmsetupOptions& o = ctx.options;
  const StatsOptions& s = o.stats;
  if (s.areas || s.areasize) {
    return Say(ctx, "--filemap is incompatible with --areas and --area-size.");
  }
  if (s.start || s.length) {
    return Say(ctx, "--filemap is incompatible with --start and --length.");
  }
  if (s.segments) {
    return Say(ctx, "--filemap and --segments are incompatible.");
  }
  if (s.userdata) {
    return Say(ctx, "--userdata is not yet supported with --filemap.");
  }
  if (o.uuid || o.major) {
    return Say(ctx, "--uuid and --major are incompatible with --filemap.");
  }
  if (s.alldevices) {
    return Say(ctx, "--alldevices is incompatible with --filemap.");
  }
  return true;
}

bool RefuseFile(DmsetupContext& ctx, const std::string& path) {
  return Say(ctx, absl::StrCat(path,
                               ": statistics of files are not kept: an "
                               "emulated machine has none of yours."));
}

bool CreateFile(DmsetupContext& ctx, const CommandCall& call) {
  if (!CheckFilemapSwitches(ctx)) return false;
  if (call.args.empty()) {
    return Say(ctx, "--filemap requires a file path argument");
  }
  return RefuseFile(ctx, call.args[0]);
}

// _stats_group_segments().
bool GroupSegments(DmsetupContext& ctx, StatsHandle& dms,
                   const std::vector<uint64_t>& region_ids) {
  const std::optional<std::string>& alias = ctx.options.stats.alias;
  const std::string regions = absl::StrJoin(region_ids, ",");
  if (!dms.List()) return false;
  const std::optional<uint64_t> id = dms.CreateGroup(regions, alias);
  if (!id) {
    return Say(
        ctx, absl::StrCat("Failed to create group for regions ", regions, "."));
  }
  absl::StrAppend(&ctx.out, "Grouped regions ", regions, " as group ID ", *id,
                  alias ? " with alias " : "", alias.value_or(""), "\n");
  return true;
}

// _do_stats_create_regions().
bool CreateRegions(DmsetupContext& ctx, const std::optional<std::string>& name,
                   StatsHandle::NewRegion region, StatsHandle& dms) {
  const StatsOptions& o = ctx.options.stats;
  if (o.alias && o.nogroup) {
    return Say(ctx, "Cannot set alias with --nogroup.");
  }
  if (o.bounds) {
    region.bounds = HistogramBoundsFromString(*o.bounds, ctx.log);
    if (!region.bounds) return ctx.log.Backtrace();
  }
  DmTask table(ctx, DmTaskType::kTable);
  table.NoOpenCount();
  if (!table.SetDevice(name) || !TaskRun(ctx, table)) {
    return ctx.log.Backtrace();
  }
  std::vector<uint64_t> region_ids;
  const auto create = [&](uint64_t start, uint64_t len) {
    region.start = start;
    region.len = len;
    const std::optional<uint64_t> id = dms.CreateRegion(region);
    if (!id) {
      return Say(ctx, absl::StrCat(table.name(),
                                   ": Could not create statistics region."));
    }
    region_ids.push_back(*id);
    absl::StrAppend(&ctx.out, table.name(), ": Created new region with ",
                    NrAreasFromStep(len, region.step), " area(s) as region ID ",
                    *id, "\n");
    return true;
  };
  if (!o.segments) {
    uint64_t size = 0;
    for (const DmTargetSpec& row : table.rows()) size += row.length;
    return create(region.start, region.len != 0 ? region.len : size);
  }
  // A device without a table has one row, of nothing.
  std::vector<DmTargetSpec> rows = table.rows();
  if (rows.empty()) rows.emplace_back();
  for (const DmTargetSpec& row : rows) {
    if (!create(row.sector_start.value(), row.length)) return false;
  }
  return o.nogroup || GroupSegments(ctx, dms, region_ids);
}

}  // namespace

bool CmdStatsCreate(DmsetupContext& ctx, const CommandCall& call) {
  const StatsOptions& o = ctx.options.stats;
  ctx.report = nullptr;
  if (o.allregions) return Say(ctx, "Cannot use --allregions with create.");
  if (o.allprograms) return Say(ctx, "Cannot use --allprograms with create.");
  if (o.areas && o.areasize) {
    return Say(ctx, "Please specify one of --areas and --areasize.");
  }
  if (o.programid == "" && !ctx.options.force) {
    return Say(ctx, "Creating a region with no program id requires --force.");
  }
  if (o.filemap) return CreateFile(ctx, call);
  if (AboutAll(ctx, call)) {
    return StatsAllDevices(ctx, call, CmdStatsCreate);
  }
  const std::optional<std::string> name = DeviceOf(call);
  const std::optional<uint64_t> area_size = Bytes(ctx, "areasize", o.areasize);
  if (!area_size) return ctx.log.Backtrace();
  const std::optional<uint64_t> start = Bytes(ctx, "start", o.start);
  if (!start) return ctx.log.Backtrace();
  const std::optional<uint64_t> len = Bytes(ctx, "length", o.length);
  if (!len) return ctx.log.Backtrace();
  const int64_t areas = o.areas.value_or(0) != 0 ? *o.areas : 1;
  StatsHandle dms(ctx, kStatsProgramId);
  BindStatsDevice(ctx, name, dms);
  const std::string program_id = o.programid.value_or(kStatsProgramId);
  if (program_id.empty()) dms.set_program_id("");
  return CreateRegions(
      ctx, name,
      {.start = *start / kSectorSize,
       .len = *len / kSectorSize,
       .step = *area_size != 0
                   ? static_cast<int64_t>(*area_size) / int64_t{kSectorSize}
                   : -areas,
       .precise = o.precise,
       .bounds = {},
       .program_id = program_id,
       .aux_data = o.userdata.value_or("")},
      dms);
}

bool CmdStatsUpdateFilemap(DmsetupContext& ctx, const CommandCall& call) {
  if (!CheckFilemapSwitches(ctx)) return false;
  if (call.args.empty()) {
    return Say(ctx, "update_filemap requires a file path argument");
  }
  if (!ctx.options.stats.groupid) {
    return Say(ctx, "--groupid is required to update a filemap group.");
  }
  return RefuseFile(ctx, call.args[0]);
}

}  // namespace dmdax
