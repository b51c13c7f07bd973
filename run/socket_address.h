// SPDX-License-Identifier: Apache-2.0
//
// SocketAddressOf: the name by which connect(2) finds the machine's socket,
// whose path may be longer than a socket's name.
//
//   sockaddr_un name;
//   const int directory = SocketAddressOf("/tmp/s/.socket", &name);
//   if (directory != kNoAddress) connect(fd, (sockaddr*)&name, sizeof(name));
//   if (directory >= 0) close(directory);  // not before
//
// kNoAddress: errno says why there is none.  Needs libc alone, and makes its
// system call itself, past a preload library.
// Threading: thread-safe, and async-signal-safe.
#ifndef DMDAX_RUN_SOCKET_ADDRESS_H_
#define DMDAX_RUN_SOCKET_ADDRESS_H_

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "run/raw_call.h"

namespace dmdax::run {

constexpr int kNoDirectory = -1, kNoAddress = -2;

// A descriptor that the name leads through, or kNoDirectory.
inline int SocketAddressOf(const char* path, sockaddr_un* name) {
  *name = {};
  name->sun_family = AF_UNIX;
  if (strlen(path) < sizeof(name->sun_path)) {
    strcpy(name->sun_path, path);
    return kNoDirectory;
  }
  const char* const slash = strrchr(path, '/');
  char parent[PATH_MAX];
  if (slash == nullptr || static_cast<size_t>(slash - path) >= sizeof(parent)) {
    errno = ENAMETOOLONG;
    return kNoAddress;
  }
  memcpy(parent, path, static_cast<size_t>(slash - path));
  parent[slash - path] = '\0';
  const int directory = static_cast<int>(
      RawCall(SYS_openat, AT_FDCWD, parent, O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (directory < 0) return kNoAddress;
  if (snprintf(name->sun_path, sizeof(name->sun_path), "/proc/self/fd/%d/%s",
               directory,
               slash + 1) < static_cast<int>(sizeof(name->sun_path))) {
    return directory;
  }
  RawCall(SYS_close, directory);
  errno = ENAMETOOLONG;
  return kNoAddress;
}

}  // namespace dmdax::run

#endif  // DMDAX_RUN_SOCKET_ADDRESS_H_
