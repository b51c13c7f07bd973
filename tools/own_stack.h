// SPDX-License-Identifier: Apache-2.0
//
// WithStackOf: calls a function where there is stack enough.
//
// Mapped devices lie on each other as deep as their World says, and each level
// of a walk takes stack.  A walk is bounded by its depth (dm/stack_depth.h),
// which fits a stack of the usual size; `ulimit -s 512` gives less.
//
// Mirrors nothing: a kernel stack has 16 KiB.  Errors: none.
// Threading: each thread asks for itself.
#ifndef DMDAX_TOOLS_OWN_STACK_H_
#define DMDAX_TOOLS_OWN_STACK_H_

#include <cstddef>

#include "absl/functional/function_ref.h"

namespace dmdax {

// What Linux gives a program that asks for nothing else, in bytes.
inline constexpr size_t kUsualStack = size_t{8} << 20;

// Calls fn, which throws nothing, where at least `bytes` are left: on this
// stack, or on one of its own, which goes when fn returns.  If there is no
// memory for that, on this stack all the same.
void WithStackOf(size_t bytes, absl::FunctionRef<void()> fn);

// Threads that are made from now on get at least `bytes`, whatever the limit of
// the main thread is.
void MakeThreadsWithStackOf(size_t bytes);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_OWN_STACK_H_
