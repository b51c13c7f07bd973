// SPDX-License-Identifier: Apache-2.0
//
// What a change costs a resident machine that has all of this in its state.
//
//   const double seconds = ResidentChangeSeconds(ManyDevices(1000));
//
// It is the mean of those with which a device comes, gets a table, goes live,
// is renamed and goes: CPU time, which is what it takes but for waiting for the
// disk.
// Threading: single-threaded programs only, because it forks.
#ifndef DMDAX_BENCH_RESIDENT_CHANGE_H_
#define DMDAX_BENCH_RESIDENT_CHANGE_H_

#include "state/world.pb.h"

namespace dmdax::bench {

// The World has a pmem0 with some sectors to map.
double ResidentChangeSeconds(const proto::World& world);

}  // namespace dmdax::bench

#endif  // DMDAX_BENCH_RESIDENT_CHANGE_H_
