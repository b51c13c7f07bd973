// SPDX-License-Identifier: Apache-2.0
//
// What keyctl(2) is about: which of its operations name a key in their first
// argument, and what else they take.  Others have a keyring, a pointer or
// nothing there, whatever number that is.  What both doors know, with libc
// alone.
//
//   if (KeyctlNamesKey(what) && key >= DMDAX_FIRST_KEY) ...   // the machine's
//
// Mirrors: SYSCALL_DEFINE5(keyctl) of security/keys/keyctl.c (6.1).
// Threading: pure functions.
#ifndef DMDAX_RUN_KEY_CALL_H_
#define DMDAX_RUN_KEY_CALL_H_

#include <linux/keyctl.h>

namespace dmdax::run {

inline bool KeyctlNamesKey(int what) {
  switch (what) {
    case KEYCTL_GET_KEYRING_ID:
    case KEYCTL_UPDATE:
    case KEYCTL_REVOKE:
    case KEYCTL_CHOWN:
    case KEYCTL_SETPERM:
    case KEYCTL_DESCRIBE:
    case KEYCTL_CLEAR:
    case KEYCTL_LINK:
    case KEYCTL_UNLINK:
    case KEYCTL_READ:
    case KEYCTL_INSTANTIATE:
    case KEYCTL_NEGATE:
    case KEYCTL_SET_TIMEOUT:
    case KEYCTL_ASSUME_AUTHORITY:
    case KEYCTL_GET_SECURITY:
    case KEYCTL_REJECT:
    case KEYCTL_INSTANTIATE_IOV:
    case KEYCTL_INVALIDATE:
    case KEYCTL_PKEY_QUERY:
    case KEYCTL_MOVE:
    case KEYCTL_WATCH_KEY:
      return true;
    default:
      return false;
  }
}

// The third argument is an address and the fourth says how many bytes are read
// there.
inline bool KeyctlReads(int what) { return what == KEYCTL_UPDATE; }

// The same of bytes that are written there, as many as there are and fit; what
// is returned is how many there are.
inline bool KeyctlWrites(int what) {
  return what == KEYCTL_DESCRIBE || what == KEYCTL_GET_SECURITY;
}

}  // namespace dmdax::run

#endif  // DMDAX_RUN_KEY_CALL_H_
