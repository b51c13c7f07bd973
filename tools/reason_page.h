// SPDX-License-Identifier: Apache-2.0
//
// The page of a reason in docs/fault-reasons.md, which the program carries with
// it.
//
//   for (const ReasonPage& page : ReasonPages()) {
//     std::cout << page.name << "\n" << Wrapped("cure: ", page.cure);
//   }
//
// Threading: constant.
#ifndef DMDAX_TOOLS_REASON_PAGE_H_
#define DMDAX_TOOLS_REASON_PAGE_H_

#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace dmdax {

struct ReasonPage {
  std::string name;  // "run_chunk"
  std::string why, see, cure;
};

// In the order of the document.
absl::Span<const ReasonPage> ReasonPages();

// Nothing: no reason has that name.
const ReasonPage* FindReasonPage(absl::string_view name);

// What to do, and where more is said, in lines that begin with `indent`:
//   cure: chunks of a multiple of 4096 sectors (`lvcreate -I 2m`)
//   more: dmdax why run_chunk
std::string CureLines(absl::string_view name, absl::string_view indent);

// Lines of at most 80 columns that begin with `head`, and below it with blanks.
std::string Wrapped(absl::string_view head, absl::string_view text);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_REASON_PAGE_H_
