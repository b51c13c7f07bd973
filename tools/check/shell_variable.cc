// SPDX-License-Identifier: Apache-2.0
#include "tools/check/shell_variable.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_format.h"

namespace dmdax {

std::string VariableOf(absl::string_view name) {
  std::string variable;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (absl::ascii_isalnum(byte)) {
      variable.push_back(c);
    } else if (c == '-') {
      variable += "__";  // the most frequent
    } else {
      absl::StrAppendFormat(&variable, "_x%02x", byte);
    }
  }
  return variable;
}

}  // namespace dmdax
