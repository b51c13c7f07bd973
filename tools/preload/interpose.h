// SPDX-License-Identifier: Apache-2.0
//
// What a function that stands in front of libc's needs.
//
//   EXPORT int unlink(const char* path) noexcept {
//     if (Ours(path)) return Result(Unlink(path));
//     static auto* const real = Next("unlink", &unlink);
//     return real(path);
//   }
#ifndef DMDAX_TOOLS_PRELOAD_INTERPOSE_H_
#define DMDAX_TOOLS_PRELOAD_INTERPOSE_H_

#include <dlfcn.h>

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

// A return value of -1 with errno, or 0.
inline int Result(int error) {
  if (error == 0) return 0;
  errno = error;
  return -1;
}

}  // namespace dmdax::preload

#endif  // DMDAX_TOOLS_PRELOAD_INTERPOSE_H_
