// SPDX-License-Identifier: Apache-2.0
//
// KernelTotals: what each kernel says of many machines, summed up from their
// rows (docs/schema/check.json), which other runs may have made.
//
//   KernelTotals totals;
//   for (const nlohmann::ordered_json& row : rows) AddToTotals(row, &totals);
//   for (const auto& [kernel, total] : totals) {
//     std::cout << kernel << ": " << total.subjects_hold << "\n";
//   }
//
// A sum that leaves 64 bits stays at the largest.
// Threading: thread-compatible.
#ifndef DMDAX_TOOLS_FLEET_TOTALS_H_
#define DMDAX_TOOLS_FLEET_TOTALS_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "nlohmann/json.hpp"
#include "tools/check/look.h"

namespace dmdax {

// An obstacle on one kernel, over all that have it.
struct ObstacleTotal {
  uint64_t bytes = 0;
  uint64_t subjects = 0;
  std::set<std::string> machines;
  nlohmann::ordered_json cure;  // of the first that has one, and where that is
  nlohmann::ordered_json plan;  // that it is a part of
  std::string cure_of;
};

// What one kernel says of all machines, or of one.
struct KernelTotal {
  uint64_t machines = 0, machines_hold = 0;
  uint64_t subjects = 0, subjects_hold = 0, refused = 0, not_known = 0;
  uint64_t volumes = 0;       // of the subjects those of which no file was seen
  std::string why_not_known;  // of the first
  PageShares shares;
  std::map<std::string, ObstacleTotal> obstacles;

  // Those that cost most first.
  std::vector<std::pair<std::string, const ObstacleTotal*>> Dearest() const;
};

// In the order of releases.
struct KernelOrder {
  bool operator()(const std::string& a, const std::string& b) const;
};
using KernelTotals = std::map<std::string, KernelTotal, KernelOrder>;

// Adds what a machine's row has.
void AddToTotals(const nlohmann::ordered_json& row, KernelTotals* totals);

nlohmann::ordered_json KernelToJson(const std::string& name,
                                    const KernelTotal& total);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_FLEET_TOTALS_H_
