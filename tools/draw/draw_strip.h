// SPDX-License-Identifier: Apache-2.0
//
// The strip of one node: a sweep's ranges, or, if they are too many, bins of
// them.
//
//   DrawReasons reasons(model);
//   AddStrip(*sweep, faults, /*most_ranges=*/4096, reasons, node);
//   node.blocks.size();  // 1
//
// Threading: pure functions of a sweep.
#ifndef DMDAX_TOOLS_DRAW_DRAW_STRIP_H_
#define DMDAX_TOOLS_DRAW_DRAW_STRIP_H_

#include <cstddef>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/fault_profile.h"
#include "process/sweep/dax_sweep.h"
#include "tools/draw/draw_model.h"

namespace dmdax {

// The reasons of a model, each once.
class DrawReasons {
 public:
  explicit DrawReasons(DrawModel& model) : model_(model) {}

  // `of` is the node that has it: what no device is to blame for is its own.
  int Add(const FaultReason& reason, const std::string& of);
  int Add(const Obstacle& obstacle, const std::string& of);
  // Gives each reason the cure that an obstacle of its name and device has.
  void AddCures();

 private:
  using Key = std::pair<std::string, std::string>;  // name, to blame

  int Put(DrawReason reason, const std::string& to_blame);

  DrawModel& model_;
  std::map<std::string, int> by_text_;
  std::map<Key, int> by_key_, cures_;
  std::vector<Key> keys_;  // of each reason
};

// Sets blocks, shares and all_ranges of a node, whose size is set.
void AddStrip(const DaxSweep& sweep, const FaultProfile& faults,
              size_t most_ranges, DrawReasons& reasons, DrawNode& node);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_DRAW_DRAW_STRIP_H_
