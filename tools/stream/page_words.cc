// SPDX-License-Identifier: Apache-2.0
#include "tools/stream/page_words.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <optional>

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "formats/plain_digits.h"
#include "tools/byte_count.h"

namespace dmdax {
namespace {

constexpr size_t kDigits = 8;       // read at once
constexpr size_t kMostQuoted = 40;  // bytes of a word that an error shows
constexpr uint64_t kTens[kDigits] = {1,      10,      100,       1000,
                                     10'000, 100'000, 1'000'000, 10'000'000};

constexpr uint64_t EachByte(uint64_t byte) { return byte * 0x0101010101010101; }

// Eight bytes at once, the first one lowest.  Digits become 0 to 9.
uint64_t LoadDigits(const char* at) {
  uint64_t chunk;
  memcpy(&chunk, at, sizeof chunk);
  return chunk ^ EachByte('0');
}

// How many of the bytes are digits, from the first one on.
size_t CountDigits(uint64_t chunk) {
  // The sum has a byte's upper bit if its lower seven are 10 or more.
  const uint64_t others =
      (((chunk & EachByte(0x7f)) + EachByte(0x76)) | chunk) & EachByte(0x80);
  return static_cast<size_t>(std::countr_zero(others)) / 8;
}

// The number of the first `digits` of them, which are not 0: these are moved to
// the upper end, and then added in pairs, fours and eights.
uint64_t NumberOf(uint64_t chunk, size_t digits) {
  constexpr uint64_t kPairs = 0x000000ff000000ff;
  chunk <<= 64 - 8 * digits;
  chunk = chunk * 10 + (chunk >> 8);
  return ((chunk & kPairs) * (100 + (uint64_t{1'000'000} << 32)) +
          ((chunk >> 16) & kPairs) * (1 + (uint64_t{10'000} << 32))) >>
         32;
}

// The digits of a plain number of at most 15 at `at`; 0 for anything else.
inline size_t ShortNumber(const char* at, const char* end, uint64_t* value) {
  if constexpr (std::endian::native != std::endian::little) {
    const size_t digits = PlainDigits(at, end, value);
    return digits < 2 * kDigits ? digits : 0;
  }
  const uint64_t first = LoadDigits(at);
  const size_t digits = CountDigits(first);
  if (digits < kDigits) [[likely]] {
    // Moved by 64 bits a number would be undefined.
    *value = digits == 0 ? 0 : NumberOf(first, digits);
    return digits;
  }
  const uint64_t second = LoadDigits(at + kDigits);
  const size_t more = CountDigits(second);
  if (more == kDigits) return 0;
  *value = NumberOf(first, kDigits) * kTens[more] +
           (more == 0 ? 0 : NumberOf(second, more));
  return kDigits + more;
}

// Counts in bytes, of which a vector has many, as long as they can not
// overflow.
uint64_t CountNewlines(const char* at, const char* end) {
  constexpr ptrdiff_t kAtOnce = 240;
  uint64_t newlines = 0;
  for (; end - at >= kAtOnce; at += kAtOnce) {
    uint8_t some = 0;
    for (ptrdiff_t i = 0; i < kAtOnce; ++i) some += at[i] == '\n';
    newlines += some;
  }
  for (; at < end; ++at) newlines += *at == '\n' ? 1 : 0;
  return newlines;
}

}  // namespace

absl::StatusOr<pgoff_t> ParsePage(absl::string_view text) {
  if (text.size() > kLongestPageWord) {
    return ErrnoError(
        EINVAL, absl::StrCat("'", text.substr(0, kMostQuoted),
                             "...' is not a page offset: it has more than ",
                             kLongestPageWord, " bytes"));
  }
  const std::optional<uint64_t> page = ParseNumber(text);
  if (!page) {
    return ErrnoError(EINVAL, absl::StrCat("'", text.substr(0, kMostQuoted),
                                           "' is not a page offset (0 to "
                                           "2^64-1, decimal or 0x...)"));
  }
  return pgoff_t(*page);
}

absl::string_view PageWordAt(const char* at, const char* end) {
  return {at, static_cast<size_t>(std::find_if(at, end, IsWordSpace) - at)};
}

PageWords ReadPageWords(const char* at, const char* end, pgoff_t* pages) {
  pgoff_t* out = pages;
  while (true) {
    // The newline at the end is where this ends.
    while (IsWordSpace(*at)) {
      if (at == end) return {static_cast<size_t>(out - pages), end};
      ++at;
    }
    uint64_t page;
    const size_t digits = ShortNumber(at, end, &page);
    if (digits != 0 && IsWordSpace(at[digits])) [[likely]] {
      *out++ = pgoff_t(page);
      at += digits;
      continue;
    }
    const absl::string_view word = PageWordAt(at, end);
    const absl::StatusOr<pgoff_t> other = ParsePage(word);
    if (!other.ok()) return {static_cast<size_t>(out - pages), at};
    *out++ = *other;
    at += word.size();
  }
}

TextPlace TextPlace::Of(absl::string_view text) {
  const size_t last = text.rfind('\n');
  if (last == absl::string_view::npos) return {0, text.size()};
  return {CountNewlines(text.data(), text.data() + last + 1),
          text.size() - last - 1};
}

}  // namespace dmdax
