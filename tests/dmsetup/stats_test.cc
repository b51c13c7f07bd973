// SPDX-License-Identifier: Apache-2.0
//
// What dmstats makes of a kernel's answers.  An emulated machine counts no
// I/O, so the answers with counts are written here.
#include <gtest/gtest.h>

#include <string>

#include "tools/dmsetup/stats/histogram.h"
#include "tools/dmsetup/stats/region_list.h"
#include "tools/dmsetup/stats/size_string.h"
#include "tools/dmsetup/stats/stats_metric.h"
#include "tools/dmsetup/stats/stats_parse.h"

namespace dmdax {
namespace {

TEST(StatsParse, ListOfRegionsAndAGroup) {
  StatsTable table;
  std::string out, err;
  LibdmLog log(out, err);
  ASSERT_TRUE(
      ParseStatsList("1: 0+100 50 dmstats DMS_GROUP=top:1,3#mine\n"
                     "3: 100+100 100 - - precise_timestamps histogram:5,10\n",
                     table, log));
  EXPECT_EQ(err, "");
  EXPECT_EQ(table.nr_regions, 2u);
  ASSERT_EQ(table.regions.size(), 4u);
  EXPECT_FALSE(table.regions[0].present);
  EXPECT_EQ(table.regions[1].nr_areas(), 2u);
  EXPECT_EQ(table.regions[1].aux_data, "mine");
  EXPECT_EQ(table.regions[3].group_id, 1u);
  EXPECT_EQ(table.regions[3].program_id, "");
  EXPECT_EQ(table.regions[3].timescale, 1u);
  ASSERT_TRUE(table.regions[3].bounds);
  EXPECT_EQ(table.regions[3].bounds->bins.size(), 3u);
  EXPECT_EQ(table.groups[1].alias, "top");
}

TEST(StatsParse, RowsThatAreNone) {
  StatsTable table;
  std::string out, err;
  LibdmLog log(out, err);
  EXPECT_FALSE(ParseStatsList("0: 0+100\n", table, log));
  // Ids go up; nothing grows to an id that was only written.
  EXPECT_FALSE(ParseStatsList("5: 0+8 8 a -\n4: 0+8 8 a -\n", table, log));
  StatsRegion region;
  EXPECT_FALSE(ParseStatsPrint("0+100 1 2 3\n", region, log));
  EXPECT_EQ(err, "Could not parse @stats_print row.\n");
  EXPECT_FALSE(ParseStatsPrint("", region, log));
}

TEST(StatsParse, CountersInNanoseconds) {
  StatsRegion region;
  region.bounds = DmHistogram{{{5 * kNsecPerMsec}, {UINT64_MAX}}};
  std::string out, err;
  LibdmLog log(out, err);
  ASSERT_TRUE(
      ParseStatsPrint("8+50 1 2 3 4 5 6 7 8 9 10 11 12 13 30:10\n"
                      "58+25 1 0 0 0 0 0 0 0 0 0 0 0 0 0:2\n",
                      region, log));
  EXPECT_EQ(region.start, 8u);
  EXPECT_EQ(region.step, 50u);
  EXPECT_EQ(region.len, 75u);
  ASSERT_EQ(region.areas.size(), 2u);
  const StatsCounters& c = region.areas[0].counters;
  EXPECT_EQ(c[StatsCounter::kReads], 1u);
  EXPECT_EQ(c[StatsCounter::kReadNsecs], 4 * kNsecPerMsec);
  EXPECT_EQ(c[StatsCounter::kTotalWriteNsecs], 13 * kNsecPerMsec);
  EXPECT_EQ(region.areas[0].histogram->bins[0].count, 30u);
  EXPECT_EQ(region.areas[1].histogram->sum(), 2u);
}

TEST(StatsMetric, OfTwoSeconds) {
  constexpr double kInterval = 2 * kNsecPerSec;
  StatsCounters c;
  c[StatsCounter::kReads] = 100;
  c[StatsCounter::kWrites] = 300;
  c[StatsCounter::kReadSectors] = 800;
  c[StatsCounter::kWriteSectors] = 2400;
  c[StatsCounter::kReadNsecs] = 100 * kNsecPerMsec;
  c[StatsCounter::kWriteNsecs] = 900 * kNsecPerMsec;
  c[StatsCounter::kIoNsecs] = kNsecPerSec;
  c[StatsCounter::kWeightedIoNsecs] = 3 * kNsecPerSec;
  EXPECT_EQ(ReadsPerSec(c, kInterval), 50);
  EXPECT_EQ(WriteSectorsPerSec(c, kInterval), 1200);
  EXPECT_EQ(AverageRequestSize(c, kInterval), 8);
  EXPECT_EQ(AverageQueueSize(c, kInterval), 1.5);
  EXPECT_EQ(AverageWaitTime(c, kInterval), 2.5 * kNsecPerMsec);
  EXPECT_EQ(AverageReadWaitTime(c, kInterval), 1. * kNsecPerMsec);
  EXPECT_EQ(Throughput(c, kInterval), 200);
  EXPECT_EQ(Utilization(c, kInterval), 0.5);
  // More than there was time for is a clock's mistake.
  c[StatsCounter::kIoNsecs] = 5 * kNsecPerSec;
  EXPECT_EQ(Utilization(c, kInterval), 1);
  // Nothing happened: nothing is divided by it.
  EXPECT_EQ(AverageWaitTime(StatsCounters(), kInterval), 0);
  EXPECT_EQ(ServiceTime(StatsCounters(), kInterval), 0);
}

TEST(Histogram, CountsAndPercent) {
  const DmHistogram histogram{{{10 * kNsecPerMsec, 3}, {UINT64_MAX, 1}}};
  EXPECT_EQ(HistogramToString(histogram, {.bounds = HistogramStyle::kRange}),
            "0s-10ms:    3, >10ms:     1");
  EXPECT_EQ(HistogramToString(histogram, {.values = HistogramStyle::kPercent,
                                          .aligned = false}),
            "75.00%:25.00%");
}

TEST(RegionList, ReadsAndWrites) {
  std::string out, err;
  LibdmLog log(out, err);
  const auto list = ParseRegionList(" 4-5, 0 ,,1,4", log);
  ASSERT_TRUE(list);
  EXPECT_EQ(list->num_bits(), 6u);
  EXPECT_EQ(FormatRegionList(list->UpTo(100)), "0-1,4-5");
  EXPECT_EQ(FormatRegionList(list->UpTo(4)), "0-1,4");
  for (const char* bad : {"1 2", "2-1", "-1", "1-", "x", "1-2-3"}) {
    EXPECT_FALSE(ParseRegionList(bad, log)) << bad;
  }
  EXPECT_EQ(err, "");
  EXPECT_FALSE(ParseRegionList("0-4294967294", log));
  EXPECT_EQ(err,
            "Huge memory allocation (size 536870916) rejected - metadata "
            "corruption?\n");
}

TEST(SizeString, Units) {
  const auto in = [](uint64_t sectors, const char* units) {
    return DmSizeToString(sectors, *ParseSizeUnits(units));
  };
  EXPECT_EQ(in(0, "h"), "0");
  EXPECT_EQ(in(2048, "h"), "1.00m");
  EXPECT_EQ(in(2048, "H"), "1.05M");
  // 1.9990 MiB is shown as less than 2.
  EXPECT_EQ(in(4094, "r"), "<2.00m");
  EXPECT_EQ(in(2048, "4k"), "256.00");
  EXPECT_EQ(in(2048, "s"), "2048");
  EXPECT_FALSE(ParseSizeUnits("x"));
  EXPECT_FALSE(ParseSizeUnits("0k"));
  EXPECT_EQ(SizeFromString("8"), 4096u);
  EXPECT_EQ(SizeFromString("8k"), 8192u);
  EXPECT_EQ(SizeFromString("8?"), 8u);
  EXPECT_FALSE(SizeFromString("k"));
}

}  // namespace
}  // namespace dmdax
