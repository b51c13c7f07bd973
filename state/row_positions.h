// SPDX-License-Identifier: Apache-2.0
//
// ChoosePositions: numbers that put rows in an order, changing few of them.
//
//   // Three rows are there, and one comes between the first two:
//   std::vector<std::optional<int64_t>> before = {1, {}, 2 << 20, 3 << 20};
//   std::vector<int64_t> now(4);
//   ChoosePositions(before, absl::MakeSpan(now));
//
// gives 1, 2^20, 2^21 and 3 * 2^20.  Rows that are in order already keep their
// numbers (as many as can).  New ones at the end leave room between them for
// those that come later. Cost: n log n.  Threading: pure function.
#ifndef DMDAX_STATE_ROW_POSITIONS_H_
#define DMDAX_STATE_ROW_POSITIONS_H_

#include <cstdint>
#include <optional>

#include "absl/types/span.h"

namespace dmdax {

// The room that is left between two new rows.
inline constexpr int64_t kRowGap = int64_t{1} << 20;

// `before` has each row's number, or nothing for a new one; both spans have a
// place a row.  The numbers ascend, from 1 on.
void ChoosePositions(absl::Span<const std::optional<int64_t>> before,
                     absl::Span<int64_t> positions);

}  // namespace dmdax

#endif  // DMDAX_STATE_ROW_POSITIONS_H_
