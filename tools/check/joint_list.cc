// SPDX-License-Identifier: Apache-2.0
#include "tools/check/joint_list.h"

#include <map>
#include <numeric>
#include <string>

namespace dmdax {
namespace {

// Numbers that were found to belong together.
class Unions {
 public:
  explicit Unions(size_t size) : of_(size) {
    std::iota(of_.begin(), of_.end(), size_t{0});
  }
  // The least of its group.
  size_t Of(size_t i) {
    while (of_[i] != i) i = of_[i] = of_[of_[i]];
    return i;
  }
  void Unite(size_t a, size_t b) {
    a = Of(a);
    b = Of(b);
    if (a < b) {
      of_[b] = a;
    } else {
      of_[a] = b;
    }
  }

 private:
  std::vector<size_t> of_;
};

}  // namespace

std::vector<std::vector<size_t>> PlansThatMeet(
    const std::vector<const CurePlan*>& plans,
    const std::vector<const Subject*>& subjects) {
  Unions unions(plans.size());
  std::map<std::string, size_t> goes_with;  // the first plan of each thing
  for (size_t i = 0; i < plans.size(); ++i) {
    if (plans[i]->commands.empty()) continue;
    for (const std::string& name : plans[i]->goes) {
      unions.Unite(goes_with.try_emplace(name, i).first->second, i);
    }
  }
  std::map<std::string, size_t> kept_by;  // the first plan of each
  for (size_t i = 0; i < plans.size(); ++i) {
    if (plans[i]->commands.empty()) continue;
    const auto unite_with = [&](const std::string& name) {
      const auto with = goes_with.find(name);
      if (with != goes_with.end()) unions.Unite(with->second, i);
    };
    unite_with(subjects[i]->mount);
    unite_with(plans[i]->on);
    for (const std::string& name : plans[i]->keeps) {
      unite_with(name);
      unions.Unite(kept_by.try_emplace(name, i).first->second, i);
    }
  }
  std::map<size_t, std::vector<size_t>> groups;
  for (size_t i = 0; i < plans.size(); ++i) {
    if (!plans[i]->commands.empty()) groups[unions.Of(i)].push_back(i);
  }
  std::vector<std::vector<size_t>> found;
  for (auto& [first, group] : groups) {
    if (group.size() > 1) found.push_back(std::move(group));
  }
  return found;
}

}  // namespace dmdax
