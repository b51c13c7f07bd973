// SPDX-License-Identifier: Apache-2.0
//
// What is known of a device's statistics: regions, their areas' counters,
// groups of regions.
//
// Mirrors: struct dm_stats_region, dm_stats_counters, dm_stats_group of
// libdm/libdm-stats.c (1.02.185).
#ifndef DMDAX_TOOLS_DMSETUP_STATS_STATS_REGION_H_
#define DMDAX_TOOLS_DMSETUP_STATS_STATS_REGION_H_

#include <array>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tools/dmsetup/stats/histogram.h"

namespace dmdax {

// In the order of an @stats_print row; times in ns.
enum class StatsCounter : size_t {
  kReads,
  kReadsMerged,
  kReadSectors,
  kReadNsecs,
  kWrites,
  kWritesMerged,
  kWriteSectors,
  kWriteNsecs,
  kIoInProgress,
  kIoNsecs,
  kWeightedIoNsecs,
  kTotalReadNsecs,
  kTotalWriteNsecs,
};
inline constexpr size_t kNumStatsCounters = 13;

// What happened in an area, or in several.
struct StatsCounters {
  std::array<uint64_t, kNumStatsCounters> values = {};

  uint64_t& operator[](StatsCounter c) { return values[size_t(c)]; }
  uint64_t operator[](StatsCounter c) const { return values[size_t(c)]; }
  void Add(const StatsCounters& other) {
    for (size_t i = 0; i < values.size(); ++i) values[i] += other.values[i];
  }
};

struct StatsArea {
  StatsCounters counters;
  std::optional<DmHistogram> histogram;
};

inline constexpr uint64_t kStatsGroupNotPresent = UINT64_MAX;

struct StatsRegion {
  bool present = false;
  uint64_t region_id = 0;
  uint64_t group_id = kStatsGroupNotPresent;
  uint64_t start = 0, len = 0, step = 0;  // sectors
  std::string program_id, aux_data;
  uint64_t timescale = kNsecPerMsec;  // ns of a tick; 1 is precise
  std::optional<DmHistogram> bounds;
  std::vector<StatsArea> areas;  // once it is populated

  uint64_t nr_areas() const {
    return len == 0 || step == 0 ? 1 : (len + step - 1) / step;
  }
};

// Its id is that of its first region, whose aux_data it is written in.
struct StatsGroup {
  bool present = false;
  std::optional<std::string> alias;
  std::set<uint64_t> regions;
};

}  // namespace dmdax

#endif  // DMDAX_TOOLS_DMSETUP_STATS_STATS_REGION_H_
