// SPDX-License-Identifier: Apache-2.0
#include "tools/dmsetup/stats/stats_options.h"

#include <cstdlib>

namespace dmdax {
namespace {

template <typename T>
struct Named {
  absl::string_view name;
  T StatsOptions::*member;
};

constexpr Named<bool> kSwitches[] = {
    {"alldevices", &StatsOptions::alldevices},
    {"allprograms", &StatsOptions::allprograms},
    {"allregions", &StatsOptions::allregions},
    {"area", &StatsOptions::area},
    {"region", &StatsOptions::region},
    {"group", &StatsOptions::group},
    {"clear", &StatsOptions::clear},
    {"filemap", &StatsOptions::filemap},
    {"foreground", &StatsOptions::foreground},
    {"histogram", &StatsOptions::histogram},
    {"nogroup", &StatsOptions::nogroup},
    {"nomonitor", &StatsOptions::nomonitor},
    {"nosuffix", &StatsOptions::nosuffix},
    {"notimesuffix", &StatsOptions::notimesuffix},
    {"precise", &StatsOptions::precise},
    {"raw", &StatsOptions::raw},
    {"relative", &StatsOptions::relative},
    {"segments", &StatsOptions::segments},
};

constexpr Named<std::optional<int>> kNumbers[] = {
    {"areas", &StatsOptions::areas},
    {"groupid", &StatsOptions::groupid},
    {"regionid", &StatsOptions::regionid},
};

constexpr Named<std::optional<std::string>> kTexts[] = {
    {"alias", &StatsOptions::alias},
    {"areasize", &StatsOptions::areasize},
    {"bounds", &StatsOptions::bounds},
    {"follow", &StatsOptions::follow},
    {"length", &StatsOptions::length},
    {"programid", &StatsOptions::programid},
    {"regions", &StatsOptions::regions},
    {"start", &StatsOptions::start},
    {"userdata", &StatsOptions::userdata},
};

}  // namespace

void ApplyStatsOption(absl::string_view name, const char* arg,
                      StatsOptions& options) {
  for (const auto& o : kSwitches) {
    if (o.name == name) options.*o.member = true;
  }
  for (const auto& o : kNumbers) {
    if (o.name == name) options.*o.member = atoi(arg);
  }
  for (const auto& o : kTexts) {
    if (o.name == name) options.*o.member = arg;
  }
}

}  // namespace dmdax
