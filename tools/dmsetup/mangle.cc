// SPDX-License-Identifier: Apache-2.0
#include "tools/dmsetup/mangle.h"

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace dmdax {
namespace {

// What udev lets through.
bool IsWhitelisted(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
         absl::StrContains("#+-.:=@_", absl::string_view(&c, 1));
}

bool IsMangledChar(absl::string_view s) {
  return s.size() >= 4 && s[0] == '\\' && s[1] == 'x' &&
         absl::ascii_isxdigit(static_cast<unsigned char>(s[2])) &&
         absl::ascii_isxdigit(static_cast<unsigned char>(s[3]));
}

}  // namespace

absl::StatusOr<std::string> Mangle(absl::string_view s, absl::string_view what,
                                   size_t max, MangleMode mode) {
  if (mode == MangleMode::kNone || s.empty()) return std::string(s);
  if (mode == MangleMode::kAuto && absl::StrContains(s, "\\x5cx")) {
    return absl::InvalidArgumentError(
        absl::StrCat("The ", what, " \"", s,
                     "\" seems to be mangled more than once. "
                     "This is not allowed in auto mode."));
  }
  std::string mangled;
  bool was_mangled = false, needs_mangling = false;
  for (size_t i = 0; i < s.size(); ++i) {
    if (mode == MangleMode::kAuto && IsMangledChar(s.substr(i))) {
      was_mangled = true;
      absl::StrAppend(&mangled, s.substr(i, 4));
      i += 3;
    } else if (IsWhitelisted(s[i])) {
      mangled.push_back(s[i]);
    } else {
      needs_mangling = true;
      absl::StrAppendFormat(&mangled, "\\x%02x",
                            static_cast<unsigned char>(s[i]));
    }
    if (mode == MangleMode::kAuto && was_mangled && needs_mangling) {
      return absl::InvalidArgumentError(
          absl::StrCat("The ", what, " \"", s,
                       "\" contains mixed mangled and unmangled characters or "
                       "it's already mangled improperly."));
    }
    if (mangled.size() > max) {
      return absl::InvalidArgumentError(absl::StrCat(
          "Mangled form of the ", what, " too long for \"", s, "\"."));
    }
  }
  return mangled;
}

std::string MangledAs(absl::string_view s, absl::string_view what,
                      MangleMode mode) {
  const bool plain = mode == MangleMode::kNone;
  constexpr size_t kAnyLength = 4096;
  return Mangle(plain ? std::string(s) : Unmangle(s), what, kAnyLength,
                plain ? MangleMode::kAuto : mode)
      .value_or(std::string(s));
}

bool IsMangled(absl::string_view s) {
  for (const char c : s) {
    if (!IsWhitelisted(c) && c != '\\') return false;
  }
  return true;
}

std::string Unmangle(absl::string_view s) {
  std::string plain;
  while (!s.empty()) {
    if (!IsMangledChar(s)) {
      plain.push_back(s[0]);
      s.remove_prefix(1);
      continue;
    }
    absl::StrAppend(&plain, absl::HexStringToBytes(s.substr(2, 2)));
    s.remove_prefix(4);
  }
  return plain;
}

}  // namespace dmdax
