// SPDX-License-Identifier: Apache-2.0
#include "run/notify/tree_paths.h"

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "server/protocol.h"

namespace dmdax::run {

std::string CleanPath(absl::string_view path) {
  std::vector<absl::string_view> parts;
  for (const absl::string_view part : absl::StrSplit(path, '/')) {
    if (part.empty() || part == ".") continue;
    if (part == ".." && (parts.empty() || parts.front() != "sys")) {
      if (!parts.empty()) parts.pop_back();
      continue;
    }
    parts.push_back(part);
  }
  std::string clean = absl::StrJoin(parts, "/");
  if (absl::EndsWith(path, "/") && !clean.empty()) clean += '/';
  return clean;
}

bool IsAtOrBelow(absl::string_view path, absl::string_view top) {
  return absl::StartsWith(path, top) &&
         (path.size() == top.size() || path[top.size()] == '/');
}

bool IsMachinePath(absl::string_view clean) {
  for (const absl::string_view top : {DMDAX_TREE_PATHS}) {
    if (IsAtOrBelow(clean, top)) return true;
  }
  return false;
}

}  // namespace dmdax::run
