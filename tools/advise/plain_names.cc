// SPDX-License-Identifier: Apache-2.0
#include "tools/advise/plain_names.h"

#include <algorithm>
#include <cstring>
#include <iterator>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

namespace dmdax {

bool IsWordOf(const std::string& name, const char* marks) {
  return !name.empty() && name[0] != '-' && name != "." && name != ".." &&
         std::all_of(name.begin(), name.end(), [&](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
                  (c != '\0' && std::strchr(marks, c) != nullptr);
         });
}

bool IsPlainLvmName(const std::string& name) {
  return name.size() < 128 && IsWordOf(name, "+_.-");
}
bool IsReservedLv(const std::string& name) {
  static constexpr const char* kBegins[] = {"pvmove", "snapshot"};
  static constexpr const char* kHas[] = {
      "_cdata", "_cmeta",  "_corig",   "_cvol",   "_imeta", "_iorig",
      "_mlog",  "_mimage", "_pmspare", "_rimage", "_rmeta", "_tdata",
      "_tmeta", "_vdata",  "_vorigin", "_wcorig"};
  return std::any_of(
             std::begin(kBegins), std::end(kBegins),
             [&](const char* s) { return absl::StartsWith(name, s); }) ||
         std::any_of(std::begin(kHas), std::end(kHas),
                     [&](const char* s) { return absl::StrContains(name, s); });
}

}  // namespace dmdax
