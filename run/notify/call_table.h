// SPDX-License-Identifier: Apache-2.0
//
// CallTable: the system calls that are notified, when, and who answers.
//
//   for (const CallRule& rule : CallTable()) ...   // in order of their numbers
//   FindCall(__NR_openat)->handler(call);
//
// A call that names a path is always notified: no filter can read a string.  So
// are libaio's io_submit(2), poll(2) and select(2); io_uring, which needs no
// system calls, is refused.
// Threading: immutable.
#ifndef DMDAX_RUN_NOTIFY_CALL_TABLE_H_
#define DMDAX_RUN_NOTIFY_CALL_TABLE_H_

#include <cstdint>

#include "absl/types/span.h"
#include "run/notify/call.h"

namespace dmdax::run {

enum class Asked : uint8_t {
  kAlways,
  // If the argument `first` or `second` is one of DescriptorNumbers.
  kDescriptor,
  // If the flags in argument `second` have no AT_EMPTY_PATH, and else as
  // kDescriptor: fstat(2) of newer C libraries.
  kUnlessEmpty,
  // If the command is told that it is root; kNotRoot: then answered 0 without
  // being asked about.
  kIfRoot,
  kZeroIfRoot,
  // Refused with ENOSYS: what is submitted through it is no system call of its
  // own, and would pass by.
  kNever,
};

struct CallRule {
  uint32_t nr;
  Asked asked;
  uint8_t first = 0, second = 0;  // which arguments
  Reply (*handler)(Call& call) = nullptr;
};

absl::Span<const CallRule> CallTable();
// Null: it has no handler.
const CallRule* FindCall(int nr);

}  // namespace dmdax::run

#endif  // DMDAX_RUN_NOTIFY_CALL_TABLE_H_
