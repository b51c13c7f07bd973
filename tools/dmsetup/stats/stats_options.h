// SPDX-License-Identifier: Apache-2.0
//
// The options of `dmsetup stats`.
//
// Mirrors: the switches of _process_switches in libdm/dm-tools/dmsetup.c
// (1.02.185) that only dmstats looks at.
#ifndef DMDAX_TOOLS_DMSETUP_STATS_STATS_OPTIONS_H_
#define DMDAX_TOOLS_DMSETUP_STATS_STATS_OPTIONS_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace dmdax {

struct StatsOptions {
  bool alldevices = false, allprograms = false, allregions = false;
  bool area = false, region = false, group = false;  // rows of a report
  bool clear = false, filemap = false, foreground = false, histogram = false;
  bool nogroup = false, nomonitor = false, nosuffix = false;
  bool notimesuffix = false, precise = false, raw = false, relative = false;
  bool segments = false;
  std::optional<int> areas, groupid, regionid;  // as atoi(3) reads them
  std::optional<std::string> alias, areasize, bounds, follow, length;
  std::optional<std::string> programid, regions, start, userdata;
};

// Sets what the long option `name` (without hyphens) stands for; `arg` is ""
// for a switch.  A name that is not one of statistics changes nothing.
void ApplyStatsOption(absl::string_view name, const char* arg,
                      StatsOptions& options);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_DMSETUP_STATS_STATS_OPTIONS_H_
