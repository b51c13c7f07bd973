// SPDX-License-Identifier: Apache-2.0
//
// The values of the fields of statistics in a report.
//
// Mirrors: the _dm_stats_*_disp functions of dmsetup.c (1.02.185).
#ifndef DMDAX_TOOLS_DMSETUP_STATS_STATS_FIELDS_H_
#define DMDAX_TOOLS_DMSETUP_STATS_STATS_FIELDS_H_

#include <optional>

#include "tools/dmsetup/report/report_field.h"
#include "tools/dmsetup/stats/stats_handle.h"

namespace dmdax {

// What --interval asked for: nobody waits, so it is also what passed.
inline uint64_t StatsIntervalNs(const DmsetupOptions& options) {
  return kNsecPerSec * static_cast<uint64_t>(options.interval.value_or(1));
}

// Field number `field` among those of kInfoSchema that are about statistics,
// of what the cursor of `dms` is at.
std::optional<FieldValue> StatsFieldValue(const DmsetupOptions& options,
                                          const StatsHandle& dms, size_t field);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_DMSETUP_STATS_STATS_FIELDS_H_
