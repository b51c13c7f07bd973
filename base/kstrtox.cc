// SPDX-License-Identifier: Apache-2.0
#include "base/kstrtox.h"

#include <cerrno>
#include <limits>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/errno_status.h"

namespace dmdax {
namespace {

absl::Status NotANumber(absl::string_view s) {
  return ErrnoError(EINVAL, absl::StrCat("'", s, "' is not a number"));
}

// The digits of `s` as a number, or false when there is none or something
// else.  `overflowed` tells whether 64 bits were not enough; the value is then
// the true one modulo 2^64.
bool ParseDigits(absl::string_view s, uint64_t* value, bool* overflowed) {
  *value = 0;
  *overflowed = false;
  if (s.empty()) return false;
  for (char c : s) {
    if (!absl::ascii_isdigit(static_cast<unsigned char>(c))) return false;
    const uint64_t digit = static_cast<uint64_t>(c - '0');
    if (*value > (std::numeric_limits<uint64_t>::max() - digit) / 10) {
      *overflowed = true;
    }
    *value = *value * 10 + digit;
  }
  return true;
}

}  // namespace

bool KernelIsSpace(char c) {
  const unsigned char u = static_cast<unsigned char>(c);
  return (u >= 0x09 && u <= 0x0d) || u == 0x20 || u == 0xa0;
}

absl::StatusOr<uint64_t> SscanfU64(absl::string_view s,
                                   SscanfOverflow overflow) {
  absl::string_view digits = s;
  while (!digits.empty() && KernelIsSpace(digits.front())) {
    digits.remove_prefix(1);
  }
  uint64_t value;
  bool overflowed;
  if (!ParseDigits(digits, &value, &overflowed)) return NotANumber(s);
  if (overflowed && overflow == SscanfOverflow::kSaturates) {
    return std::numeric_limits<uint64_t>::max();
  }
  return value;
}

absl::StatusOr<uint32_t> SscanfU32(absl::string_view s,
                                   SscanfOverflow overflow) {
  absl::StatusOr<uint64_t> wide = SscanfU64(s, overflow);
  if (!wide.ok()) return wide.status();
  return static_cast<uint32_t>(*wide);
}

absl::StatusOr<uint64_t> KstrtoU64(absl::string_view s) {
  absl::string_view digits = s;
  if (!digits.empty() && digits.front() == '+') digits.remove_prefix(1);
  if (!digits.empty() && digits.back() == '\n') digits.remove_suffix(1);
  uint64_t value;
  bool overflowed;
  if (!ParseDigits(digits, &value, &overflowed)) return NotANumber(s);
  if (overflowed) {
    return ErrnoError(ERANGE, absl::StrCat("'", s, "' is above 2^64-1"));
  }
  return value;
}

absl::StatusOr<uint32_t> KstrtoU32(absl::string_view s) {
  absl::StatusOr<uint64_t> wide = KstrtoU64(s);
  if (!wide.ok()) return wide.status();
  if (*wide > std::numeric_limits<uint32_t>::max()) {
    return ErrnoError(ERANGE, absl::StrCat("'", s, "' is above 2^32-1"));
  }
  return static_cast<uint32_t>(*wide);
}

}  // namespace dmdax
