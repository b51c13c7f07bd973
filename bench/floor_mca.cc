// SPDX-License-Identifier: Apache-2.0
//
// The loops of the floors between marks, for llvm-mca (bench/limits.sh); nobody
// runs them.
#include "bench/floor_loop.h"

#define MCA_BEGIN(name) asm volatile("# LLVM-MCA-BEGIN " name ::: "memory")
#define MCA_END() asm volatile("# LLVM-MCA-END" ::: "memory")

namespace dmdax::bench {

// A macro, since the mark must be a literal.
#define MCA_LOOKUPS(function, Floor, name)                    \
  uint64_t function(const Floor& asked, const uint64_t* page, \
                    const uint64_t* end) {                    \
    const Floor ask = asked;                                  \
    uint64_t sum = 0;                                         \
    for (; page != end; ++page) {                             \
      MCA_BEGIN(name);                                        \
      sum += ask(*page);                                      \
      MCA_END();                                              \
    }                                                         \
    return sum;                                               \
  }

MCA_LOOKUPS(Runs16, FloorOfRuns<uint16_t>, "lookup in runs, 16-bit slots")
MCA_LOOKUPS(Runs32, FloorOfRuns<uint32_t>, "lookup in runs, 32-bit slots")
MCA_LOOKUPS(Shifts, FloorOfStripe<true>, "stripe of powers of two")
MCA_LOOKUPS(Products, FloorOfStripe<false>, "stripe of any chunk and legs")

uint64_t Section(const std::atomic<const uint64_t*>& live, int n) {
  uint64_t sum = 0;
  for (; n > 0; --n) {
    MCA_BEGIN("read section around three loads");
    {
      FloorSection section;
      const uint64_t* const table = live.load(std::memory_order_acquire);
      sum += table[0] + table[1] + table[2];
    }
    MCA_END();
  }
  return sum;
}

}  // namespace dmdax::bench
