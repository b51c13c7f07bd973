// SPDX-License-Identifier: Apache-2.0
#include "import/import_input.h"

#include <cerrno>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/errno_status.h"

namespace dmdax {

std::string Place::ToString() const {
  if (input == nullptr) return "";
  if (!json_path.empty()) {
    const TextPosition p = input->places.Locate(input->text, json_path);
    return absl::StrCat(input->name, ":", p.line, ":", p.column);
  }
  if (line == 0) return input->name;
  return absl::StrCat(input->name, ":", line, ":", column);
}

absl::Status Place::Error(absl::string_view what) const {
  return ErrnoError(EINVAL, absl::StrCat(ToString(), ": ", what));
}

std::string Quoted(absl::string_view text) {
  constexpr size_t kMost = 40;
  const bool cut = text.size() > kMost;
  return absl::StrCat("'", absl::CHexEscape(text.substr(0, kMost)),
                      cut ? "...'" : "'");
}

}  // namespace dmdax
