// SPDX-License-Identifier: Apache-2.0
//
// RawCall: a system call past libc, and so past a library that stands in front
// of it, syscall(2) included.  Arguments are numbers and pointers.  Returns
// what the kernel does, or -1 with errno.
// Threading: thread-safe, async-signal-safe.
#ifndef DMDAX_RUN_RAW_CALL_H_
#define DMDAX_RUN_RAW_CALL_H_

#include <errno.h>

#include <type_traits>

namespace dmdax::run {

template <typename T>
long CallWord(T value) {
  if constexpr (std::is_pointer_v<T>) {
    return reinterpret_cast<long>(value);
  } else {
    return static_cast<long>(value);
  }
}

template <typename... Args>
long RawCall(long number, Args... args) {
  static_assert(sizeof...(args) <= 6);
  const long words[7] = {CallWord(args)..., 0};
#if defined(__x86_64__)
  long result = number;
  register long fourth asm("r10") = words[3];
  register long fifth asm("r8") = words[4];
  register long sixth asm("r9") = words[5];
  asm volatile("syscall"
               : "+a"(result)
               : "D"(words[0]), "S"(words[1]), "d"(words[2]), "r"(fourth),
                 "r"(fifth), "r"(sixth)
               : "rcx", "r11", "memory");
#elif defined(__aarch64__)
  register long which asm("x8") = number;
  register long result asm("x0") = words[0];
  register long second asm("x1") = words[1];
  register long third asm("x2") = words[2];
  register long fourth asm("x3") = words[3];
  register long fifth asm("x4") = words[4];
  register long sixth asm("x5") = words[5];
  asm volatile("svc 0"
               : "+r"(result)
               : "r"(which), "r"(second), "r"(third), "r"(fourth), "r"(fifth),
                 "r"(sixth)
               : "memory");
#else
#error "how does this processor make a system call?"
#endif
  constexpr long kLeastErrno = -4095;
  if (result >= 0 || result < kLeastErrno) return result;
  errno = static_cast<int>(-result);
  return -1;
}

}  // namespace dmdax::run

#endif  // DMDAX_RUN_RAW_CALL_H_
