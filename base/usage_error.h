// SPDX-License-Identifier: Apache-2.0
//
// UsageError: an error of the command line and of nothing else.
//
//   absl::Status s = UsageError("standard input is asked for twice");
//   IsUsageError(s);  // true
//   ErrnoOf(s);       // EINVAL
//
// A command answers with its usage and exit status 2.  Code below the command
// makes one where only it can tell that words contradict each other.
// Threading: pure functions.
#ifndef DMDAX_BASE_USAGE_ERROR_H_
#define DMDAX_BASE_USAGE_ERROR_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace dmdax {

absl::Status UsageError(absl::string_view what);
bool IsUsageError(const absl::Status& status);

}  // namespace dmdax

#endif  // DMDAX_BASE_USAGE_ERROR_H_
