// SPDX-License-Identifier: Apache-2.0
#include "tools/dmsetup/stats/stats_parse.h"

#include <algorithm>
#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "tools/dmsetup/stats/region_list.h"

namespace dmdax {
namespace {

// STATS_ROW_BUF_LEN, of which fgets(3) fills all but one.
constexpr size_t kRowLen = 4096;

constexpr char kGroupTag[] = "DMS_GROUP=";
constexpr absl::string_view kHistogramTag = "histogram:";

// The next row as fgets(3) would read it: long ones come in pieces.
std::string TakeRow(absl::string_view& rest) {
  const size_t end = std::min(rest.find('\n'), rest.size() - 1) + 1;
  const std::string row(rest.substr(0, std::min(end, kRowLen - 1)));
  rest.remove_prefix(row.size());
  return row;
}

bool ParseHistogramSpec(absl::string_view args, StatsRegion& region,
                        LibdmLog& log) {
  const std::string text(args.substr(0, args.find('\n')));
  DmHistogram bounds;
  const char* c = text.c_str();
  const auto bad_character = [&] {
    log.Backtrace();
    return log.Error(absl::StrCat("Invalid character in histogram: '",
                                  absl::string_view(c, 1), "' ",
                                  absl::StrFormat("(0x%x)", int{*c})));
  };
  do {
    constexpr absl::string_view kValid = "0123456789,";
    if (*c == '\0' || kValid.find(*c) == kValid.npos) return bad_character();
    if (*c == ',') {
      return log.Error(absl::StrCat("Invalid histogram description: ", text));
    }
    char* end = nullptr;
    errno = 0;
    const uint64_t value = strtoull(c, &end, 10);
    if (errno != 0) {
      return log.Error("Could not parse histogram boundary.");
    }
    c = end;
    if (*c == ',') {
      ++c;
    } else if (*c != '\0') {
      return bad_character();
    }
    if (*c == ',') ++c;
    bounds.bins.push_back({.upper = region.timescale * value});
  } while (*c != '\0' && *c != ' ');
  bounds.bins.push_back({.upper = UINT64_MAX});
  log.Debug(absl::StrCat("Added region histogram spec with ",
                         bounds.bins.size(), " entries."));
  region.bounds = std::move(bounds);
  return true;
}

// "ID: START+LEN STEP PROGRAM AUX [OPTIONS]".
bool ParseListRow(const std::string& row, StatsRegion& region, LibdmLog& log) {
  char data[kRowLen] = {};
  if (sscanf(row.c_str(),
             "%" SCNu64 ": %" SCNu64 "+%" SCNu64 " %" SCNu64 " %4095c",
             &region.region_id, &region.start, &region.len, &region.step,
             data) != 5) {
    return log.Backtrace();
  }
  region.present = true;
  absl::string_view rest(data), options;
  region.program_id = std::string(rest.substr(0, rest.find(' ')));
  const bool has_aux = region.program_id.size() < rest.size();
  if (has_aux) {
    if (absl::StartsWith(region.program_id, "-")) region.program_id.clear();
    rest.remove_prefix(rest.find(' ') + 1);
    const size_t blank = rest.find(' ');
    if (blank != rest.npos) options = rest.substr(blank + 1);
    std::string aux(rest.substr(0, blank));
    if (absl::StartsWith(aux, "-")) aux.clear();
    // Meant for the line end, which is not there before options.
    if (!aux.empty()) aux.pop_back();
    region.aux_data = std::move(aux);
  }
  if (absl::StrContains(options, "precise_timestamps")) region.timescale = 1;
  const size_t histogram = options.find(kHistogramTag);
  return histogram == options.npos ||
         ParseHistogramSpec(options.substr(histogram + kHistogramTag.size()),
                            region, log);
}

// Takes "DMS_GROUP=ALIAS:MEMBERS#" off the aux data.  False when it is not
// well-formed; the aux data is then what is left of it.
bool ParseGroup(StatsRegion& region, StatsGroup& group, RegionRanges& members,
                LibdmLog& log) {
  const size_t tag = region.aux_data.find(kGroupTag);
  if (tag == std::string::npos) return true;
  const size_t colon = region.aux_data.find(':', tag);
  if (colon == std::string::npos) {
    return log.Error("Found malformed group tag while reading aux_data");
  }
  const size_t alias = tag + sizeof(kGroupTag) - 1;
  const std::string name =
      colon < alias ? "" : region.aux_data.substr(alias, colon - alias);
  log.Debug(absl::StrCat("Read alias '", name, "' from aux_data"));
  const std::string text = region.aux_data.substr(colon + 1);
  const size_t hash = text.find('#');
  region.aux_data.resize(colon);
  std::optional<RegionRanges> list = ParseRegionList(text.substr(0, hash), log);
  if (!list) {
    return log.Error(
        "Could not parse member list while reading group "
        "aux_data");
  }
  uint64_t first = kStatsGroupNotPresent;
  for (const auto& r : list->ranges) first = std::min<uint64_t>(first, r.first);
  if (first != region.region_id) {
    return log.Error(absl::StrCat("Found invalid group descriptor in region ",
                                  region.region_id, " aux_data."));
  }
  group.present = true;
  if (!name.empty()) group.alias = name;
  members = *std::move(list);
  region.aux_data = hash == text.npos ? "" : text.substr(hash + 1);
  if (region.aux_data == "-") region.aux_data.clear();
  log.Debug(absl::StrCat("Found group_id ", first, ": alias=\"", name, "\""));
  return true;
}

}  // namespace

bool ParseStatsList(const std::string& reply, StatsTable& table,
                    LibdmLog& log) {
  table = {};
  absl::string_view rest(reply);
  std::vector<RegionRanges> members;
  while (!rest.empty()) {
    StatsRegion region;
    StatsGroup group;
    RegionRanges list;
    // The kernel lists them in order.
    if (!ParseListRow(TakeRow(rest), region, log) ||
        region.region_id < table.regions.size()) {
      table = {};
      return log.Backtrace();
    }
    if (!ParseGroup(region, group, list, log)) {
      log.Error(absl::StrCat("Failed to parse group descriptor from region_id ",
                             region.region_id, " aux_data:'", region.aux_data,
                             "'"));
    }
    table.regions.resize(region.region_id);  // ids between are free
    table.groups.resize(region.region_id);
    members.resize(region.region_id);
    table.regions.push_back(std::move(region));
    table.groups.push_back(std::move(group));
    members.push_back(std::move(list));
    ++table.nr_regions;
  }
  for (size_t id = 0; id < table.groups.size(); ++id) {
    StatsGroup& group = table.groups[id];
    if (!group.present) continue;
    group.regions = members[id].UpTo(table.regions.size() - 1);
    for (const uint64_t i : group.regions) table.regions[i].group_id = id;
  }
  return true;
}

bool ParseStatsPrint(const std::string& reply, StatsRegion& region,
                     LibdmLog& log) {
  region.areas.clear();
  absl::string_view rest(reply);
  uint64_t end = 0;
  while (!rest.empty()) {
    const std::string row = TakeRow(rest);
    StatsArea area;
    uint64_t start = 0, len = 0;
    uint64_t* const c = area.counters.values.data();
    static_assert(kNumStatsCounters == 13);
    if (sscanf(row.c_str(),
               "%" SCNu64 "+%" SCNu64 "%" SCNu64 "%" SCNu64 "%" SCNu64
               "%" SCNu64 "%" SCNu64 "%" SCNu64 "%" SCNu64 "%" SCNu64 "%" SCNu64
               "%" SCNu64 "%" SCNu64 "%" SCNu64 "%" SCNu64,
               &start, &len, c, c + 1, c + 2, c + 3, c + 4, c + 5, c + 6, c + 7,
               c + 8, c + 9, c + 10, c + 11, c + 12) != 15) {
      return log.Error("Could not parse @stats_print row.");
    }
    for (const StatsCounter ticks :
         {StatsCounter::kReadNsecs, StatsCounter::kWriteNsecs,
          StatsCounter::kIoNsecs, StatsCounter::kWeightedIoNsecs,
          StatsCounter::kTotalReadNsecs, StatsCounter::kTotalWriteNsecs}) {
      area.counters[ticks] *= region.timescale;
    }
    if (region.bounds) {
      // The only word with colons.
      const size_t colon = row.find(':');
      if (colon == row.npos) {
        return log.Error("Could not parse histogram value.");
      }
      area.histogram = region.bounds;
      const char* word = row.c_str() + row.rfind(' ', colon) + 1;
      for (DmHistogram::Bin& bin : area.histogram->bins) {
        char* behind = nullptr;
        bin.count = strtoull(word, &behind, 10);
        word = behind + (*behind == ':');
      }
      log.Debug(absl::StrCat("Added region histogram data with ",
                             region.bounds->bins.size(), " entries."));
    }
    if (region.areas.empty()) {
      region.start = start;
      region.step = len;  // only the last area may be smaller
    }
    end = start + len;
    region.areas.push_back(std::move(area));
  }
  if (region.areas.empty()) return false;
  region.len = end - region.start;
  return true;
}

}  // namespace dmdax
