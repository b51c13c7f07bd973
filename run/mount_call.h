// SPDX-License-Identifier: Apache-2.0
//
// The calls by which a kernel takes a device for itself: mount(2) and its
// family, swapon(2), quotactl(2).  There is no kernel below the machine that
// could, and the host's has a device of its own by that name: such a call is
// refused with EPERM, as for whoever is not root, and a line says why.  What
// both doors know of it, with libc alone.
//
// AnyOptionPath() asks `is` about each value of a mount's options that is a
// path: "journal_path=/dev/x,logdev=/dev/y" has two.
// Threading: thread-safe, async-signal-safe.
#ifndef DMDAX_RUN_MOUNT_CALL_H_
#define DMDAX_RUN_MOUNT_CALL_H_

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <cstddef>

namespace dmdax::run {

template <typename Is>
bool AnyOptionPath(const char* options, Is is) {
  for (const char* at = options; at != nullptr && *at != '\0';) {
    const size_t n = strcspn(at, ",");
    const char* const value =
        static_cast<const char*>(memchr(at, '=', n));  // its first
    if (value != nullptr && value[1] == '/') {
      char path[PATH_MAX];
      const size_t length = n - static_cast<size_t>(value + 1 - at);
      if (length < sizeof(path)) {
        memcpy(path, value + 1, length);
        path[length] = '\0';
        if (is(path)) return true;
      }
    }
    at += n;
    if (*at == ',') ++at;
  }
  return false;
}

// The line, without "dmdax: " and a line break.
inline void SayNoKernel(const char* call, const char* path, char* out,
                        size_t size) {
  const bool mounts = strstr(call, "swap") == nullptr;
  snprintf(out, size,
           "%s of %s: a name of the machine, and no kernel is below "
           "it that could%s",
           call, path,
           mounts ? "; 'dmdax mount --scan' mounts a device in the model" : "");
}

}  // namespace dmdax::run

#endif  // DMDAX_RUN_MOUNT_CALL_H_
