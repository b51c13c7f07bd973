// SPDX-License-Identifier: Apache-2.0
//
// Reads what the kernel answers to @stats_list and @stats_print.
//
// Mirrors: _stats_parse_list, _parse_aux_data_group, _stats_parse_region of
// libdm/libdm-stats.c (1.02.185), their way with aux data of a region with
// options included: its last character is lost.
#ifndef DMDAX_TOOLS_DMSETUP_STATS_STATS_PARSE_H_
#define DMDAX_TOOLS_DMSETUP_STATS_STATS_PARSE_H_

#include <string>
#include <vector>

#include "tools/dmsetup/dm_log.h"
#include "tools/dmsetup/stats/stats_region.h"

namespace dmdax {

// Regions and groups by id; ids that are free are not present.
struct StatsTable {
  std::vector<StatsRegion> regions;
  std::vector<StatsGroup> groups;
  uint64_t nr_regions = 0;  // those present
};

// False after telling `log` what is wrong, if anything is said of it.
bool ParseStatsList(const std::string& reply, StatsTable& table, LibdmLog& log);

// Fills the areas of `region`, and where they are.  False as above.
bool ParseStatsPrint(const std::string& reply, StatsRegion& region,
                     LibdmLog& log);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_DMSETUP_STATS_STATS_PARSE_H_
