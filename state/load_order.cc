// SPDX-License-Identifier: Apache-2.0
#include "state/load_order.h"

#include <algorithm>
#include <queue>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "block/machine.h"
#include "state/target_spec.h"

namespace dmdax {
namespace {

class Graph {
 public:
  Graph(const proto::World& world, absl::Span<const uint32_t> minors,
        uint32_t dm_major)
      : world_(world),
        dm_major_(dm_major),
        devices_(world.mapped_device_size()) {
    by_name_.reserve(Index(devices_));
    by_minor_.reserve(Index(devices_));
    for (int i = 0; i < devices_; ++i) {
      by_name_[world.mapped_device(i).name()] = i;
      by_minor_[minors[Index(i)]] = i;
    }
    for (const proto::Node& node : world.node()) {
      const int device = Find(node.dev());
      if (device >= 0 && Find(node.path()) < 0) {
        by_node_.insert({node.path(), device});
      }
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
    if (on_itself_ >= 0) {
      result.cycle = {on_itself_};
      return result;
    }
    // The lowest number first: live before inactive, in the World's order.  As
    // a rule nearly all wait for nobody, and these are in order.
    std::vector<int> free;
    for (int job = 0; job < 2 * devices_; ++job) {
      if (waits_for_[Index(job)] == 0) free.push_back(job);
    }
    std::priority_queue<int, std::vector<int>, std::greater<int>> ready;
    size_t done = 0;
    for (size_t i = 0; i < free.size() || !ready.empty(); ++done) {
      int job;
      if (ready.empty() || (i < free.size() && free[i] < ready.top())) {
        job = free[i++];
      } else {
        job = ready.top();
        ready.pop();
      }
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
    int last = -1;
    const auto add = [&](const std::string& word) {
      const int below = Find(word);
      if (below < 0 || below == last) return;
      last = below;
      const int needed = Has(below) ? below : devices_ + below;
      if (needed == job) {
        on_itself_ = device;
      } else if (below != device) {
        AddEdge(needed, job);
      }
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

  template <typename Map, typename Key>
  static int In(const Map& map, const Key& key) {
    const auto it = map.find(key);
    return it == map.end() ? -1 : it->second;
  }

  // The device of a path, a node of the World's, or a number ("254:07" is a way
  // to write 254:7); -1: none.
  int Find(absl::string_view word) const {
    absl::string_view rest = word;
    int device = -1;
    if (absl::ConsumePrefix(&rest, "/dev/mapper/")) {
      device = In(by_name_, rest);
    } else if (absl::ConsumePrefix(&rest, "/dev/dm-")) {
      uint32_t minor;
      const bool number =
          absl::SimpleAtoi(rest, &minor) && absl::StrCat(minor) == rest;
      if (number) device = In(by_minor_, minor);
    }
    if (device < 0) device = In(by_node_, word);
    if (device >= 0) return device;
    const std::optional<DevT> dev = ScanMajorMinor(word);
    return dev && dev->major_nr == dm_major_ ? In(by_minor_, dev->minor_nr)
                                             : -1;
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
  const uint32_t dm_major_;
  const int devices_;
  // Views of the World.
  absl::flat_hash_map<absl::string_view, int> by_name_, by_node_;
  absl::flat_hash_map<uint32_t, int> by_minor_;
  int on_itself_ = -1;                   // a device whose one table names it
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
