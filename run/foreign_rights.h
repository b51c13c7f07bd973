// SPDX-License-Identifier: Apache-2.0
//
// HasForeignRights: whether a program runs with the rights of another user or
// group than who executes it.  The dynamic linker drops preload libraries then
// (AT_SECURE).
//
//   if (HasForeignRights("/bin/su")) Say("/bin/su", kDropsLibrary);
//
// It needs nothing but libc: a preload library has it too.
// Mirrors: bprm_fill_uid of fs/exec.c.  Threading: stateless.
#ifndef DMDAX_RUN_FOREIGN_RIGHTS_H_
#define DMDAX_RUN_FOREIGN_RIGHTS_H_

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>

#include "run/raw_call.h"

namespace dmdax::run {

inline constexpr char kDropsLibrary[] =
    " has the rights of another user, and so drops the preload library: it "
    "sees the host, and no machine";

inline bool HasForeignRights(const char* file) {
  struct stat st;
  if (RawCall(SYS_newfstatat, AT_FDCWD, file, &st, 0) != 0 ||
      !S_ISREG(st.st_mode)) {
    return false;
  }
  const auto uid = static_cast<uid_t>(RawCall(SYS_geteuid));
  const auto gid = static_cast<gid_t>(RawCall(SYS_getegid));
  return ((st.st_mode & S_ISUID) != 0 && st.st_uid != uid) ||
         ((st.st_mode & S_ISGID) != 0 && (st.st_mode & S_IXGRP) != 0 &&
          st.st_gid != gid);
}

}  // namespace dmdax::run

#endif  // DMDAX_RUN_FOREIGN_RIGHTS_H_
