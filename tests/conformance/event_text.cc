// SPDX-License-Identifier: Apache-2.0
#include "tests/conformance/event_text.h"

#include <algorithm>
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

std::string MaskWord(const std::string& event, const std::string& key,
                     const std::string& with) {
  const size_t at = event.find(key);
  if (at == std::string::npos) return event;
  const size_t from = at + key.size();
  const size_t to = event.find(' ', from);
  return event.substr(0, from) + with +
         (to == std::string::npos ? "" : event.substr(to));
}

constexpr absl::string_view kLook = "iomap_iter_";

std::vector<std::string> WithoutRepeatedLooks(
    const std::vector<std::string>& events) {
  std::vector<std::string> kept, last;
  for (size_t i = 0; i < events.size();) {
    std::vector<std::string> look = {events[i]};
    for (++i; i < events.size() && !absl::StartsWith(events[i], kLook); ++i) {
      look.push_back(events[i]);
    }
    // The journal may have committed in between.
    if (absl::StartsWith(look[0], kLook) &&
        std::equal(look.begin(), look.end(), last.begin(), last.end(),
                   SameEvent)) {
      continue;
    }
    kept.insert(kept.end(), look.begin(), look.end());
    last = std::move(look);
  }
  return kept;
}

std::vector<FaultEvent> WithoutNestedReturns(
    absl::Span<const FaultEvent> events) {
  std::vector<FaultEvent> kept;
  std::vector<TraceStep> open;
  auto nested = [&](const TraceStep& step) {
    int same = 0;
    for (const TraceStep& other : open) same += SameProbe(other, step);
    return same > 1;
  };
  for (const FaultEvent& event : events) {
    if (event.kind == FaultEventKind::kDirectAccess) {
      open.push_back(*event.step);
    } else if (event.kind == FaultEventKind::kDirectAccessRet) {
      const bool lost = nested(*event.step);
      open.pop_back();
      if (lost) continue;
    }
    kept.push_back(event);
  }
  return kept;
}

}  // namespace dmdax::conformance
