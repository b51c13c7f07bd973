// SPDX-License-Identifier: Apache-2.0
#include "state/load_order.h"

#include <algorithm>
#include <queue>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "block/machine.h"
#include "state/target_spec.h"

namespace dmdax {
namespace {

class Graph {
 public:
  Graph(const proto::World& world, absl::Span<const uint32_t> minors,
        uint32_t dm_major)
      : world_(world), devices_(world.mapped_device_size()) {
    for (int i = 0; i < devices_; ++i) {
      const uint32_t minor = minors[static_cast<size_t>(i)];
      const std::string dev = DevT{dm_major, minor}.ToString();
      by_name_[dev] = i;
      by_name_[absl::StrCat("/dev/dm-", minor)] = i;
      by_name_[absl::StrCat("/dev/mapper/", world.mapped_device(i).name())] = i;
    }
    for (const proto::Node& node : world.node()) {
      auto it = by_name_.find(node.dev());
      if (it != by_name_.end()) by_name_.insert({node.path(), it->second});
    }
    // Job numbers: live tables, then the inactive ones.
    after_.resize(2 * static_cast<size_t>(devices_));
    waits_for_.resize(after_.size(), 0);
    for (int i = 0; i < devices_; ++i) {
      const proto::MappedDevice& d = world.mapped_device(i);
      if (d.has_table()) AddTable(i, i, d.table());
      if (d.has_inactive_table()) {
        AddTable(devices_ + i, i, d.inactive_table());
        if (d.has_table()) AddEdge(i, devices_ + i);
      }
    }
  }

  LoadOrderResult Sort() {
    LoadOrderResult result;
    // The lowest number first: live before inactive, in the World's order.
    std::priority_queue<int, std::vector<int>, std::greater<int>> ready;
    for (int job = 0; job < 2 * devices_; ++job) {
      if (waits_for_[Index(job)] == 0) ready.push(job);
    }
    size_t done = 0;
    for (; !ready.empty(); ++done) {
      const int job = ready.top();
      ready.pop();
      if (Has(job)) result.jobs.push_back({job % devices_, job >= devices_});
      for (int next : after_[Index(job)]) {
        if (--waits_for_[Index(next)] == 0) ready.push(next);
      }
    }
    if (done < after_.size()) result.cycle = FindCycle();
    return result;
  }

 private:
  static size_t Index(int job) { return static_cast<size_t>(job); }

  bool Has(int job) const {
    const proto::MappedDevice& d = world_.mapped_device(job % devices_);
    return job < devices_ ? d.has_table() : d.has_inactive_table();
  }

  void AddEdge(int first, int then) {
    after_[Index(first)].push_back(then);
    ++waits_for_[Index(then)];
  }

  void AddTable(int job, int device, const proto::Table& table) {
    // A million rows name few devices, mostly the same one again.
    int last = device;
    const auto add = [&](const std::string& word) {
      const int below = Find(word);
      if (below < 0 || below == device || below == last) return;
      last = below;
      const int needed = Has(below) ? below : devices_ + below;
      if (needed != job) AddEdge(needed, job);
    };
    const std::string* linear = nullptr;
    for (const proto::Target& target : table.target()) {
      if (!target.has_linear()) {
        for (const std::string& word : TargetWords(target)) add(word);
        continue;
      }
      // Its other word is a number, which no device is called.
      const std::string& name = target.linear().device();
      if (linear == nullptr || name != *linear) add(name);
      linear = &name;
    }
    for (const std::string& name : table.packed().device_name()) add(name);
  }

  int Find(const std::string& word) const {
    auto it = by_name_.find(word);
    if (it != by_name_.end()) return it->second;
    // "254:07" is a way to write 254:7.
    const std::optional<DevT> dev = ScanMajorMinor(word);
    if (!dev) return -1;
    it = by_name_.find(dev->ToString());
    return it == by_name_.end() ? -1 : it->second;
  }

  // Every job that is left waits for another that is: going back from one
  // must come round.
  std::vector<int> FindCycle() const {
    std::vector<int> before(after_.size(), -1);
    int job = -1;
    for (size_t i = 0; i < after_.size(); ++i) {
      if (waits_for_[i] == 0) continue;
      if (job < 0) job = static_cast<int>(i);
      for (int next : after_[i]) before[Index(next)] = static_cast<int>(i);
    }
    std::vector<bool> seen(after_.size(), false);
    while (!seen[Index(job)]) {
      seen[Index(job)] = true;
      job = before[Index(job)];
    }
    std::vector<int> cycle;
    const int first = job;
    do {
      cycle.push_back(job % devices_);
      job = before[Index(job)];
    } while (job != first);
    return cycle;
  }

  const proto::World& world_;
  const int devices_;
  absl::flat_hash_map<std::string, int> by_name_;
  std::vector<std::vector<int>> after_;  // by job: those that wait for it
  std::vector<int> waits_for_;           // by job: how many it waits for
};

}  // namespace

LoadOrderResult LoadOrder(const proto::World& world,
                          absl::Span<const uint32_t> minors,
                          uint32_t dm_major) {
  if (world.mapped_device_size() == 0) return {};
  return Graph(world, minors, dm_major).Sort();
}

}  // namespace dmdax
