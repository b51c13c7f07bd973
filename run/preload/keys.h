// SPDX-License-Identifier: Apache-2.0
//
// KeyCall: a system call about a key of the machine (add_key(2),
// request_key(2), keyctl(2)), for which libc has no functions.
#ifndef DMDAX_RUN_PRELOAD_KEYS_H_
#define DMDAX_RUN_PRELOAD_KEYS_H_

namespace dmdax::preload {

// False: it is none, and the host's.  `args` are the call's six; `result` is
// what it returns, or -1 with errno.
bool KeyCall(long number, const long* args, long* result);

}  // namespace dmdax::preload

#endif  // DMDAX_RUN_PRELOAD_KEYS_H_
