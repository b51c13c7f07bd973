// SPDX-License-Identifier: Apache-2.0
//
// Inputs with many of one kind, for growth_bench.cc.
//
//   std::string text = ConciseRows(32768);
// Threading: pure functions.
#ifndef DMDAX_BENCH_BIG_TEXTS_H_
#define DMDAX_BENCH_BIG_TEXTS_H_

#include <cstddef>
#include <string>

namespace dmdax::bench {

// What `create --concise` takes for n devices.
std::string ManyConcise(size_t n);

// What `import` takes: a device of n rows as `dmsetup table --concise` has it,
// n devices of one row so, and n that `daxctl list` has.
std::string ConciseRows(size_t n);
std::string ConciseDevices(size_t n);
std::string DaxctlDevices(size_t n);
// And n mounted volumes of one disk, as lsblk lists them, without a table.
std::string LsblkVolumes(size_t n);

}  // namespace dmdax::bench

#endif  // DMDAX_BENCH_BIG_TEXTS_H_
