// SPDX-License-Identifier: Apache-2.0
//
// Keys of type "logon" are for the kernel's own use, and the host's has none
// for the machine's devices.  Whoever is told that there is no such call puts
// the key in the table.  libc has no functions for it: programs use syscall().
#include <stdarg.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "run/preload/client.h"
#include "run/preload/libc.h"

using namespace dmdax::preload;  // for what is in front of libc's names

EXPORT long syscall(long number, ...) noexcept {
  long args[6];
  va_list list;
  va_start(list, number);
  for (long& arg : args) arg = va_arg(list, long);
  va_end(list);
  static auto* const real =
      reinterpret_cast<long (*)(long, ...)>(dlsym(RTLD_NEXT, "syscall"));
  if ((number == SYS_add_key || number == SYS_request_key) && HaveMachine()) {
    const auto* const type = reinterpret_cast<const char*>(args[0]);
    if (type != nullptr && strcmp(type, "logon") == 0) return Result(ENOSYS);
  }
  return real(number, args[0], args[1], args[2], args[3], args[4], args[5]);
}
