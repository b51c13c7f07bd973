// SPDX-License-Identifier: Apache-2.0
#include "base/usage_error.h"

#include <cerrno>

#include "absl/strings/cord.h"
#include "base/errno_status.h"

namespace dmdax {
namespace {

constexpr char kPayload[] = "dmdax/usage";

}  // namespace

absl::Status UsageError(absl::string_view what) {
  absl::Status status = ErrnoError(EINVAL, what);
  status.SetPayload(kPayload, absl::Cord());
  return status;
}

bool IsUsageError(const absl::Status& status) {
  return status.GetPayload(kPayload).has_value();
}

}  // namespace dmdax
