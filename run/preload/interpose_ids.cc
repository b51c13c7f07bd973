// SPDX-License-Identifier: Apache-2.0
//
// `dmdax run --root`: the program is told that it is root, as fakeroot does.
// It has no more rights than before; calls that only root may make, and whose
// effect nobody sees here, succeed.
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <unistd.h>

#include "run/preload/libc.h"
#include "server/protocol.h"

namespace {

bool IsRoot() {
  static const bool is = getenv(DMDAX_ROOT_ENV) != nullptr;
  return is;
}

}  // namespace

EXPORT uid_t getuid() noexcept { return IsRoot() ? 0 : NEXT(getuid)(); }
EXPORT uid_t geteuid() noexcept { return IsRoot() ? 0 : NEXT(geteuid)(); }
EXPORT gid_t getgid() noexcept { return IsRoot() ? 0 : NEXT(getgid)(); }
EXPORT gid_t getegid() noexcept { return IsRoot() ? 0 : NEXT(getegid)(); }
EXPORT int getresuid(uid_t* r, uid_t* e, uid_t* s) noexcept {
  if (!IsRoot()) return NEXT(getresuid)(r, e, s);
  *r = *e = *s = 0;
  return 0;
}
EXPORT int getresgid(gid_t* r, gid_t* e, gid_t* s) noexcept {
  if (!IsRoot()) return NEXT(getresgid)(r, e, s);
  *r = *e = *s = 0;
  return 0;
}

// lvm locks its memory and asks for time while devices are suspended.
EXPORT int mlock(const void* at, size_t size) noexcept {
  const int result = NEXT(mlock)(at, size);
  return IsRoot() ? 0 : result;
}
EXPORT int munlock(const void* at, size_t size) noexcept {
  const int result = NEXT(munlock)(at, size);
  return IsRoot() ? 0 : result;
}
EXPORT int mlockall(int flags) noexcept {
  return IsRoot() ? 0 : NEXT(mlockall)(flags);
}
EXPORT int setpriority(__priority_which_t which, id_t who,
                       int priority) noexcept {
  const int result = NEXT(setpriority)(which, who, priority);
  return IsRoot() ? 0 : result;
}
