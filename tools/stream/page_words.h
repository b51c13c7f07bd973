// SPDX-License-Identifier: Apache-2.0
//
// Page words: page offsets written as words of a text, by the million.
//
//   ParsePage("0x10")->value();  // 16
//
// ReadPageWords() reads many, and nearly all of them as plain numbers, eight
// digits with a few multiplications; what is anything else is left to
// ParsePage().
// Threading: pure functions.
#ifndef DMDAX_TOOLS_STREAM_PAGE_WORDS_H_
#define DMDAX_TOOLS_STREAM_PAGE_WORDS_H_

#include <cstddef>
#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/units.h"

namespace dmdax {

// A longer word is no page offset, even if it is mostly zeros.
inline constexpr size_t kLongestPageWord = 64;
// Bytes behind a text that ReadPageWords() may look at.
inline constexpr size_t kPageWordsSlack = 16;

// "16", "0x10".  EINVAL.
absl::StatusOr<pgoff_t> ParsePage(absl::string_view text);

// What white space is between the words, in any locale.
constexpr bool IsWordSpace(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

struct PageWords {
  size_t count;      // of pages that were read
  const char* stop;  // the first word that is no page offset, or the end
};

// Reads the words of [at, end) into `pages`, which has room for one for every
// two bytes and one more.  *end is a newline, and kPageWordsSlack bytes from
// there on can be read.
PageWords ReadPageWords(const char* at, const char* end, pgoff_t* pages);

// The word at `at`.
absl::string_view PageWordAt(const char* at, const char* end);

// How far a text goes: how many newlines it has, and how many bytes there are
// behind the last one, or in all of it.
struct TextPlace {
  uint64_t newlines = 0;
  uint64_t bytes = 0;

  static TextPlace Of(absl::string_view text);
  // The place at the end of more text.
  TextPlace Then(const TextPlace& more) const {
    return more.newlines == 0 ? TextPlace{newlines, bytes + more.bytes}
                              : TextPlace{newlines + more.newlines, more.bytes};
  }
};

}  // namespace dmdax

#endif  // DMDAX_TOOLS_STREAM_PAGE_WORDS_H_
