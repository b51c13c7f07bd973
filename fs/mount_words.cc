// SPDX-License-Identifier: Apache-2.0
#include "fs/mount_words.h"

#include <algorithm>
#include <cstddef>
#include <iterator>

#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace dmdax {

namespace {

// Up to the next comma that is not within quotes.
// Mirrors: opt_len() of security/selinux/hooks.c.
size_t QuotedLength(absl::string_view options) {
  bool open = false;
  size_t length = 0;
  for (; length < options.size(); ++length) {
    if (options[length] == '"') open = !open;
    if (options[length] == ',' && !open) break;
  }
  return length;
}

}  // namespace

bool IsSecurityWord(absl::string_view word) {
  const absl::string_view name = word.substr(0, word.find('='));
  constexpr absl::string_view kNames[] = {"context", "fscontext", "defcontext",
                                          "rootcontext", "seclabel"};
  return std::find(std::begin(kNames), std::end(kNames), name) !=
         std::end(kNames);
}

std::vector<absl::string_view> MountWords(absl::string_view options) {
  std::vector<absl::string_view> words;
  while (!options.empty()) {
    const size_t length = QuotedLength(options);
    const absl::string_view piece = options.substr(0, length);
    if (IsSecurityWord(piece)) {
      words.push_back(piece);
    } else {
      // To all others a quote is a letter.
      for (absl::string_view word :
           absl::StrSplit(piece, ',', absl::SkipEmpty())) {
        words.push_back(word);
      }
    }
    options.remove_prefix(std::min(length + 1, options.size()));
  }
  return words;
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
