// SPDX-License-Identifier: Apache-2.0
//
// Latency histograms of statistics: bounds as they are asked for, as the
// kernel is told, and as a report shows them.
//
// Mirrors: dm_histogram_bounds_from_string, _build_histogram_arg,
// dm_histogram_to_string of libdm/libdm-stats.c (1.02.185).
#ifndef DMDAX_TOOLS_DMSETUP_STATS_HISTOGRAM_H_
#define DMDAX_TOOLS_DMSETUP_STATS_HISTOGRAM_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tools/dmsetup/dm_log.h"

namespace dmdax {

inline constexpr uint64_t kNsecPerUsec = 1000;
inline constexpr uint64_t kNsecPerMsec = 1000000;
inline constexpr uint64_t kNsecPerSec = 1000000000;

struct DmHistogram {
  struct Bin {
    uint64_t upper = 0;  // ns; UINT64_MAX for the last one of a region
    uint64_t count = 0;
  };
  std::vector<Bin> bins;

  // ns.
  uint64_t lower(size_t bin) const {
    return bin == 0 ? 0 : bins[bin - 1].upper;
  }
  uint64_t sum() const;
  bool SameBounds(const DmHistogram& other) const;
};

// Parses "10ms,20ms,1s" of --bounds: units are ns, us, ms or s, and one
// without is in those of the number before it.  Nothing after telling `log`
// what is wrong.
std::optional<DmHistogram> HistogramBoundsFromString(const std::string& text,
                                                     LibdmLog& log);

// The numbers of "histogram:..." in @stats_create: milliseconds, or
// nanoseconds when `precise`, which bounds finer than 1 ms set.  Nothing after
// telling `log` what is wrong.
std::optional<std::string> BuildHistogramArg(const DmHistogram& bounds,
                                             bool& precise, LibdmLog& log);

// What a report shows of a histogram.
struct HistogramStyle {
  enum Values { kNone, kCounts, kPercent } values = kCounts;
  enum Bounds { kNoBounds, kLower, kRange } bounds = kNoBounds;
  bool suffix = true;   // "10ms", not "10000000"
  bool aligned = true;  // values in columns
};
std::string HistogramToString(const DmHistogram& histogram,
                              HistogramStyle style);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_DMSETUP_STATS_HISTOGRAM_H_
