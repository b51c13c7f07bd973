// SPDX-License-Identifier: Apache-2.0
#include "tools/fleet_totals.h"

#include <algorithm>
#include <cstddef>

#include "base/kernel_profile.h"
#include "base/units.h"
#include "tools/check_report.h"
#include "tools/print_json.h"

namespace dmdax {
namespace {

using Json = nlohmann::ordered_json;

PageShares SharesOf(const Json& bytes) {
  const auto of = [&](const char* key) {
    return NumberOfJson(bytes.value(key, Json()));
  };
  return {.total = of("total"),
          .pud = of("pud"),
          .pmd = of("pmd"),
          .pte = of("pte"),
          .hole = of("hole"),
          .signal = of("signal"),
          .tail = of("tail")};
}

// Rows come from elsewhere, and may say anything: that many or more.
void Add(uint64_t some, uint64_t& sum) {
  sum = CheckedAdd(sum, some).value_or(UINT64_MAX);
}

void Add(const PageShares& some, PageShares& sum) {
  Add(some.total, sum.total);
  Add(some.pud, sum.pud);
  Add(some.pmd, sum.pmd);
  Add(some.pte, sum.pte);
  Add(some.hole, sum.hole);
  Add(some.signal, sum.signal);
  Add(some.tail, sum.tail);
}

// In the order of releases.
std::pair<size_t, std::string> KeyOf(const std::string& name) {
  size_t place = 0;
  for (const KernelProfile& profile : AllKernelProfiles()) {
    if (profile.name == name) break;
    ++place;
  }
  return {place, name};
}

void AddObstacles(const std::string& machine, const Json& kernel,
                  KernelTotal& total) {
  for (const Json& o : kernel.value("obstacles", Json::array())) {
    ObstacleTotal& sum = total.obstacles[o.value("name", "")];
    Add(NumberOfJson(o.value("bytes", Json())), sum.bytes);
    ++sum.subjects;
    sum.machines.insert(machine);
    if (sum.cure.is_null() && o.contains("cure")) {
      sum.cure = o["cure"];
      // What was tried is typed with all that belongs to it.
      if (sum.cure.value("tried", false)) {
        sum.plan = kernel.value("plan", Json());
      }
      sum.cure_of = machine;
    }
  }
}

}  // namespace

void AddToTotals(const Json& row, KernelTotals* totals) {
  const std::string machine = row.value("machine", "");
  std::map<std::string, bool> holds;  // of this machine, by kernel
  for (const Json& subject : row.value("subjects", Json::array())) {
    for (const Json& kernel : subject.value("kernels", Json::array())) {
      const std::string name = kernel.value("kernel", "");
      KernelTotal& total = (*totals)[name];
      const bool held = kernel.value("holds", false);
      ++total.subjects;
      total.subjects_hold += held ? 1 : 0;
      total.refused += kernel.contains("refused") ? 1 : 0;
      total.volumes += subject.value("files_seen", true) ? 0 : 1;
      holds.try_emplace(name, true).first->second &= held;
      if (kernel.contains("not_known")) {
        // What it would be is no part of what is.
        ++total.not_known;
        const auto why = kernel["not_known"].get<std::vector<std::string>>();
        if (total.why_not_known.empty() && !why.empty()) {
          total.why_not_known = why[0];
        }
        continue;
      }
      Add(SharesOf(kernel.value("bytes", Json::object())), total.shares);
      AddObstacles(machine, kernel, total);
    }
  }
  for (const auto& [name, held] : holds) {
    ++(*totals)[name].machines;
    (*totals)[name].machines_hold += held ? 1 : 0;
  }
}

std::vector<std::pair<std::string, const ObstacleTotal*>> KernelTotal::Dearest()
    const {
  std::vector<std::pair<std::string, const ObstacleTotal*>> order;
  for (const auto& [name, o] : obstacles) order.emplace_back(name, &o);
  std::stable_sort(order.begin(), order.end(),
                   [](const auto& a, const auto& b) {
                     return a.second->bytes > b.second->bytes;
                   });
  return order;
}

bool KernelOrder::operator()(const std::string& a, const std::string& b) const {
  return KeyOf(a) < KeyOf(b);
}

Json KernelToJson(const std::string& name, const KernelTotal& total) {
  Json obstacles = Json::array();
  for (const auto& [obstacle, o] : total.Dearest()) {
    obstacles.push_back({{"name", obstacle},
                         {"machines", o->machines.size()},
                         {"subjects", o->subjects},
                         {"bytes", o->bytes}});
  }
  return {{"kernel", name},
          {"machines", total.machines},
          {"machines_hold", total.machines_hold},
          {"subjects", total.subjects},
          {"subjects_hold", total.subjects_hold},
          {"refused", total.refused},
          {"not_known", total.not_known},
          {"no_file_seen", total.volumes},
          {"bytes", SharesToJson(total.shares)},
          {"obstacles", std::move(obstacles)}};
}

}  // namespace dmdax
