// SPDX-License-Identifier: Apache-2.0
#include "base/one_line.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"

namespace dmdax {
namespace {

// The bytes of the character that `text` begins with, and its code; one byte
// and its value where that is no UTF-8.
struct Character {
  size_t bytes = 1;
  uint32_t code = 0;
};

Character FirstCharacter(absl::string_view text) {
  const auto byte = [text](size_t i) {
    return static_cast<unsigned char>(text[i]);
  };
  const size_t bytes = byte(0) < 0xc2   ? 1
                       : byte(0) < 0xe0 ? 2
                       : byte(0) < 0xf0 ? 3
                                        : 4;
  if (bytes == 1 || bytes > text.size()) return {1, byte(0)};
  uint32_t code = byte(0) & (0xffu >> (bytes + 1));
  for (size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {1, byte(0)};
    code = code << 6 | (byte(i) & 0x3fu);
  }
  return {bytes, code};
}

bool IsControl(uint32_t code) {
  return code < 0x20 || (code >= 0x7f && code < 0xa0) ||
         // Marks, embeddings and isolates of direction; separators of lines.
         code == 0x200e || code == 0x200f ||
         (code >= 0x2028 && code < 0x202f) || (code >= 0x2066 && code < 0x206a);
}

bool HasControl(absl::string_view text) {
  while (!text.empty()) {
    const Character c = FirstCharacter(text);
    if (IsControl(c.code)) return true;
    text.remove_prefix(c.bytes);
  }
  return false;
}

// What printf(1) prints as the text, with nothing in it that a shell or its
// history takes for more.
std::string PrintfFormat(absl::string_view text) {
  constexpr absl::string_view kTaken = "'\\%!-";
  std::string format;
  while (!text.empty()) {
    const Character character = FirstCharacter(text);
    const absl::string_view bytes = text.substr(0, character.bytes);
    text.remove_prefix(character.bytes);
    if (!IsControl(character.code) && kTaken.find(bytes) == kTaken.npos) {
      absl::StrAppend(&format, bytes);
      continue;
    }
    for (const char c : bytes) {
      absl::StrAppendFormat(&format, "\\%03o", static_cast<unsigned char>(c));
    }
  }
  return format;
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
  while (!text.empty()) {
    const Character character = FirstCharacter(text);
    const absl::string_view bytes = text.substr(0, character.bytes);
    text.remove_prefix(character.bytes);
    if (!IsControl(character.code)) {
      absl::StrAppend(&out, bytes);
      continue;
    }
    for (const char c : bytes) {
      absl::StrAppendFormat(&out, "\\%03o", static_cast<unsigned char>(c));
    }
  }
  return out;
}

std::string ShellWord(absl::string_view text) {
  if (!text.empty() && std::all_of(text.begin(), text.end(), IsPlain)) {
    return std::string(text);
  }
  if (!HasControl(text)) {
    return absl::StrCat("'", absl::StrReplaceAll(text, {{"'", "'\\''"}}), "'");
  }
  // Every sh has printf, but $'...' only some.  A substitution loses the
  // newlines at its end; IFS has one behind a blank and a tab.
  absl::string_view newlines = text;
  while (absl::ConsumeSuffix(&text, "\n")) {
  }
  newlines.remove_prefix(text.size());
  std::string word = absl::StrCat("\"$(printf '", PrintfFormat(text), "')");
  for (size_t i = 0; i < newlines.size(); ++i) word += "${IFS#??}";
  return word + "\"";
}

}  // namespace dmdax
