// SPDX-License-Identifier: Apache-2.0
//
// FlattenStack: levels of linear rows that are cut at random and dealt out at
// random over the level below, the worst a stack can be for flattening.
//
//   FlattenStack stack(/*rows=*/1 << 15, /*levels=*/16);
//   auto map = BuildCompiledMap(stack.top(), *stack.top().live_table());
//
// Check() compares the map with the chain.  Everything follows from fixed
// seeds.
#ifndef DMDAX_BENCH_FLATTEN_STACK_H_
#define DMDAX_BENCH_FLATTEN_STACK_H_

#include <memory>
#include <random>

#include "block/machine.h"
#include "dm/dm_ioctl.h"
#include "dm/map/compiled_map.h"

namespace dmdax::bench {

class FlattenStack {
 public:
  FlattenStack(size_t rows, int levels);

  MappedDevice& top() { return *top_; }
  // Ends the program if map and chain differ on some of the pages.
  void Check(const CompiledMap& map);

 private:
  void AddLevel(int level, size_t rows);

  Machine machine_;
  DmCtl ctl_;
  std::mt19937_64 random_;
  uint64_t pages_;
  std::shared_ptr<MappedDevice> top_;
};

}  // namespace dmdax::bench

#endif  // DMDAX_BENCH_FLATTEN_STACK_H_
