// SPDX-License-Identifier: Apache-2.0
#include "base/errno_status.h"

#include <cerrno>
#include <cstring>

#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/types/optional.h"

namespace dmdax {
namespace {

constexpr char kErrnoPayload[] = "dmdax/errno";

}  // namespace

absl::Status ErrnoError(int err, absl::string_view message) {
  if (err == 0) return absl::OkStatus();
  absl::Status status(absl::ErrnoToStatusCode(err),
                      message.empty() ? ErrnoName(err) : std::string(message));
  status.SetPayload(kErrnoPayload, absl::Cord(absl::StrCat(err)));
  return status;
}

int ErrnoOf(const absl::Status& status) {
  if (status.ok()) return 0;
  absl::optional<absl::Cord> payload = status.GetPayload(kErrnoPayload);
  int err = 0;
  if (payload && absl::SimpleAtoi(std::string(*payload), &err)) return err;
  return EINVAL;
}

std::string ErrnoName(int err) {
  const char* name = strerrorname_np(err);
  return name != nullptr ? std::string(name) : absl::StrCat(err);
}

std::string ErrnoText(int err) {
  const char* text = strerrordesc_np(err);
  return text != nullptr ? std::string(text)
                         : absl::StrCat("Unknown error ", err);
}

}  // namespace dmdax
