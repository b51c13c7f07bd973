// SPDX-License-Identifier: Apache-2.0
//
// What loading a table costs, from its text or message to the first query.
//
//   RegisterLoad(1 << 20);
//   benchmark::RunSpecifiedBenchmarks();
//
// Names read <stack>/<measure>/<contender>; a time is a row's, or an output
// extent's:
//   load:N     a table of N linear rows on 16 devices, as text
//     reload   text -> queryable device, in place of the table before
//              dmdax, baseline (sscanf, malloc and a B-tree: load_baseline.h)
//     parse    the text alone: dmdax, memcpy of it, from_chars, istringstream
//   proto:N    the same table as a binary World
//     load     bytes -> queryable: nested (a message a row), packed
//   flatten:MxD  D levels of M rows, cut and dealt out at random at each
//     build    the top level's map; bytes_per_extent is its memory
#ifndef DMDAX_BENCH_LOAD_BENCH_H_
#define DMDAX_BENCH_LOAD_BENCH_H_

#include <cstddef>

namespace dmdax::bench {

// Registers the families with up to max_rows rows a table, after checking
// that contenders agree; ends the program if they do not.
void RegisterLoad(size_t max_rows);

}  // namespace dmdax::bench

#endif  // DMDAX_BENCH_LOAD_BENCH_H_
