// SPDX-License-Identifier: Apache-2.0
//
// RunApart: an answer from a process of its own, so that a bug that ends it
// ends nothing else: of a thousand machines one must not cost the others.
//
// Of a process that a signal ends the error says which.
//
// Threading: not while other threads run; they are not in the new process.
#ifndef DMDAX_TOOLS_APART_H_
#define DMDAX_TOOLS_APART_H_

#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"

namespace dmdax {

// What `fn` returns.  EIO: the process ended before it had.  Where no process
// can be made, `fn` runs in this one.
absl::StatusOr<std::string> RunApart(absl::FunctionRef<std::string()> fn);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_APART_H_
