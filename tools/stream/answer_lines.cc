// SPDX-License-Identifier: Apache-2.0
#include "tools/stream/answer_lines.h"

#include <bit>
#include <charconv>
#include <cstring>
#include <string>

#include "base/errno_status.h"

namespace dmdax {
namespace {

constexpr uint64_t kEightDigits = 100'000'000;  // the first that has more
constexpr int kHexDigits = 8;                   // made at once

// Puts text at `at` and returns its end.  The zero behind it is stored too,
// which makes most of ours one store of eight bytes.
template <size_t n>
[[gnu::always_inline]] inline char* PutWord(char* at, const char (&text)[n]) {
  memcpy(at, text, n);
  return at + n - 1;
}

[[gnu::always_inline]] inline void Store(char* at, uint64_t bytes) {
  memcpy(at, &bytes, sizeof bytes);
}

// The digits of n < 10^8 as bytes from 0 to 9, the first one lowest.  A
// division by 100 or 10 is a multiplication; two or four are made at once.
[[gnu::always_inline]] inline uint64_t DigitsOf(uint64_t n) {
  const uint64_t fours = n / 10'000 | (n % 10'000) << 32;
  const uint64_t hundreds =
      ((fours * 10486) >> 20) & (uint64_t{0x7f} << 32 | 0x7f);
  const uint64_t twos = ((fours - 100 * hundreds) << 16) + hundreds;
  const uint64_t tens = ((twos * 103) >> 10) & 0x000f'000f'000f'000f;
  return tens + ((twos - 10 * tens) << 8);
}

// The upper `digits` hexadecimal digits of 32 bits as text, the first lowest.
[[gnu::always_inline]] inline uint64_t HexOf(uint64_t n) {
  // Spread so that each byte has four bits.
  n = (n << 16 | n) & 0x0000'ffff'0000'ffff;
  n = (n << 8 | n) & 0x00ff'00ff'00ff'00ff;
  n = (n << 4 | n) & 0x0f0f'0f0f'0f0f'0f0f;
  // Those from 10 on are letters.
  const uint64_t letters =
      ((n + 0x0606'0606'0606'0606) >> 4) & 0x0101'0101'0101'0101;
  return __builtin_bswap64(n + 0x3030'3030'3030'3030 +
                           letters * ('a' - '0' - 10));
}

[[gnu::always_inline]] inline char* Decimal(char* at, uint64_t n) {
  if constexpr (std::endian::native != std::endian::little) {
    return std::to_chars(at, at + 20, n).ptr;
  }
  if (n < 10) {
    *at = static_cast<char>('0' + n);
    return at + 1;
  }
  if (n >= kEightDigits) [[unlikely]] {
    return std::to_chars(at, at + 20, n).ptr;
  }
  const uint64_t digits = DigitsOf(n);
  const int zeros = std::countr_zero(digits) & ~7;  // bits, of those in front
  Store(at, (digits + 0x3030'3030'3030'3030) >> zeros);
  return at + 8 - zeros / 8;
}

[[gnu::always_inline]] inline int NrHexDigits(uint64_t n) {
  return (std::bit_width(n | 1) + 3) / 4;
}

[[gnu::always_inline]] inline char* Hex(char* at, uint64_t n) {
  if constexpr (std::endian::native != std::endian::little) {
    return std::to_chars(at, at + 16, n, 16).ptr;
  }
  const int digits = NrHexDigits(n);
  if (digits <= kHexDigits) [[likely]] {
    Store(at, HexOf(n << 4 * (kHexDigits - digits)));
  } else {
    n <<= 4 * (2 * kHexDigits - digits);
    Store(at, HexOf(n >> 32));
    Store(at + kHexDigits, HexOf(n & 0xffff'ffff));
  }
  return at + digits;
}

// What stands in front of the number of pages.
[[gnu::always_inline]] inline char* Frame(char* at, uint64_t pfn) {
  at = PutWord(at, " pfn 0x");
  const int digits = NrHexDigits(pfn);
  if (std::endian::native != std::endian::little || digits > kHexDigits ||
      pfn == 0) [[unlikely]] {
    at = PutWord(Hex(at, pfn), " phys 0x");
    return PutWord(Hex(at, PfnPhys(pfn_t(pfn))), " pages ");
  }
  // The address is the frame and three zeros.  Its digits must not be loaded
  // from where they were stored just now: the next word has been stored over
  // their end, and such a load waits for both.
  const uint64_t hex = HexOf(pfn << 4 * (kHexDigits - digits));
  Store(at, hex);
  at = PutWord(at + digits, " phys 0x");
  Store(at, hex);
  return PutWord(at + digits, "000 pages ");
}

[[gnu::always_inline]] inline char* Answer(char* at, uint64_t page,
                                           uint64_t pfn, int64_t pages) {
  at = Frame(Decimal(at, page), pfn);
  at = Decimal(at, static_cast<uint64_t>(pages));
  *at = '\n';
  return at + 1;
}

char* Error(char* at, uint64_t page, int err) {
  at = PutWord(Decimal(at, page), " -");
  const std::string name = ErrnoName(err);
  memcpy(at, name.data(), name.size());
  at += name.size();
  *at = '\n';
  return at + 1;
}

}  // namespace

char* PutDecimal(char* at, uint64_t n) { return Decimal(at, n); }
char* PutHex(char* at, uint64_t n) { return Hex(at, n); }

char* PutAnswerLines(char* at, absl::Span<const pgoff_t> pages,
                     absl::Span<const uint64_t> pfns,
                     absl::Span<const int64_t> rets) {
  // A span checks each index.
  const pgoff_t* const page = pages.data();
  const uint64_t* const pfn = pfns.data();
  const int64_t* const ret = rets.data();
  const size_t n = pages.size();
  for (size_t i = 0; i < n; ++i) {
    at = ret[i] >= 0 ? Answer(at, page[i].value(), pfn[i], ret[i])
                     : Error(at, page[i].value(), static_cast<int>(-ret[i]));
  }
  return at;
}

}  // namespace dmdax
