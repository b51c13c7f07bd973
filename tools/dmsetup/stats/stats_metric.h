// SPDX-License-Identifier: Apache-2.0
//
// What is computed from the counters of an interval.
//
// Mirrors: the metrics of libdm/libdm-stats.c (1.02.185), merges per second
// included, which it divides by nanoseconds.
#ifndef DMDAX_TOOLS_DMSETUP_STATS_STATS_METRIC_H_
#define DMDAX_TOOLS_DMSETUP_STATS_STATS_METRIC_H_

#include "tools/dmsetup/stats/stats_region.h"

namespace dmdax {

// `interval` is in ns and not 0; times are in ns.
double ReadMergesPerSec(const StatsCounters& c, double interval);
double WriteMergesPerSec(const StatsCounters& c, double interval);
double ReadsPerSec(const StatsCounters& c, double interval);
double WritesPerSec(const StatsCounters& c, double interval);
double ReadSectorsPerSec(const StatsCounters& c, double interval);
double WriteSectorsPerSec(const StatsCounters& c, double interval);
double AverageRequestSize(const StatsCounters& c, double interval);
double AverageQueueSize(const StatsCounters& c, double interval);
double AverageWaitTime(const StatsCounters& c, double interval);
double AverageReadWaitTime(const StatsCounters& c, double interval);
double AverageWriteWaitTime(const StatsCounters& c, double interval);
double Throughput(const StatsCounters& c, double interval);
double ServiceTime(const StatsCounters& c, double interval);
// 0 to 1.
double Utilization(const StatsCounters& c, double interval);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_DMSETUP_STATS_STATS_METRIC_H_
