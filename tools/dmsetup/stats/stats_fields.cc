// SPDX-License-Identifier: Apache-2.0
#include "tools/dmsetup/stats/stats_fields.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tools/dmsetup/stats/region_list.h"
#include "tools/dmsetup/stats/size_string.h"
#include "tools/dmsetup/stats/stats_metric.h"

namespace dmdax {
namespace {

struct Row {
  const DmsetupOptions& options;
  const StatsHandle& dms;

  uint64_t interval_ns() const { return StatsIntervalNs(options); }
};

using ValueFn = FieldValue (*)(const Row& row);

FieldValue Unsigned(uint64_t value) { return {absl::StrCat(value), value}; }

// What libdevmapper sorts and selects by: the bits of a double.
FieldValue Double(std::string text, double value) {
  return {std::move(text), std::bit_cast<uint64_t>(value)};
}

FieldValue Hundredths(double value) {
  return Double(absl::StrFormat("%.2f", value), value);
}

FieldValue Size(const Row& row, uint64_t sectors) {
  // _show_units() takes it for a failure.
  if (row.options.stats.nosuffix) row.dms.log().Backtrace();
  const SizeUnits units =
      ParseSizeUnits(row.options.units.value_or("s")).value_or(SizeUnits{});
  return {DmSizeToString(sectors, units), sectors};
}

// Text in its column, but sorted and selected by the first of the bytes that
// the number is made of.
FieldValue NumberAsText(uint64_t number) {
  FieldValue value = Unsigned(number);
  const char bytes[] = {static_cast<char>(number),
                        static_cast<char>(number >> 8), '\0'};
  value.key = std::string(bytes);
  return value;
}

template <StatsCounter counter>
FieldValue Counter(const Row& row) {
  return Unsigned(row.dms.CurrentCounters()[counter]);
}

using MetricFn = double (*)(const StatsCounters& c, double interval);

template <MetricFn metric>
double Metric(const Row& row) {
  return metric(row.dms.CurrentCounters(),
                static_cast<double>(row.interval_ns()));
}

template <MetricFn metric>
FieldValue Rate(const Row& row) {
  return Hundredths(Metric<metric>(row));
}

template <MetricFn metric>
FieldValue Msecs(const Row& row) {
  return Hundredths(Metric<metric>(row) / kNsecPerMsec);
}

template <MetricFn metric>
FieldValue SizeRate(const Row& row) {
  const double value = Metric<metric>(row);
  return Double(Size(row, static_cast<uint64_t>(value)).text, value);
}

FieldValue Util(const Row& row) {
  constexpr double kPercent1 = 1000000;
  const double percent = 100 * Metric<Utilization>(row);
  // What is not 0 or 100 % does not look like it.
  double shown = std::round(percent * 100) / 100;
  if (percent > 0) shown = std::max(shown, 0.01);
  if (percent < 100) shown = std::min(shown, 99.99);
  return {absl::StrFormat("%.2f", shown),
          static_cast<uint64_t>(percent * kPercent1)};
}

FieldValue Histogram(const Row& row, HistogramStyle::Values values,
                     HistogramStyle::Bounds bounds) {
  const std::optional<DmHistogram> histogram = row.dms.CurrentHistogram();
  if (!histogram) return {};
  return {
      HistogramToString(*histogram, {.values = values,
                                     .bounds = bounds,
                                     .suffix = !row.options.stats.notimesuffix,
                                     .aligned = !row.options.noheadings})};
}

template <HistogramStyle::Values values, HistogramStyle::Bounds bounds>
FieldValue HistogramField(const Row& row) {
  return Histogram(row, values, bounds);
}

FieldValue RegionId(const Row& row) {
  if (row.dms.current_type() == StatsObjectType::kGroup) {
    // libdevmapper sorts by what then is on its stack: behind all regions.
    const uint64_t id = row.dms.current_group();
    return {FormatRegionList(row.dms.group(id).regions), UINT64_MAX};
  }
  return Unsigned(row.dms.current_region());
}

FieldValue GroupId(const Row& row) {
  const uint64_t id = row.dms.current_group();
  return row.dms.GroupPresent(id) ? Unsigned(id) : FieldValue{"-", id};
}

FieldValue AreaId(const Row& row) {
  const bool is_group = row.dms.current_type() == StatsObjectType::kGroup;
  return Unsigned(is_group ? 0 : row.dms.current_area());
}

bool IsGroup(const Row& row) {
  return row.dms.current_type() == StatsObjectType::kGroup;
}

constexpr auto kCounts = HistogramStyle::kCounts;
constexpr auto kPercent = HistogramStyle::kPercent;
constexpr auto kNoValues = HistogramStyle::kNone;
constexpr auto kNoBounds = HistogramStyle::kNoBounds;
constexpr auto kLower = HistogramStyle::kLower;
constexpr auto kRange = HistogramStyle::kRange;

// In the order of kInfoSchema.
constexpr ValueFn kValues[] = {
    Counter<StatsCounter::kReads>,
    Counter<StatsCounter::kReadsMerged>,
    Counter<StatsCounter::kReadSectors>,
    Counter<StatsCounter::kReadNsecs>,
    Counter<StatsCounter::kWrites>,
    Counter<StatsCounter::kWritesMerged>,
    Counter<StatsCounter::kWriteSectors>,
    Counter<StatsCounter::kWriteNsecs>,
    Counter<StatsCounter::kIoInProgress>,
    Counter<StatsCounter::kIoNsecs>,
    Counter<StatsCounter::kWeightedIoNsecs>,
    Counter<StatsCounter::kTotalReadNsecs>,
    Counter<StatsCounter::kTotalWriteNsecs>,
    Rate<ReadMergesPerSec>,
    Rate<WriteMergesPerSec>,
    Rate<ReadsPerSec>,
    Rate<WritesPerSec>,
    SizeRate<ReadSectorsPerSec>,
    SizeRate<WriteSectorsPerSec>,
    SizeRate<AverageRequestSize>,
    Rate<AverageQueueSize>,
    Msecs<AverageWaitTime>,
    Msecs<AverageReadWaitTime>,
    Msecs<AverageWriteWaitTime>,
    Rate<Throughput>,
    Msecs<ServiceTime>,
    Util,
    HistogramField<kCounts, kNoBounds>,
    HistogramField<kCounts, kLower>,
    HistogramField<kCounts, kRange>,
    HistogramField<kPercent, kNoBounds>,
    HistogramField<kPercent, kLower>,
    HistogramField<kPercent, kRange>,
    [](const Row& row) { return Unsigned(row.interval_ns()); },
    [](const Row& row) {
      const double seconds =
          static_cast<double>(row.interval_ns()) / kNsecPerSec;
      return Double(absl::StrFormat("%2.6f", seconds), seconds);
    },
    RegionId,
    [](const Row& row) { return Size(row, row.dms.CurrentStart()); },
    [](const Row& row) { return Size(row, row.dms.CurrentLen()); },
    AreaId,
    [](const Row& row) { return Size(row, row.dms.CurrentAreaStart()); },
    [](const Row& row) { return Size(row, row.dms.CurrentAreaLen()); },
    [](const Row& row) { return Size(row, row.dms.CurrentAreaOffset()); },
    [](const Row& row) { return Unsigned(row.dms.CurrentNrAreas()); },
    GroupId,
    [](const Row& row) {
      return FieldValue{IsGroup(row) ? row.dms.program_id()
                                     : row.dms.CurrentRegion().program_id};
    },
    [](const Row& row) {
      return FieldValue{IsGroup(row) ? "" : row.dms.CurrentRegion().aux_data};
    },
    [](const Row& row) {
      return NumberAsText(row.dms.CurrentRegion().timescale == 1);
    },
    [](const Row& row) {
      const auto& bounds = row.dms.CurrentRegion().bounds;
      return NumberAsText(IsGroup(row) || !bounds ? 0 : bounds->bins.size());
    },
    HistogramField<kNoValues, kLower>,
    HistogramField<kNoValues, kRange>,
    [](const Row& row) { return FieldValue{row.dms.CurrentAlias()}; },
    [](const Row& row) {
      constexpr const char* kTypes[] = {"all", "area", "region", "group"};
      return FieldValue{kTypes[static_cast<size_t>(row.dms.current_type())]};
    },
};

}  // namespace

std::optional<FieldValue> StatsFieldValue(const DmsetupOptions& options,
                                          const StatsHandle& dms,
                                          size_t field) {
  if (field >= std::size(kValues)) return std::nullopt;
  return kValues[field]({options, dms});
}

}  // namespace dmdax
