// SPDX-License-Identifier: Apache-2.0
//
// A line in three steps without a loop over its bytes:
//
//   1. 64 bytes are compared with blank and newline at once; the bits say
//      where the five words are.  A byte at a time this is where a parser
//      spends its time: a jump a byte, mispredicted at each word's end.
//   2. "linear" is one comparison of 8 bytes, the device a look into a cache.
//   3. The three numbers are made together: 16 digits each, ending where the
//      word ends, weighted and added in pairs, then fours, then eights.  What
//      is left of a word is masked out, what is no digit found on the way.
//
// With AVX-512 the same three steps were slower (measured with `load:N/parse`):
// what bounds them is the way from the comparison to the next line's address,
// and bits in mask registers take longer to become a number.  So there is one
// form, and machines with AVX-512 use it too.
#include "formats/linear_text_simd.h"

#ifdef __x86_64__
#include <immintrin.h>

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

// False: not the line that we want.
[[gnu::always_inline]] inline bool FindWords(const char* at, uint64_t spaces,
                                             uint64_t newlines, Words* w) {
  if (newlines == 0) return false;
  spaces &= newlines ^ (newlines - 1);  // of this line only
  w->end = static_cast<uint64_t>(__builtin_ctzll(newlines));
  uint64_t left = spaces;
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
[[gnu::always_inline]] inline bool AddRow(LinearTextRows& rows, const Words& w,
                                          uint64_t begin, uint64_t length,
                                          uint64_t start) {
  uint32_t device;
  if (begin != rows.next) return false;
  if (!rows.devices->Find(
          {rows.at + w.space[2] + 1, w.space[3] - w.space[2] - 1}, &device)) {
    return false;
  }
  rows.Add(length, device, start);
  rows.at += w.end + 1;
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
[[gnu::target("avx2"), gnu::always_inline]] inline uint64_t Which(__m256i low,
                                                                  __m256i high,
                                                                  char c) {
  const __m256i what = _mm256_set1_epi8(c);
  const int low_bits = _mm256_movemask_epi8(_mm256_cmpeq_epi8(low, what));
  const int high_bits = _mm256_movemask_epi8(_mm256_cmpeq_epi8(high, what));
  return static_cast<uint32_t>(low_bits) |
         uint64_t{static_cast<uint32_t>(high_bits)} << 32;
}

}  // namespace

[[gnu::target("avx2,bmi,bmi2")]] void LinearTextAvx2(LinearTextRows& in) {
  LinearTextRows rows = in;  // in registers: nothing may point to it
  if (rows.at - rows.begin < kInFront) return;
  while (rows.end - rows.at >= kFromHere && rows.count < rows.room) {
    const char* const at = rows.at;
    const __m256i low =
        _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
    const __m256i high =
        _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at + 32));
    Words w;
    if (!FindWords(at, Which(low, high, ' '), Which(low, high, '\n'), &w)) {
      break;
    }
    __m256i odd = _mm256_setzero_si256();
    const __m256i first =
        TwoNumbers(at + w.space[0], w.space[0], at + w.space[1],
                   w.space[1] - w.space[0] - 1, &odd);
    const char* const end = at + w.end;
    const uint64_t size = w.end - w.space[3] - 1;
    const __m256i start = TwoNumbers(end, size, end, size, &odd);
    if (!_mm256_testz_si256(odd, odd)) break;
    if (!AddRow(rows, w, static_cast<uint64_t>(_mm256_extract_epi64(first, 0)),
                static_cast<uint64_t>(_mm256_extract_epi64(first, 2)),
                static_cast<uint64_t>(_mm256_extract_epi64(start, 0)))) {
      break;
    }
  }
  in = rows;
}

}  // namespace dmdax

#endif  // __x86_64__
