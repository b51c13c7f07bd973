// SPDX-License-Identifier: Apache-2.0
//
// Groups of regions, which only user space knows: the first region's aux data
// in the kernel says "DMS_GROUP=ALIAS:MEMBERS#".
#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tools/dmsetup/stats/region_list.h"
#include "tools/dmsetup/stats/stats_handle.h"

namespace dmdax {
namespace {

struct Extent {
  uint64_t id, start, len;
  uint64_t last() const { return start + len - 1; }
};

}  // namespace

const StatsGroup& StatsHandle::group(uint64_t group_id) const {
  static const StatsGroup& none = *new StatsGroup;
  if (!table_ || group_id >= table_->groups.size()) return none;
  return table_->groups[group_id];
}

bool StatsHandle::GroupPresent(uint64_t group_id) const {
  return group(group_id).present;
}

uint64_t StatsHandle::nr_groups() const {
  if (!table_) return 0;
  return static_cast<uint64_t>(
      std::count_if(table_->groups.begin(), table_->groups.end(),
                    [](const StatsGroup& group) { return group.present; }));
}

// _stats_set_aux(): writes the region's aux data, and the group it leads.
bool StatsHandle::SetAux(uint64_t region_id) {
  std::string tag;
  if (GroupPresent(region_id)) {
    const StatsGroup& g = group(region_id);
    if (g.regions.empty()) {
      return Say(ctx_, absl::StrCat("Could not build group descriptor for "
                                    "region ID ",
                                    region_id));
    }
    tag = absl::StrCat("DMS_GROUP=", g.alias.value_or(""), ":",
                       FormatRegionList(g.regions), "#");
  }
  const std::string& aux = region(region_id).aux_data;
  const std::string message = absl::StrCat("@stats_set_aux ", region_id, " ",
                                           tag, aux.empty() ? "-" : aux, " ");
  if (message.size() >= kStatsMessageLen) {
    return Say(ctx_, "Could not prepare @stats_set_aux message");
  }
  return SendMessage(message).has_value() || ctx_.log.Backtrace();
}

bool StatsHandle::RemoveFromGroup(uint64_t region_id) {
  const uint64_t group_id = region(region_id).group_id;
  StatsGroup& g = table_->groups[group_id];
  g.regions.erase(region_id);
  if (region_id == group_id) {
    // Without its first region it is none.
    for (const uint64_t i : g.regions) {
      table_->regions[i].group_id = kStatsGroupNotPresent;
    }
    g = {};
  }
  return SetAux(group_id);
}

// _stats_group_check_overlap(): warns of each pair, merging as it goes.
// Whether there was one.
bool StatsHandle::CheckOverlap(const std::set<uint64_t>& regions) {
  bool overlap = false;
  std::vector<Extent> extents;
  for (const uint64_t id : regions) {
    extents.push_back({id, region(id).start, region(id).len});
  }
  std::stable_sort(
      extents.begin(), extents.end(),
      [](const Extent& a, const Extent& b) { return a.start < b.start; });
  for (bool merged = true; merged && extents.size() > 1;) {
    merged = false;
    std::vector<Extent> left;
    for (size_t i = 0; i < extents.size(); ++i) {
      Extent* const next = i + 1 < extents.size() ? &extents[i + 1] : nullptr;
      if (next == nullptr || extents[i].last() <= next->start) {
        left.push_back(extents[i]);
        continue;
      }
      Say(ctx_,
          absl::StrCat("WARNING: region IDs ", extents[i].id, " and ", next->id,
                       " overlap. Some events will be counted twice."));
      if (extents[i].last() > next->last()) {
        next->id = extents[i].id;
        next->len = extents[i].len;
      }
      next->start = std::min(next->start, extents[i].start);
      overlap = merged = true;
    }
    extents = std::move(left);
  }
  return overlap;
}

std::optional<uint64_t> StatsHandle::CreateGroup(
    const std::string& members, std::optional<std::string> alias) {
  const auto refuse = [this](const std::string& text) {
    Say(ctx_, text);
    return std::nullopt;
  };
  if (!has_regions()) {
    return refuse("Could not create group: no regions found.");
  }
  const std::optional<RegionRanges> list = ParseRegionList(members, ctx_.log);
  if (!list) {
    return refuse(absl::StrCat("Could not parse list: '", members, "'"));
  }
  if (list->num_bits() == 0 || list->num_bits() - 1 > max_region()) {
    return refuse(absl::StrCat("Invalid region ID: ",
                               static_cast<int>(list->num_bits() - 1)));
  }
  const std::set<uint64_t> ids = list->UpTo(max_region());
  const DmHistogram* bounds = nullptr;
  size_t precise = 0;
  for (const uint64_t id : ids) {
    const StatsRegion& r = region(id);
    if (!r.present) {
      return refuse(absl::StrCat("Region ID ", id, " does not exist"));
    }
    if (IsGrouped(id)) {
      return refuse(absl::StrCat("Region ID ", id,
                                 " already a member of group ID ", r.group_id));
    }
    precise += r.timescale == 1;
    if (!r.bounds) continue;
    if (bounds != nullptr && !bounds->SameBounds(*r.bounds)) {
      return refuse("All region histogram bounds must match exactly");
    }
    bounds = &*r.bounds;
  }
  if (precise != 0 && precise != ids.size()) {
    Say(ctx_,
        "WARNING: Grouping regions with different clock resolution: precision "
        "may be lost.");
  }
  if (CheckOverlap(ids)) {
    ctx_.log.Debug("Creating group with overlapping regions.");
  }
  const uint64_t group_id = *ids.begin();
  table_->groups[group_id] = {
      .present = true, .alias = std::move(alias), .regions = ids};
  if (!SetAux(group_id)) {
    table_->groups[group_id] = {};
    return std::nullopt;
  }
  for (const uint64_t id : ids) table_->regions[id].group_id = group_id;
  return group_id;
}

bool StatsHandle::DeleteGroup(uint64_t group_id, Members members) {
  if (group_id > max_region()) {
    return Say(ctx_, absl::StrCat("Invalid group ID: ", group_id));
  }
  if (!GroupPresent(group_id)) {
    return Say(ctx_, absl::StrCat("Group ID ", group_id, " does not exist"));
  }
  StatsGroup& g = table_->groups[group_id];
  // All but the first, from the last.
  while (*g.regions.rbegin() > group_id) {
    const uint64_t id = *g.regions.rbegin();
    g.regions.erase(id);
    if (members == Members::kDelete && !DeleteRegion(id)) {
      Say(ctx_, absl::StrCat("WARNING: Failed to delete region ", id, " on ",
                             name(), "."));
    }
  }
  table_->regions[group_id].group_id = kStatsGroupNotPresent;
  g = {};
  return members == Members::kDelete ? DeleteRegion(group_id)
                                     : SetAux(group_id);
}

}  // namespace dmdax
