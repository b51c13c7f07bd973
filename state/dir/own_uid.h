// SPDX-License-Identifier: Apache-2.0
//
// OwnUid: the user that the kernel takes this process for.
//
// geteuid(2) says what a process is told to believe, which is root under
// fakeroot and `dmdax run --root`; to whom its files belong is nobody's to say.
// Threading: thread-safe.
#ifndef DMDAX_STATE_DIR_OWN_UID_H_
#define DMDAX_STATE_DIR_OWN_UID_H_

#include <sys/types.h>

namespace dmdax {

uid_t OwnUid();

}  // namespace dmdax

#endif  // DMDAX_STATE_DIR_OWN_UID_H_
