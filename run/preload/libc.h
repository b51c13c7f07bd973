// SPDX-License-Identifier: Apache-2.0
//
// What a function that stands in front of libc's needs.
//
//   EXPORT int fsync(int fd) {
//     if (const File file = FileOf(fd)) return Result(Sync(file));
//     return Next("fsync", &fsync)(fd);   // through NEXT(fsync)
//   }
//
// The library needs libc alone: no C++ runtime, no allocation (a signal's
// handler may call), nothing that a constructor must have run for.  What glibc
// has and musl does not is looked up when it is called: a function that a
// program calls is there, unless it comes by syscall(2).
#ifndef DMDAX_RUN_PRELOAD_LIBC_H_
#define DMDAX_RUN_PRELOAD_LIBC_H_

#include <dlfcn.h>
#include <sys/syscall.h>
#include <sys/types.h>

#include <cerrno>

#include "run/raw_call.h"

// Their declarations are libc's, attributes included.
#pragma GCC diagnostic ignored "-Wnonnull-compare"
#define EXPORT extern "C" __attribute__((visibility("default")))

namespace dmdax::preload {

// The next definition of the function, libc's.
template <typename Fn>
Fn* Next(const char* name, Fn*) {
  return reinterpret_cast<Fn*>(dlsym(RTLD_NEXT, name));
}

// pthread_atfork(3): glibc's is in each library, with a function of its own
// behind it.
inline void InChildOfFork(void (*child)()) {
  using AtFork = int (*)(void (*)(), void (*)(), void (*)(), void*);
  void* at = dlsym(RTLD_NEXT, "__register_atfork");
  if (at == nullptr) at = dlsym(RTLD_NEXT, "pthread_atfork");
  if (at == nullptr) return;
  // No owner: the library is never unloaded.
  reinterpret_cast<AtFork>(at)(nullptr, nullptr, child, nullptr);
}

// libc's function of the same type, looked up once.
#define NEXT(name)                                                    \
  ([]() {                                                             \
    static auto* const next = ::dmdax::preload::Next(#name, &::name); \
    return next;                                                      \
  }())

// The same of one that not every libc has: where there is none, the kernel's.
#define NEXT_OR_CALL(name, ...)  \
  (NEXT(name) != nullptr         \
       ? NEXT(name)(__VA_ARGS__) \
       : static_cast<int>(::dmdax::run::RawCall(SYS_##name, __VA_ARGS__)))

// What a system call returns: -1 with errno, or 0.
inline int Result(int error) {
  if (error == 0) return 0;
  errno = error;
  return -1;
}

// errno stays as it is, whatever is done.
class KeepErrno {
 public:
  KeepErrno() : errno_(errno) {}
  ~KeepErrno() { errno = errno_; }
  KeepErrno(const KeepErrno&) = delete;
  KeepErrno& operator=(const KeepErrno&) = delete;

 private:
  const int errno_;
};

}  // namespace dmdax::preload

#endif  // DMDAX_RUN_PRELOAD_LIBC_H_
