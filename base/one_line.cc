// SPDX-License-Identifier: Apache-2.0
#include "base/one_line.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"

namespace dmdax {
namespace {

bool IsControl(char c) {
  return absl::ascii_iscntrl(static_cast<unsigned char>(c));
}

// What no shell takes for anything but itself, wherever it stands in a word
// that is not the first of a line.
bool IsPlain(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
         absl::string_view("_@%+=:,./-").find(c) != absl::string_view::npos;
}

}  // namespace

std::string OneLine(absl::string_view text) {
  std::string out;
  for (const char c : text) {
    if (IsControl(c)) {
      absl::StrAppendFormat(&out, "\\%03o", static_cast<unsigned char>(c));
    } else {
      out.push_back(c);
    }
  }
  return out;
}

std::string ShellWord(absl::string_view text) {
  if (!text.empty() && std::all_of(text.begin(), text.end(), IsPlain)) {
    return std::string(text);
  }
  if (std::none_of(text.begin(), text.end(), IsControl)) {
    return absl::StrCat("'", absl::StrReplaceAll(text, {{"'", "'\\''"}}), "'");
  }
  return absl::StrCat(
      "$'", OneLine(absl::StrReplaceAll(text, {{"\\", "\\\\"}, {"'", "\\'"}})),
      "'");
}

}  // namespace dmdax
