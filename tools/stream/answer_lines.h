// SPDX-License-Identifier: Apache-2.0
//
// PutAnswerLines: answers as lines of text, by the million.
//
//   char line[kLongestAnswerLine];
//   char* end = PutAnswerLines(line, {pgoff_t(16)}, {0x100110}, {1});
//   // "16 pfn 0x100110 phys 0x100110000 pages 1\n"
//
// A number of up to eight digits is made at once, all digits side by side in
// one register, and stored with whatever lies behind them; the next word is
// written over that.
// Threading: pure functions.
#ifndef DMDAX_TOOLS_STREAM_ANSWER_LINES_H_
#define DMDAX_TOOLS_STREAM_ANSWER_LINES_H_

#include <cstddef>
#include <cstdint>

#include "absl/types/span.h"
#include "base/units.h"

namespace dmdax {

// Room that a line needs, with what is stored behind it.
inline constexpr size_t kLongestAnswerLine = 128;

// Decimal, and hexadecimal without 0x: writes up to 24 bytes at `at` and
// returns where the number ends.
char* PutDecimal(char* at, uint64_t n);
char* PutHex(char* at, uint64_t n);

// A line for each page; rets[i] is pages or -errno.  Returns the end of the
// last one.
char* PutAnswerLines(char* at, absl::Span<const pgoff_t> pages,
                     absl::Span<const uint64_t> pfns,
                     absl::Span<const int64_t> rets);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_STREAM_ANSWER_LINES_H_
