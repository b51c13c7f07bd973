// SPDX-License-Identifier: Apache-2.0
//
// Floor: the least that a translation can cost on this processor.
//
//   RegisterFloor("targets:64", *stack);            // .../throughput/floor
//   RegisterStripeFloor("striped:16x4", *stack, 16, 4);
//
// A goal that is missed raises the question whether anything could meet it.  A
// floor is the smallest program that does only the work of one translation: the
// two stores of a read section, a slot and the search from there (or the
// arithmetic of a stripe), then frame, pages and address.  It knows beforehand
// what dmdax must find out, that there is an index and of which form, and it
// can do nothing else: no device that dies, no nested section, no page outside,
// no error, no memory but one.  Its index is as large as dmdax's.  Who wants to
// be faster needs another index, and not less around it.
//
//   throughput, latency   as dmdax's, of `floor` and of `floor_whole`
//   batch/floor           many pages without a section, one after the other, or
//                         with the index fetched ahead if it is large
//   batch/floor512        the same with the instructions of dm/map/run_search.h
//
// The second of them does all that the contract of a translation asks: its page
// may be outside or in an error, its section within another, its device
// replaced while it runs.  That is the least that could take dmdax's place.
//
// What is neither runs nor a stripe, and an index whose slots are crowded, has
// no floor.  A floor whose answers are not dmdax's ends the program.
#ifndef DMDAX_BENCH_FLOOR_H_
#define DMDAX_BENCH_FLOOR_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "bench/stacks.h"

namespace dmdax::bench {

// `stack` must live on.
void RegisterFloor(const std::string& name, Stack& stack);
// Of one stripe; `chunk` in pages.
void RegisterStripeFloor(const std::string& name, Stack& stack, uint64_t chunk,
                         size_t legs);

}  // namespace dmdax::bench

#endif  // DMDAX_BENCH_FLOOR_H_
