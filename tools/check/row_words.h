// SPDX-License-Identifier: Apache-2.0
//
// RowWords: the words behind a target's name, one after the other.
//
//   RowWords words(TargetWords(row));
//   words.Skip(words.NextNumber());
//
// That is past both arguments of "2 noflush 100".  Behind the last one each
// word is "", and each number 0. Threading: thread-compatible.
#ifndef DMDAX_TOOLS_CHECK_ROW_WORDS_H_
#define DMDAX_TOOLS_CHECK_ROW_WORDS_H_

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"

namespace dmdax {

class RowWords {
 public:
  explicit RowWords(std::vector<std::string> words)
      : words_(std::move(words)) {}
  std::string Next() { return at_ < words_.size() ? words_[at_++] : ""; }
  uint64_t NextNumber() {
    uint64_t n = 0;
    return absl::SimpleAtoi(Next(), &n) ? n : 0;
  }
  void Skip(uint64_t n) { at_ += std::min<uint64_t>(n, words_.size() - at_); }

 private:
  const std::vector<std::string> words_;
  size_t at_ = 0;
};

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CHECK_ROW_WORDS_H_
