// SPDX-License-Identifier: Apache-2.0
#include "tools/check/locked_file.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/one_line.h"

namespace dmdax {
namespace {

// `number`: the place among the steps of the file, which go by their names.
CureStep StepLike(const CureStep& other, const std::string& path,
                  absl::string_view number, std::string command) {
  CureStep step = other;
  step.about = absl::StrCat(path, " ", number);
  step.command = std::move(command);
  return step;
}

}  // namespace

std::string LockingFlags(const proto::File& file) {
  return absl::StrCat(file.append_only() ? "a" : "",
                      file.immutable() ? "i" : "");
}

std::string UnlockCommand(const std::string& flags, const std::string& path) {
  return absl::StrCat("chattr -", flags, " ", ShellWord(path));
}

void LockBehind(const std::string& flags, const std::string& path,
                std::vector<CureStep>* steps) {
  if (flags.empty() || steps->empty()) return;
  steps->push_back(
      StepLike(steps->back(), path, "99",
               absl::StrCat("chattr +", flags, " ", ShellWord(path))));
}

void UnlockAround(const std::string& flags, const std::string& path,
                  std::vector<CureStep>* steps) {
  if (flags.empty() || steps->empty()) return;
  LockBehind(flags, path, steps);
  steps->insert(steps->begin(),
                StepLike(steps->back(), path, "0", UnlockCommand(flags, path)));
}

}  // namespace dmdax
