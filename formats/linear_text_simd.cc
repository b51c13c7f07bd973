// SPDX-License-Identifier: Apache-2.0
//
// A line in three steps without a loop over its bytes:
//
//   1. 64 bytes are compared with a blank at once; the bits say where the five
//      words are.  A byte at a time this is where a parser spends its time: a
//      jump a byte, mispredicted at each word's end.
//   2. "linear" is one comparison of 8 bytes, the device a look into a cache.
//   3. The three numbers are made together: 16 digits each, ending where the
//      word ends, weighted and added in pairs, then fours, then eights.  What
//      is left of a word is masked out, what is no digit found on the way.
//
// Before that the newlines of some lines are looked for.  If each line said
// where the next begins, the processor would wait for that of every line, from
// the comparison to the address, and could not read several at once.
//
// With AVX-512 the same steps were slower (measured with `load:N/parse`): bits
// in mask registers take longer to become a number.  So there is one form, and
// machines with AVX-512 use it too.
#include "formats/linear_text_simd.h"

#ifdef __x86_64__
#include <immintrin.h>

#include <algorithm>
#include <cstring>

namespace dmdax {
namespace {

constexpr uint64_t kDigits = 16;
// Readable bytes: for the last digits before a line, and for 8 bytes that
// begin in its 64.
constexpr ptrdiff_t kInFront = kDigits;
constexpr ptrdiff_t kFromHere = 64 + 8;
constexpr int kTimes10 = 0x010a;              // bytes 10, 1
constexpr int kTimes100 = 100 | 1 << 16;      // words
constexpr int kTimes10000 = 10000 | 1 << 16;  // words
constexpr int64_t kTimes100000000 = 100'000'000;

// Where the words of a line are, from its first byte.
struct Words {
  uint64_t space[4];  // the blanks between them
  uint64_t end;       // the newline
};

// Of a line whose newline is known.  False: it does not have this form.
[[gnu::always_inline]] inline bool FindWords(const char* at, uint64_t spaces,
                                             Words* w) {
  uint64_t left = spaces & ((uint64_t{1} << w->end) - 1);  // of this line only
#pragma GCC unroll 4
  for (uint64_t& space : w->space) {
    if (left == 0) return false;
    space = static_cast<uint64_t>(__builtin_ctzll(left));
    left &= left - 1;
  }
  uint64_t word, linear;
  memcpy(&word, at + w->space[1], 8);
  memcpy(&linear, " linear ", 8);
  // Lengths less one: an empty word becomes a long one.
  const uint64_t long_word = (w->space[0] - 1) |
                             (w->space[1] - w->space[0] - 2) |
                             (w->end - w->space[3] - 2);
  // A start with a 0 in front, a device of no bytes, a fifth blank.
  const bool odd = ((at[w->space[3] + 1] == '0') & (w->end - w->space[3] > 2)) |
                   (w->space[3] - w->space[2] < 2) | (left != 0);
  return !odd && long_word < kDigits && word == linear &&
         w->space[2] == w->space[1] + 7;
}

// The rest of a row whose numbers are known.
[[gnu::always_inline]] inline bool AddRow(LinearTextRows& rows, const char* at,
                                          const Words& w, uint64_t begin,
                                          uint64_t length, uint64_t start) {
  uint32_t device;
  if (begin != rows.next) return false;
  if (!rows.devices->Find({at + w.space[2] + 1, w.space[3] - w.space[2] - 1},
                          &device)) {
    return false;
  }
  rows.Add(length, device, start);
  return true;
}

// 16 bytes at [n] are n bytes of ones behind zeros.
alignas(32) constexpr uint8_t kOwn[32] = {
    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,
    0,    0,    0,    0,    0,    0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

[[gnu::target("avx2"), gnu::always_inline]] inline __m128i Bytes16(
    const void* at) {
  return _mm_loadu_si128(static_cast<const __m128i*>(at));
}

// Two numbers, each of `size` digits that end at `end`; *odd if there is
// something else.
[[gnu::target("avx2"), gnu::always_inline]] inline __m256i TwoNumbers(
    const char* end0, uint64_t size0, const char* end1, uint64_t size1,
    __m256i* odd) {
  const __m256i mine =
      _mm256_set_m128i(Bytes16(kOwn + size1), Bytes16(kOwn + size0));
  __m256i d =
      _mm256_set_m128i(Bytes16(end1 - kDigits), Bytes16(end0 - kDigits));
  d = _mm256_and_si256(mine, _mm256_sub_epi8(d, _mm256_set1_epi8('0')));
  *odd = _mm256_or_si256(*odd, _mm256_subs_epu8(d, _mm256_set1_epi8(9)));
  d = _mm256_maddubs_epi16(d, _mm256_set1_epi16(kTimes10));
  d = _mm256_madd_epi16(d, _mm256_set1_epi32(kTimes100));
  d = _mm256_packus_epi32(d, d);
  d = _mm256_madd_epi16(d, _mm256_set1_epi32(kTimes10000));
  return _mm256_add_epi64(
      _mm256_mul_epu32(d, _mm256_set1_epi64x(kTimes100000000)),
      _mm256_srli_epi64(d, 32));
}

// A bit for each of 64 bytes that is `c`.
[[gnu::target("avx2"), gnu::always_inline]] inline uint64_t Which(
    const char* at, char c) {
  const __m256i what = _mm256_set1_epi8(c);
  const auto* const bytes = reinterpret_cast<const __m256i*>(at);
  const int low =
      _mm256_movemask_epi8(_mm256_cmpeq_epi8(_mm256_loadu_si256(bytes), what));
  const int high = _mm256_movemask_epi8(
      _mm256_cmpeq_epi8(_mm256_loadu_si256(bytes + 1), what));
  return static_cast<uint32_t>(low) | uint64_t{static_cast<uint32_t>(high)}
                                          << 32;
}

// The newlines of the next bytes, by their distance from the first.
class LineEnds {
 public:
  static constexpr size_t kMost = 2048;  // bytes

  // Of `bytes` from `begin` on: a multiple of 64, and at most kMost.
  [[gnu::target("avx2,bmi,popcnt"), gnu::always_inline]] inline void Find(
      const char* begin, size_t bytes) {
    size_ = 0;
    for (size_t at = 0; at < bytes; at += 64) {
      Add(static_cast<uint16_t>(at), Which(begin + at, '\n'));
    }
  }
  size_t size() const { return size_; }
  uint64_t operator[](size_t i) const { return ends_[i]; }

 private:
  // So many in 64 bytes are stored without a jump.
  static constexpr size_t kUsual = 4;

  [[gnu::target("avx2,bmi,popcnt"), gnu::always_inline]] inline void Add(
      uint16_t at, uint64_t newlines) {
    const auto many = static_cast<size_t>(__builtin_popcountll(newlines));
    uint16_t* const to = ends_ + size_;
#pragma GCC unroll 4
    for (size_t i = 0; i < kUsual; ++i) {
      to[i] = static_cast<uint16_t>(at + _tzcnt_u64(newlines));
      newlines &= newlines - 1;
    }
    for (size_t i = kUsual; i < many; ++i) {
      to[i] = static_cast<uint16_t>(at + _tzcnt_u64(newlines));
      newlines &= newlines - 1;
    }
    size_ += many;
  }

  size_t size_ = 0;
  uint16_t ends_[kMost + kUsual];
};

// The row that ends at the newline; false, and nothing is taken: it is none of
// the usual.
[[gnu::target("avx2,bmi,bmi2"), gnu::always_inline]] inline bool ReadRow(
    LinearTextRows& rows, const char* at, const char* newline) {
  Words w;
  w.end = static_cast<uint64_t>(newline - at);
  if (w.end >= 64 || !FindWords(at, Which(at, ' '), &w)) return false;
  __m256i odd = _mm256_setzero_si256();
  const __m256i first = TwoNumbers(at + w.space[0], w.space[0], at + w.space[1],
                                   w.space[1] - w.space[0] - 1, &odd);
  const uint64_t size = w.end - w.space[3] - 1;
  const __m256i start = TwoNumbers(newline, size, newline, size, &odd);
  if (!_mm256_testz_si256(odd, odd)) return false;
  return AddRow(rows, at, w,
                static_cast<uint64_t>(_mm256_extract_epi64(first, 0)),
                static_cast<uint64_t>(_mm256_extract_epi64(first, 2)),
                static_cast<uint64_t>(_mm256_extract_epi64(start, 0)));
}

}  // namespace

[[gnu::target("avx2,bmi,bmi2,popcnt")]] void LinearTextAvx2(
    LinearTextRows& in) {
  LinearTextRows rows = in;  // in registers: nothing may point to it
  if (rows.at - rows.begin < kInFront) return;
  LineEnds ends;
  while (rows.end - rows.at >= kFromHere + 64) {
    const char* const first = rows.at;
    // A line that begins here has all the bytes that are read of it.
    const auto bytes = static_cast<size_t>(rows.end - first - kFromHere);
    ends.Find(first, std::min(bytes / 64 * 64, LineEnds::kMost));
    const char* at = first;
    size_t i = 0;
    for (; i < ends.size() && rows.count < rows.room; ++i) {
      const char* const newline = first + ends[i];
      if (!ReadRow(rows, at, newline)) break;
      at = newline + 1;
    }
    rows.at = at;
    // No newline is a long line.
    if (i == 0 || i < ends.size()) break;
  }
  in = rows;
}

}  // namespace dmdax

#endif  // __x86_64__
