// SPDX-License-Identifier: Apache-2.0
#include "dm/dm_split_args.h"

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "base/kstrtox.h"

namespace dmdax {

absl::StatusOr<std::vector<std::string>> DmSplitArgs(absl::string_view params) {
  std::vector<std::string> argv;
  size_t i = 0;
  while (true) {
    while (i < params.size() && KernelIsSpace(params[i])) ++i;
    if (i == params.size()) return argv;
    if (argv.size() == kMaxSplitArgs) {
      return ErrnoError(ENOMEM,
                        absl::StrCat("more than ", kMaxSplitArgs, " words"));
    }
    std::string& word = argv.emplace_back();
    while (i < params.size() && !KernelIsSpace(params[i])) {
      if (params[i] == '\\' && i + 1 < params.size()) ++i;
      word.push_back(params[i++]);
    }
  }
}

std::string DmEscapeArg(absl::string_view word) {
  std::string escaped;
  escaped.reserve(word.size());
  for (char c : word) {
    if (c == '\\' || KernelIsSpace(c)) escaped.push_back('\\');
    escaped.push_back(c);
  }
  return escaped;
}

}  // namespace dmdax
