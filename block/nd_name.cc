// SPDX-License-Identifier: Apache-2.0
#include "block/nd_name.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace dmdax {

std::string NdName(absl::string_view kind, absl::string_view pmem) {
  const absl::string_view number = absl::StripPrefix(pmem, "pmem");
  return absl::StrCat(kind, number, absl::StrContains(number, '.') ? "" : ".0");
}

}  // namespace dmdax
