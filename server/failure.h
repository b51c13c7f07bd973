// SPDX-License-Identifier: Apache-2.0
//
// Failure: the answer to a request that has come to nothing.
//
//   if (!status.ok()) return Failure(status);
//
// Threading: pure functions.
#ifndef DMDAX_SERVER_FAILURE_H_
#define DMDAX_SERVER_FAILURE_H_

#include <cerrno>
#include <string>

#include "absl/status/status.h"
#include "base/errno_status.h"
#include "dm/device_mapper.h"
#include "server/connection.h"

namespace dmdax {

// What the kernel says is an errno; what dmdax says has words.
inline Answer Failure(const absl::Status& status) {
  Answer answer{.error = ErrnoOf(status)};
  if (IsNotModelled(status)) answer.text = std::string(status.message());
  return answer;
}

// The state's own trouble, which a kernel does not have.
inline Answer StateFailure(const absl::Status& status) {
  return {.error = EIO, .text = std::string(status.message())};
}

}  // namespace dmdax

#endif  // DMDAX_SERVER_FAILURE_H_
