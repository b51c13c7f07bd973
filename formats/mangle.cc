// SPDX-License-Identifier: Apache-2.0
#include "formats/mangle.h"

#include <cstdio>
#include <cstring>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace dmdax {
namespace {

// The characters that udev allows.
bool IsWhitelisted(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
         absl::StrContains("#+-.:=@_", absl::string_view(&c, 1));
}

// "\\x": what follows counts as a number, whatever it is.
bool StartsEscape(absl::string_view s) { return absl::StartsWith(s, "\\x"); }

}  // namespace

absl::Status CheckMangledOnce(absl::string_view s, absl::string_view what,
                              MangleMode mode) {
  if (mode != MangleMode::kAuto || !absl::StrContains(s, "\\x5cx")) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("The ", what, " \"", s,
                   "\" seems to be mangled more than once. "
                   "This is not allowed in auto mode."));
}

absl::StatusOr<std::string> Mangle(absl::string_view s, absl::string_view what,
                                   size_t max, MangleMode mode) {
  const bool keeps_mangled = mode != MangleMode::kHex;
  std::string mangled;
  bool was_mangled = false, needs_mangling = false;
  const auto mixed = [&] {
    return absl::InvalidArgumentError(
        absl::StrCat("The ", what, " \"", s,
                     "\" contains mixed mangled and unmangled characters or "
                     "it's already mangled improperly."));
  };
  const auto too_long = [&] {
    return absl::InvalidArgumentError(absl::StrCat(
        "Mangled form of the ", what, " too long for \"", s, "\"."));
  };
  // The NUL that ends it counts.
  const auto has_room = [&](size_t n) { return mangled.size() + n <= max + 1; };
  constexpr size_t kEscape = 4;
  for (size_t i = 0; i < s.size(); ++i) {
    if (keeps_mangled && StartsEscape(s.substr(i))) {
      if (s.size() - i < kEscape || needs_mangling) return mixed();
      if (!has_room(kEscape)) return too_long();
      was_mangled = true;
      absl::StrAppend(&mangled, s.substr(i, kEscape));
      i += kEscape - 1;
    } else if (IsWhitelisted(s[i])) {
      if (!has_room(1)) return too_long();
      mangled.push_back(s[i]);
    } else {
      if (keeps_mangled && was_mangled) return mixed();
      if (!has_room(kEscape)) return too_long();
      needs_mangling = true;
      absl::StrAppendFormat(&mangled, "\\x%02x",
                            static_cast<unsigned char>(s[i]));
    }
  }
  if (!has_room(1)) return too_long();
  return mangled;
}

bool IsMangled(absl::string_view s) {
  for (const char c : s) {
    if (!IsWhitelisted(c) && c != '\\') return false;
  }
  return true;
}

std::string Unmangle(absl::string_view s) {
  std::string text;
  bool applied = false;
  for (size_t i = 0; i < s.size(); ++i) {
    if (!StartsEscape(s.substr(i))) {
      text.push_back(s[i]);
      continue;
    }
    const std::string digits(s.substr(i + 2, 2));
    unsigned code = 0;
    if (sscanf(digits.c_str(), "%2x", &code) == 0) break;
    text.push_back(static_cast<char>(code));
    applied = true;
    i += 3;
  }
  // A text in which nothing was decoded stays whole.
  if (!applied) text = std::string(s);
  // The text ends at a NUL, as a C string does.
  text.resize(strlen(text.c_str()));
  return text;
}

}  // namespace dmdax
