// SPDX-License-Identifier: Apache-2.0
#include "tools/tell.h"

#include <iostream>

#include "absl/strings/str_cat.h"
#include "base/one_line.h"

namespace dmdax {

void Tell(absl::string_view what) {
  std::string line = absl::StrCat("dmdax: ", OneLine(what.substr(0, kMaxTold)));
  if (what.size() > kMaxTold) {
    absl::StrAppend(&line, "... (", what.size(), " bytes)");
  }
  std::cerr << absl::StrCat(line, "\n");
}

void TellAll(const std::vector<std::string>& notes) {
  for (const std::string& note : notes) Tell(note);
}

}  // namespace dmdax
