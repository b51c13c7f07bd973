// SPDX-License-Identifier: Apache-2.0
//
// The cursor of a StatsHandle: areas, then regions, then groups, as the flags
// say.  Each kind that is done takes its flag from the walk.
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tools/dmsetup/stats/stats_handle.h"

namespace dmdax {
namespace {

constexpr uint64_t kBeforeFirst = UINT64_MAX;

}  // namespace

bool StatsHandle::Skips(const StatsRegion& region) const {
  return !region.present ||
         ((cur_flags_ & kWalkSkipSingleArea) && !(cur_flags_ & kWalkArea) &&
          region.nr_areas() < 2);
}

// To the next area or region that is visited, or behind the last.
void StatsHandle::NextPresent() {
  if (cur_region_ != kBeforeFirst && (cur_flags_ & kWalkArea)) {
    if (++cur_area_ < region(cur_region_).nr_areas()) return;
    cur_area_ = 0;
  }
  while (++cur_region_ <= max_region() && Skips(region(cur_region_))) {
  }
}

bool StatsHandle::AnyUnskipped() const {
  for (uint64_t i = cur_region_; i <= max_region(); ++i) {
    if (!Skips(region(i))) return true;
  }
  return false;
}

void StatsHandle::GroupWalkStart() {
  if (!(cur_flags_ & kWalkGroup)) return;
  cur_area_ = cur_region_ = kWalkGroup;
  cur_group_ = 0;
  while (cur_group_ <= max_region() && !IsGrouped(cur_group_)) ++cur_group_;
  if (cur_group_ > max_region()) cur_flags_ &= ~kWalkGroup;
}

void StatsHandle::WalkInit(uint64_t flags) {
  walk_flags_ = flags;
  ctx_.log.Debug(
      absl::StrFormat("dm_stats_walk_init: initialised flags to %x", flags));
}

void StatsHandle::WalkStart() {
  if (!has_regions()) return;
  cur_flags_ = walk_flags_;
  const auto name = [this](uint64_t flag, const char* text) {
    return cur_flags_ & flag ? text : "";
  };
  ctx_.log.Debug(
      absl::StrCat("starting stats walk with ", name(kWalkArea, "AREA"), " ",
                   name(kWalkRegion, "REGION"), " ", name(kWalkGroup, "GROUP"),
                   " ", name(kWalkSkipSingleArea, "SKIP")));
  if (!(cur_flags_ & (kWalkArea | kWalkRegion))) return GroupWalkStart();
  cur_area_ = cur_flags_ & kWalkArea ? 0 : kWalkRegion;
  cur_region_ = kBeforeFirst;
  cur_group_ = kStatsGroupNotPresent;
  NextPresent();
}

void StatsHandle::WalkNext() {
  if (!has_regions()) return;
  if (cur_flags_ & kWalkArea) return NextPresent();
  if (cur_flags_ & kWalkRegion) {
    cur_area_ = kWalkRegion;
    return NextPresent();
  }
  if (cur_flags_ & kWalkGroup) {
    cur_region_ = cur_area_ = kWalkGroup;
    while (++cur_group_,
           !GroupPresent(cur_group_) && cur_group_ < max_region() + 1) {
    }
    return;
  }
  Say(ctx_, "stats_walk_next called with empty walk flags");
}

void StatsHandle::WalkNextRegion() {
  cur_flags_ &= ~kWalkArea;
  WalkNext();
}

// Behind the last area come the regions, if the walk is about them too.
void StatsHandle::EndAreas() {
  if (AnyUnskipped()) return;
  cur_flags_ &= ~kWalkArea;
  if (cur_flags_ & kWalkRegion) {
    cur_area_ = kWalkRegion;
    cur_region_ = kBeforeFirst;
    NextPresent();
    if (AnyUnskipped()) return;
    cur_flags_ &= ~kWalkRegion;
  }
  GroupWalkStart();
}

bool StatsHandle::WalkEnd() {
  if (cur_flags_ & kWalkArea) {
    EndAreas();
  } else if (cur_flags_ & kWalkRegion) {
    if (!AnyUnskipped()) {
      cur_flags_ &= ~kWalkRegion;
      GroupWalkStart();
    }
  } else if ((cur_flags_ & kWalkGroup) && cur_group_ > max_region()) {
    cur_flags_ &= ~kWalkGroup;
  }
  if (cur_flags_ & ~kWalkSkipSingleArea) return false;
  cur_flags_ = walk_flags_;
  return true;
}

}  // namespace dmdax
