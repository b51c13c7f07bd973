// SPDX-License-Identifier: Apache-2.0
#include "tests/conformance/event_text.h"

#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace dmdax::conformance {
namespace {

// The event with its flags' names alone, and DIRTY left out.
std::string WithoutDirty(const std::string& event) {
  const std::string kFlags = " flags";
  const size_t at = event.rfind(kFlags);
  if (at == std::string::npos) return event;
  const std::string words = event.substr(at + kFlags.size());
  const std::string names = words.substr(0, words.find(" (0x"));
  std::vector<std::string> kept;
  for (absl::string_view name :
       absl::StrSplit(names, absl::ByAnyChar("| "), absl::SkipEmpty())) {
    if (name != "DIRTY") kept.emplace_back(name);
  }
  return absl::StrCat(event.substr(0, at + kFlags.size()), " ",
                      absl::StrJoin(kept, "|"));
}

}  // namespace

bool SameEvent(const std::string& kernel, const std::string& ours) {
  if (kernel == ours) return true;
  if (!absl::StartsWith(kernel, "iomap_iter_") ||
      absl::StrContains(kernel, "DIRTY")) {
    return false;
  }
  return WithoutDirty(kernel) == WithoutDirty(ours);
}

}  // namespace dmdax::conformance
