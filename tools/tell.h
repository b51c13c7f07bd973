// SPDX-License-Identifier: Apache-2.0
//
// Tell: what the command itself has to say, on standard error: "dmdax: what".
//
// All that is said there comes through here: it may quote names and lines of
// others, whose control characters must neither make up lines nor command a
// terminal, and which may have a hundred megabytes.
// Threading: safe; lines of several threads do not mix.
#ifndef DMDAX_TOOLS_TELL_H_
#define DMDAX_TOOLS_TELL_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace dmdax {

// What is shown of so long a text at most, bytes.
inline constexpr size_t kMaxTold = 4000;

// One line, whatever is in it.
void Tell(absl::string_view what);

// A line each.
void TellAll(const std::vector<std::string>& notes);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_TELL_H_
