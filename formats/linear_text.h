// SPDX-License-Identifier: Apache-2.0
//
// ParseLinearText: dmsetup's text, if it is a table of linear rows, straight
// into columns.
//
//   auto rows = ParseLinearText("0 8 linear /dev/a 0\n8 8 linear /dev/b 0\n");
//   if (rows != nullptr) return ctl.TableLoad(io, rows);
//   // null: ParseTableText() knows all tables, and errors
//
// Null for any other table: with another target, with a row that does not
// begin where the one before ended, or that would print otherwise
// ("linear /dev/a 08"), and for every text with an error.  ParseTableText()
// is the judge: what the two accept is the same, and only it says what is
// wrong, and where.
//
// Speed: a row is looked at once, by the widest instructions that the machine
// has.  ParseTableText() takes many times as long (the benchmark family
// `load:N`, measure `parse`).  No memory is asked for per row.
// Threading: pure functions.
#ifndef DMDAX_FORMATS_LINEAR_TEXT_H_
#define DMDAX_FORMATS_LINEAR_TEXT_H_

#include <memory>

#include "absl/strings/string_view.h"
#include "base/simd.h"
#include "dm/linear_rows.h"

namespace dmdax {

// `simd` at most BestSimd(); every level gives the same columns.
// kAvx512 is as kAvx2: see linear_text_simd.cc.
std::shared_ptr<const LinearRows> ParseLinearText(absl::string_view text,
                                                  SimdLevel simd = BestSimd());

}  // namespace dmdax

#endif  // DMDAX_FORMATS_LINEAR_TEXT_H_
