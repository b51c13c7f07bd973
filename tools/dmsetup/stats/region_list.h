// SPDX-License-Identifier: Apache-2.0
//
// RegionList: a set of region ids, "0,2-4".
//
// Mirrors: dm_bitset_parse_list of libdm/datastruct/bitset.c and
// _stats_group_tag_fill of libdm/libdm-stats.c (1.02.185).
#ifndef DMDAX_TOOLS_DMSETUP_STATS_REGION_LIST_H_
#define DMDAX_TOOLS_DMSETUP_STATS_REGION_LIST_H_

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "tools/dmsetup/dm_log.h"

namespace dmdax {

// What was written; a range may be far larger than there are regions.
struct RegionRanges {
  struct Range {
    uint32_t first, last;
  };
  std::vector<Range> ranges;

  // One more than the highest id; 0 for none.
  uint64_t num_bits() const;
  // Those up to `max`.
  std::set<uint64_t> UpTo(uint64_t max) const;
};

// Numbers wrap at 2^32.  Nothing when `text` is no list, or when it is one of
// more bits than libdevmapper allocates, which `log` is told.
std::optional<RegionRanges> ParseRegionList(absl::string_view text,
                                            LibdmLog& log);

// Neighbours become ranges: "0-1,3".
std::string FormatRegionList(const std::set<uint64_t>& regions);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_DMSETUP_STATS_REGION_LIST_H_
