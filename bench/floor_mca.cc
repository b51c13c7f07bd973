// SPDX-License-Identifier: Apache-2.0
//
// The loops of the floors between marks, for llvm-mca (bench/limits.sh); nobody
// runs them.
#include "bench/floor_loop.h"

#define MCA_BEGIN(name) asm volatile("# LLVM-MCA-BEGIN " name ::: "memory")
#define MCA_END() asm volatile("# LLVM-MCA-END" ::: "memory")

namespace dmdax::bench {

uint64_t Runs16(const FloorOfRuns<uint16_t>& asked, const uint64_t* page,
                const uint64_t* end) {
  const FloorOfRuns<uint16_t> ask = asked;
  uint64_t sum = 0;
  for (; page != end; ++page) {
    MCA_BEGIN("lookup in runs, 16-bit slots");
    sum += ask(*page);
    MCA_END();
  }
  return sum;
}

uint64_t Runs32(const FloorOfRuns<uint32_t>& asked, const uint64_t* page,
                const uint64_t* end) {
  const FloorOfRuns<uint32_t> ask = asked;
  uint64_t sum = 0;
  for (; page != end; ++page) {
    MCA_BEGIN("lookup in runs, 32-bit slots");
    sum += ask(*page);
    MCA_END();
  }
  return sum;
}

uint64_t Shifts(const FloorOfStripe<true>& asked, const uint64_t* page,
                const uint64_t* end) {
  const FloorOfStripe<true> ask = asked;
  uint64_t sum = 0;
  for (; page != end; ++page) {
    MCA_BEGIN("stripe of powers of two");
    sum += ask(*page);
    MCA_END();
  }
  return sum;
}

uint64_t Products(const FloorOfStripe<false>& asked, const uint64_t* page,
                  const uint64_t* end) {
  const FloorOfStripe<false> ask = asked;
  uint64_t sum = 0;
  for (; page != end; ++page) {
    MCA_BEGIN("stripe of any chunk and legs");
    sum += ask(*page);
    MCA_END();
  }
  return sum;
}

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
