// SPDX-License-Identifier: Apache-2.0
//
// Ranges: which of many numbered things are meant, bytes or sectors, as runs
// that neither overlap nor touch.
//
//   Ranges lost;
//   AddRange(0, 8, &lost);
//   AddRange(8, 16, &lost);    // {0: 16}
//   RemoveRange(4, 6, &lost);  // {0: 4, 6: 16}
//
// Errors: none; `begin` < `end`.  Threading: functions of their arguments.
#ifndef DMDAX_BASE_RANGES_H_
#define DMDAX_BASE_RANGES_H_

#include <cstdint>

#include "absl/container/btree_map.h"

namespace dmdax {

// Begin: end.  A disk may have a million, so they lie side by side; what
// changes them makes every iterator invalid.
using Ranges = absl::btree_map<uint64_t, uint64_t>;

// Adds [begin, end), which joins what it touches.
void AddRange(uint64_t begin, uint64_t end, Ranges* ranges);
// Takes [begin, end) out.
void RemoveRange(uint64_t begin, uint64_t end, Ranges* ranges);

}  // namespace dmdax

#endif  // DMDAX_BASE_RANGES_H_
