// SPDX-License-Identifier: Apache-2.0
//
// The words for page sizes, the same for every verb and in either case: "4k",
// "2M", "pmd", "PUD", "huge".
//
// An option that takes "4k" and "2m" takes PMD for "2m", and of 3m it is said
// that it is neither.
// Threading: pure functions.
#ifndef DMDAX_TOOLS_PAGE_WORD_H_
#define DMDAX_TOOLS_PAGE_WORD_H_

#include <optional>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"

namespace dmdax {

enum class PageSize { k4K, k2M, k1G };

// What an option takes: a word of its own, in either case, and for one of a
// page size all that mean the same.
struct OptionWord {
  std::string word;  // what the option's value becomes
  std::optional<PageSize> page = std::nullopt;
};
CLI::Validator OneOfWords(std::vector<OptionWord> words);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_PAGE_WORD_H_
