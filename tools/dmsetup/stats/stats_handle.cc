// SPDX-License-Identifier: Apache-2.0
#include "tools/dmsetup/stats/stats_handle.h"

#include <cerrno>
#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"

namespace dmdax {
namespace {

bool Fits(const std::string& message) {
  return message.size() < kStatsMessageLen;
}

}  // namespace

StatsHandle::StatsHandle(DmsetupContext& ctx, const std::string& program_id)
    : ctx_(ctx), program_id_(program_id) {
  // A line of /proc/self/comm.
  if (program_id_.empty())
    program_id_ = absl::StrCat(ctx.options.program, "\n");
}

void StatsHandle::ClearBinding() {
  bind_name_.reset();
  bind_uuid_.reset();
  bind_major_ = bind_minor_ = -1;
  name_.reset();
  table_.reset();
}

void StatsHandle::BindName(std::string name) {
  ClearBinding();
  bind_name_ = std::move(name);
}

void StatsHandle::BindUuid(std::string uuid) {
  ClearBinding();
  bind_uuid_ = std::move(uuid);
}

void StatsHandle::BindDevno(int major_nr, int minor_nr) {
  ClearBinding();
  bind_major_ = major_nr;
  bind_minor_ = minor_nr;
}

bool StatsHandle::Bound() const {
  if (bind_name_ || bind_uuid_ || bind_major_ > 0) return true;
  return Say(ctx_, "Stats handle at (nil) is not bound.");
}

bool StatsHandle::SetDevice(DmTask& task) const {
  if (bind_name_) return task.SetName(*bind_name_);
  if (bind_uuid_) return task.SetUuid(*bind_uuid_);
  if (bind_major_ <= 0) return ctx_.log.Backtrace();
  task.SetMajor(bind_major_);
  task.SetMinor(bind_minor_);
  return true;
}

bool StatsHandle::SetNameCache() {
  if (name_) return true;
  DmTask info(ctx_, DmTaskType::kInfo);
  if (!SetDevice(info) || !info.Run()) {
    ctx_.log.Backtrace();
    return Say(ctx_, "Could not retrieve device-mapper name for device.");
  }
  name_ = info.name();
  return true;
}

std::optional<DmTask> StatsHandle::SendMessage(const std::string& message) {
  DmTask task(ctx_, DmTaskType::kTargetMsg);
  if (SetDevice(task)) {
    task.SetText(message);
    if (task.Run()) return task;
  }
  ctx_.log.Backtrace();
  return std::nullopt;
}

bool StatsHandle::List(const std::string& program_id) {
  if (!Bound() || !SetNameCache()) return ctx_.log.Backtrace();
  table_.reset();
  const std::string message = absl::StrCat("@stats_list ", program_id);
  if (!Fits(message)) return Say(ctx_, "Failed to prepare stats message.");
  const std::optional<DmTask> reply = SendMessage(message);
  if (!reply) return ctx_.log.Backtrace();
  StatsTable table;
  if (!ParseStatsList(reply->reply().c_str(), table, ctx_.log)) {
    return Say(ctx_, "Could not parse @stats_list response.");
  }
  table_ = std::move(table);
  // libdevmapper looks for groups, and finds none: no region is in one yet.
  if (has_regions()) {
    const uint64_t saved_flags = walk_flags_;
    WalkInit(kWalkGroup);
    WalkStart();
    walk_flags_ = saved_flags;
    cur_region_ = cur_area_ = kWalkGroup;
    cur_group_ = max_region() + 1;
  }
  return true;
}

bool StatsHandle::Populate(const std::string& program_id) {
  if (!List(program_id)) {
    return Say(ctx_, "Could not parse @stats_list response.");
  }
  if (!has_regions()) {
    ctx_.log.Verbose(absl::StrCat("No stats regions registered: ", name()));
    return false;
  }
  const uint64_t saved_flags =
      std::exchange(walk_flags_, uint64_t{kWalkRegion});
  bool ok = true;
  for (WalkStart(); ok && !WalkEnd(); WalkNext()) {
    const std::optional<std::string> rows =
        PrintRegion(cur_region_, Clear::kYes);
    ok = rows.has_value();
    if (ok && !ParseStatsPrint(*rows, table_->regions[cur_region_], ctx_.log)) {
      ok = Say(ctx_, "Could not parse @stats_print message response.");
    }
    if (!ok) ctx_.log.Backtrace();
  }
  walk_flags_ = saved_flags;
  if (!ok) table_.reset();
  return ok;
}

std::optional<uint64_t> StatsHandle::CreateRegion(const NewRegion& region) {
  bool precise = region.precise;
  std::optional<std::string> histogram;
  if (region.bounds) {
    histogram = BuildHistogramArg(*region.bounds, precise, ctx_.log);
  }
  if ((region.bounds && !histogram) || !Bound()) {
    ctx_.log.Backtrace();
    return std::nullopt;
  }
  std::string options;
  if (precise || histogram) {
    options =
        absl::StrCat((precise ? 1 : 0) + (histogram ? 1 : 0), " ",
                     precise ? "precise_timestamps" : "", " ",
                     histogram ? "histogram:" : "", histogram.value_or(""));
  }
  const bool whole = region.start == 0 && region.len == 0;
  const std::string range =
      whole ? "-" : absl::StrCat(region.start, "+", region.len);
  const uint64_t step = static_cast<uint64_t>(region.step);
  const std::string message = absl::StrCat(
      "@stats_create ", range, " ",
      region.step < 0 ? absl::StrCat("/", -step) : absl::StrCat(step), " ",
      options, " ", region.program_id.empty() ? program_id_ : region.program_id,
      " ", region.aux_data);
  if (!Fits(message)) {
    Say(ctx_, "Could not prepare @stats_create message.");
    return std::nullopt;
  }
  const std::optional<DmTask> reply = SendMessage(message);
  if (reply) {
    char* end = nullptr;
    errno = 0;
    const uint64_t id = strtoull(reply->reply().c_str(), &end, 10);
    if (errno == 0 && end != reply->reply().c_str()) return id;
  }
  ctx_.log.Backtrace();
  return std::nullopt;
}

bool StatsHandle::DeleteRegion(uint64_t region_id) {
  if (!Bound()) return ctx_.log.Backtrace();
  const bool listed = !has_regions();
  if (listed && !List()) {
    return Say(ctx_, absl::StrCat("Could not obtain region list while deleting "
                                  "region ID ",
                                  region_id));
  }
  bool ok = true;
  if (nr_regions() == 0) {
    ok = Say(ctx_, absl::StrCat("Could not delete region ID ", region_id,
                                ": no regions found"));
  } else if (!RegionPresent(region_id)) {
    ok = Say(ctx_, absl::StrCat("Region ID ", region_id, " does not exist"));
  } else if (IsGrouped(region_id) && !RemoveFromGroup(region_id)) {
    ok = Say(ctx_, absl::StrCat("Could not remove region ID ", region_id,
                                " from group ID ", region(region_id).group_id));
  } else {
    ok = SendMessage(absl::StrCat("@stats_delete ", region_id)).has_value() ||
         ctx_.log.Backtrace();
  }
  if (listed) {
    table_.reset();
  } else if (ok) {
    table_->regions[region_id].present = false;
    table_->regions[region_id].group_id = kStatsGroupNotPresent;
  }
  return ok;
}

bool StatsHandle::ClearRegion(uint64_t region_id) {
  return (Bound() && SendMessage(absl::StrCat("@stats_clear ", region_id))) ||
         ctx_.log.Backtrace();
}

std::optional<std::string> StatsHandle::PrintRegion(uint64_t region_id,
                                                    Clear clear) {
  if (!Bound()) {
    ctx_.log.Backtrace();
    return std::nullopt;
  }
  const std::optional<DmTask> reply = SendMessage(absl::StrCat(
      clear == Clear::kYes ? "@stats_print_clear " : "@stats_print ", region_id,
      " "));
  if (!reply) {
    // _stats_print_region() passes it on, too.
    ctx_.log.Backtrace();
    ctx_.log.Backtrace();
    return std::nullopt;
  }
  return reply->reply();
}

bool StatsHandle::RegionPresent(uint64_t region_id) const {
  return region(region_id).present;
}

const StatsRegion& StatsHandle::region(uint64_t region_id) const {
  static const StatsRegion& none = *new StatsRegion;
  if (!table_ || region_id >= table_->regions.size()) return none;
  return table_->regions[region_id];
}

}  // namespace dmdax
