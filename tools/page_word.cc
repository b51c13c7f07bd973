// SPDX-License-Identifier: Apache-2.0
#include "tools/page_word.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace dmdax {
namespace {

constexpr std::pair<const char*, PageSize> kWords[] = {
    {"4k", PageSize::k4K},   {"4kb", PageSize::k4K}, {"4kib", PageSize::k4K},
    {"pte", PageSize::k4K},  {"2m", PageSize::k2M},  {"2mb", PageSize::k2M},
    {"2mib", PageSize::k2M}, {"pmd", PageSize::k2M}, {"huge", PageSize::k2M},
    {"1g", PageSize::k1G},   {"1gb", PageSize::k1G}, {"1gib", PageSize::k1G},
    {"pud", PageSize::k1G},
};

// Nothing: it is no such word.
std::optional<PageSize> PageSizeOfWord(absl::string_view word) {
  for (const auto& [known, page] : kWords) {
    if (absl::EqualsIgnoreCase(word, known)) return page;
  }
  return std::nullopt;
}

}  // namespace

CLI::Validator OneOfWords(std::vector<OptionWord> words) {
  std::string all, choices;
  for (size_t i = 0; i < words.size(); ++i) {
    absl::StrAppend(&all,
                    i == 0                  ? ""
                    : i + 1 == words.size() ? " or "
                                            : ", ",
                    words[i].word);
    absl::StrAppend(&choices, i == 0 ? "{" : ",", words[i].word);
  }
  choices += "}";
  return CLI::Validator(
      [words = std::move(words), all](std::string& said) {
        const std::optional<PageSize> page = PageSizeOfWord(said);
        for (const OptionWord& word : words) {
          if (!absl::EqualsIgnoreCase(said, word.word) &&
              !(page && page == word.page)) {
            continue;
          }
          said = word.word;
          return std::string();
        }
        return absl::StrCat("'", said.substr(0, 64), "' is not ", all);
      },
      // As CLI11 shows the values of CLI::IsMember, which completions offer.
      choices);
}

}  // namespace dmdax
