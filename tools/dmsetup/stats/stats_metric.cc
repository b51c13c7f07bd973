// SPDX-License-Identifier: Apache-2.0
#include "tools/dmsetup/stats/stats_metric.h"

#include <algorithm>

namespace dmdax {
namespace {

using C = StatsCounter;

double Get(const StatsCounters& c, StatsCounter counter) {
  return static_cast<double>(c[counter]);
}

double Ratio(double a, double b) { return b > 0 ? a / b : 0; }

}  // namespace

double ReadMergesPerSec(const StatsCounters& c, double interval) {
  return Get(c, C::kReadsMerged) / interval;
}

double WriteMergesPerSec(const StatsCounters& c, double interval) {
  return Get(c, C::kWritesMerged) / interval;
}

double ReadsPerSec(const StatsCounters& c, double interval) {
  return Get(c, C::kReads) * kNsecPerSec / interval;
}

double WritesPerSec(const StatsCounters& c, double interval) {
  return Get(c, C::kWrites) * kNsecPerSec / interval;
}

double ReadSectorsPerSec(const StatsCounters& c, double interval) {
  return Get(c, C::kReadSectors) * kNsecPerSec / interval;
}

double WriteSectorsPerSec(const StatsCounters& c, double interval) {
  return Get(c, C::kWriteSectors) * kNsecPerSec / interval;
}

double AverageRequestSize(const StatsCounters& c, double) {
  return Ratio(Get(c, C::kReadSectors) + Get(c, C::kWriteSectors),
               Get(c, C::kReads) + Get(c, C::kWrites));
}

double AverageQueueSize(const StatsCounters& c, double interval) {
  return Get(c, C::kWeightedIoNsecs) / interval;
}

double AverageWaitTime(const StatsCounters& c, double) {
  return Ratio(Get(c, C::kReadNsecs) + Get(c, C::kWriteNsecs),
               Get(c, C::kReads) + Get(c, C::kWrites));
}

double AverageReadWaitTime(const StatsCounters& c, double) {
  return Ratio(Get(c, C::kReadNsecs), Get(c, C::kReads));
}

double AverageWriteWaitTime(const StatsCounters& c, double) {
  return Ratio(Get(c, C::kWriteNsecs), Get(c, C::kWrites));
}

double Throughput(const StatsCounters& c, double interval) {
  return ReadsPerSec(c, interval) + WritesPerSec(c, interval);
}

double Utilization(const StatsCounters& c, double interval) {
  return std::min(Get(c, C::kIoNsecs), interval) / interval;
}

double ServiceTime(const StatsCounters& c, double interval) {
  // dm_percent_to_float() of what was a percentage already.
  constexpr double kPercent1 = 1000000;
  const double throughput = Throughput(c, interval);
  const double percent = Utilization(c, interval) * 100;
  if (throughput < 1 || percent < 1) return 0;
  return kNsecPerSec * (static_cast<int>(percent) / kPercent1) /
         (100. * throughput);
}

}  // namespace dmdax
