// SPDX-License-Identifier: Apache-2.0
#include "process/field_error.h"

#include <cerrno>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "base/nearest.h"

namespace dmdax {
namespace {

constexpr char kPayload[] = "dmdax/field";

}  // namespace

absl::Status FieldError(int err, absl::string_view field,
                        absl::string_view what) {
  absl::Status status = ErrnoError(err, what);
  status.SetPayload(kPayload, absl::Cord(field));
  return status;
}

std::string FieldOf(const absl::Status& status) {
  const absl::optional<absl::Cord> field = status.GetPayload(kPayload);
  return field.has_value() ? std::string(*field) : "";
}

absl::Status CheckMultiple(absl::string_view path, absl::string_view field,
                           uint64_t value, uint64_t unit, uint64_t least,
                           uint64_t most) {
  if (value % unit == 0) return absl::OkStatus();
  return FieldError(
      EINVAL, absl::StrCat(path, field),
      absl::StrCat(field, " ", value, ": not a multiple of ", unit, " bytes; ",
                   NearestMultiples(value, unit, least, most)));
}

}  // namespace dmdax
