// SPDX-License-Identifier: Apache-2.0
#include "fs/mount_words.h"

#include <algorithm>

#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace dmdax {

std::vector<absl::string_view> MountWords(absl::string_view options) {
  return absl::StrSplit(options, ',', absl::SkipEmpty());
}

bool HasMountWord(absl::string_view options, absl::string_view word) {
  const std::vector<absl::string_view> words = MountWords(options);
  return std::find(words.begin(), words.end(), word) != words.end();
}

std::optional<absl::string_view> MountValue(absl::string_view options,
                                            absl::string_view name) {
  std::optional<absl::string_view> value;
  for (absl::string_view word : MountWords(options)) {
    if (absl::ConsumePrefix(&word, name) && absl::ConsumePrefix(&word, "=")) {
      value = word;
    }
  }
  return value;
}

}  // namespace dmdax
