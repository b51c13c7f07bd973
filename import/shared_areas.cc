// SPDX-License-Identifier: Apache-2.0
//
// CheckSharedAreas: inputs of two machines that were taken for one.
//
// A physical volume is of one group of LVM2.  What one list of live tables has
// on the same sectors the kernel had there; of two lists nobody knows it.
#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "import/build_world.h"

namespace dmdax {
namespace {

struct Area {
  uint64_t start = 0, end = 0;  // sectors of the device
  const Mapped* of = nullptr;
};

// By the name that LVM2 gives: "vg--a" of "vg--a-home"; "": it is none of
// LVM2's.
std::string GroupOf(const std::string& name) {
  for (size_t at = name.find('-'); at != name.npos; at = name.find('-', at)) {
    size_t end = at;
    while (end < name.size() && name[end] == '-') ++end;
    if ((end - at) % 2 == 1 && at != 0 && end < name.size()) {
      return name.substr(0, at);
    }
    at = end;
  }
  return "";
}

// Of linear and striped rows, by device.
void AddAreas(const Facts& facts, const Mapped& m,
              std::map<std::string, std::vector<Area>>* areas) {
  for (const DmTargetSpec& row : m.rows) {
    const std::vector<std::string> words =
        absl::StrSplit(row.params, ' ', absl::SkipEmpty());
    uint64_t stripes = 1;
    size_t first = 0;
    if (row.target_type == "striped") {
      if (words.empty() || !absl::SimpleAtoi(words[0], &stripes)) continue;
      first = 2;
    } else if (row.target_type != "linear") {
      continue;
    }
    if (stripes == 0 || row.length < stripes) continue;
    for (size_t i = first; i + 1 < words.size(); i += 2) {
      const std::string device = CanonicalDevice(facts, words[i]);
      const uint64_t length = row.length / stripes;
      uint64_t start;
      if (device.empty() || !absl::SimpleAtoi(words[i + 1], &start) ||
          start > UINT64_MAX - length) {
        continue;
      }
      (*areas)[device].push_back({start, start + length, &m});
    }
  }
}

absl::Status CheckDevice(absl::string_view device, std::vector<Area> areas) {
  std::stable_sort(
      areas.begin(), areas.end(),
      [](const Area& a, const Area& b) { return a.start < b.start; });
  // Of each group and input the one that reaches farthest.
  std::map<std::pair<std::string, const ImportInput*>, Area> farthest;
  for (const Area& area : areas) {
    const std::pair key(GroupOf(area.of->name), area.of->table->input);
    for (const auto& [other, before] : farthest) {
      if (other.first == key.first || other.second == key.second ||
          before.end <= area.start) {
        continue;
      }
      return area.of->table->Error(absl::StrCat(
          "sectors ", area.start, " to ", area.end - 1, " of ",
          absl::StripPrefix(device, "/dev/"), " for ", area.of->name,
          " are also of ", before.of->name, ", ", before.of->table->ToString(),
          ": are they of one machine?"));
    }
    Area& far = farthest[key];
    if (far.end < area.end) far = area;
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckSharedAreas(const Facts& facts) {
  std::map<std::string, std::vector<Area>> areas;
  for (const auto& [name, m] : facts.mapped) {
    if (m.table && !GroupOf(name).empty()) AddAreas(facts, m, &areas);
  }
  for (auto& [device, on] : areas) {
    if (absl::Status s = CheckDevice(device, std::move(on)); !s.ok()) return s;
  }
  return absl::OkStatus();
}

}  // namespace dmdax
