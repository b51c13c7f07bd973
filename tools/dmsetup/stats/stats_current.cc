// SPDX-License-Identifier: Apache-2.0
//
// What the cursor of a StatsHandle is at: an area, a region, a group.
#include "tools/dmsetup/stats/stats_handle.h"

namespace dmdax {
namespace {

void Add(const DmHistogram& from, DmHistogram& to) {
  for (size_t i = 0; i < to.bins.size() && i < from.bins.size(); ++i) {
    to.bins[i].count += from.bins[i].count;
  }
}

}  // namespace

StatsObjectType StatsHandle::current_type() const {
  if (cur_region_ & kWalkGroup) {
    return GroupPresent(cur_group_) ? StatsObjectType::kGroup
                                    : StatsObjectType::kNone;
  }
  if (cur_region_ > max_region()) return StatsObjectType::kNone;
  return cur_area_ & kWalkRegion ? StatsObjectType::kRegion
                                 : StatsObjectType::kArea;
}

const StatsRegion& StatsHandle::CurrentRegion() const {
  return region(cur_region_ & kWalkGroup ? cur_group_ : cur_region_);
}

uint64_t StatsHandle::current_group() const {
  return cur_region_ & kWalkGroup ? cur_group_ : CurrentRegion().group_id;
}

uint64_t StatsHandle::CurrentStart() const { return CurrentRegion().start; }

uint64_t StatsHandle::CurrentLen() const {
  if (!(cur_region_ & kWalkGroup)) return CurrentRegion().len;
  uint64_t len = 0;
  for (const uint64_t i : group(cur_group_).regions) len += region(i).len;
  return len;
}

// The flag of a region walk counts as an area's number: sectors wrap.
uint64_t StatsHandle::CurrentAreaStart() const {
  return CurrentStart() + CurrentAreaOffset();
}

uint64_t StatsHandle::CurrentAreaOffset() const {
  return cur_region_ & kWalkGroup ? 0 : CurrentRegion().step * cur_area_;
}

uint64_t StatsHandle::CurrentAreaLen() const {
  return cur_region_ & kWalkGroup ? CurrentLen() : CurrentRegion().step;
}

uint64_t StatsHandle::CurrentNrAreas() const {
  return cur_region_ & kWalkGroup ? 1 : CurrentRegion().nr_areas();
}

std::string StatsHandle::CurrentAlias() const {
  const StatsRegion& r = CurrentRegion();
  return group(r.group_id).alias.value_or(name());
}

std::optional<DmHistogram> StatsHandle::CurrentHistogram() const {
  const StatsRegion& r = CurrentRegion();
  // _aggregate_histogram() does not expect it.
  if (!r.bounds && current_type() != StatsObjectType::kArea) {
    ctx_.log.Backtrace();
  }
  if (!r.bounds || r.areas.empty()) return r.bounds;
  DmHistogram sum = *r.bounds;
  const auto add_region = [&sum](const StatsRegion& from) {
    for (const StatsArea& area : from.areas) {
      if (area.histogram) Add(*area.histogram, sum);
    }
  };
  if (cur_region_ & kWalkGroup) {
    for (const uint64_t i : group(cur_group_).regions) add_region(region(i));
  } else if (cur_area_ & kWalkRegion) {
    add_region(r);
  } else if (cur_area_ < r.areas.size()) {
    return r.areas[cur_area_].histogram;
  }
  return sum;
}

StatsCounters StatsHandle::CurrentCounters() const {
  StatsCounters sum;
  const auto add_region = [&sum](const StatsRegion& from) {
    for (const StatsArea& area : from.areas) sum.Add(area.counters);
  };
  const StatsRegion& r = CurrentRegion();
  if (cur_region_ & kWalkGroup) {
    for (const uint64_t i : group(cur_group_).regions) add_region(region(i));
  } else if (cur_area_ & kWalkRegion) {
    add_region(r);
  } else if (cur_area_ < r.areas.size()) {
    sum = r.areas[cur_area_].counters;
  }
  return sum;
}

}  // namespace dmdax
