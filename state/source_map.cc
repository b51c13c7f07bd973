// SPDX-License-Identifier: Apache-2.0
#include "state/source_map.h"

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "process/field_error.h"

namespace dmdax {

absl::Status ErrorAt(const SourceMap& map, const std::string& path,
                     const absl::Status& s, absl::string_view what) {
  if (s.ok()) return s;
  const std::string field = FieldOf(s);
  return ErrnoError(
      ErrnoOf(s),
      absl::StrCat(
          map.Locate(field.empty() ? path : absl::StrCat(path, ".", field)),
          what, what.empty() ? "" : ": ", s.message()));
}

}  // namespace dmdax
