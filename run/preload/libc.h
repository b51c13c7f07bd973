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
// handler may call), nothing that a constructor must have run for.
#ifndef DMDAX_RUN_PRELOAD_LIBC_H_
#define DMDAX_RUN_PRELOAD_LIBC_H_

#include <dlfcn.h>
#include <sys/types.h>

#include <cerrno>

// Their declarations are libc's, attributes included.
#pragma GCC diagnostic ignored "-Wnonnull-compare"
#define EXPORT extern "C" __attribute__((visibility("default")))

namespace dmdax::preload {

// The next definition of the function, libc's.
template <typename Fn>
Fn* Next(const char* name, Fn*) {
  return reinterpret_cast<Fn*>(dlsym(RTLD_NEXT, name));
}

// libc's function of the same type, looked up once.
#define NEXT(name)                                                    \
  ([]() {                                                             \
    static auto* const next = ::dmdax::preload::Next(#name, &::name); \
    return next;                                                      \
  }())

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
