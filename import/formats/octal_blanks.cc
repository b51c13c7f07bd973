// SPDX-License-Identifier: Apache-2.0
#include "import/formats/octal_blanks.h"

namespace dmdax {
namespace {

// `kept` is left as it is written.
std::string Unescape(absl::string_view text, char kept) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto octal = [&](size_t k) {
      return i + k < text.size() && text[i + k] >= '0' && text[i + k] <= '7';
    };
    char c = text[i];
    if (c == '\\' && octal(1) && octal(2) && octal(3)) {
      const char escaped =
          static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 +
                            text[i + 3] - '0');
      if (escaped != kept) {
        c = escaped;
        i += 3;
      }
    }
    out.push_back(c);
  }
  return out;
}

}  // namespace

// No escape is of a NUL.
std::string WithOctalBlanks(absl::string_view text) {
  return Unescape(text, '\0');
}

std::string OptionsWithOctalBlanks(absl::string_view options) {
  return Unescape(options, ',');
}

}  // namespace dmdax
