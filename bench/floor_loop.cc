// SPDX-License-Identifier: Apache-2.0
#include "bench/floor_loop.h"

namespace dmdax::bench {

thread_local constinit std::atomic<uint64_t> FloorSection::since_{0};
constinit std::atomic<uint64_t> FloorSection::epoch_{1};

}  // namespace dmdax::bench
