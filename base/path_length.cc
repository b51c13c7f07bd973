// SPDX-License-Identifier: Apache-2.0
#include "base/path_length.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace dmdax {

std::string PathTooLong(absl::string_view path) {
  if (path.size() > kMaxPathBytes) {
    return absl::StrCat("a path of ", path.size(), " bytes; at most ",
                        kMaxPathBytes);
  }
  while (path.size() > kMaxNameBytes) {
    const size_t slash = std::min(path.find('/'), path.size());
    if (slash > kMaxNameBytes) {
      return absl::StrCat("a name of ", slash, " bytes in the path; at most ",
                          kMaxNameBytes);
    }
    path.remove_prefix(slash + 1);
  }
  return "";
}

}  // namespace dmdax
