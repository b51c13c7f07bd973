// SPDX-License-Identifier: Apache-2.0
//
// Streams: libc's own reads and writes are not seen, so a stream of a device is
// one of functions.
#include <fcntl.h>
#include <mntent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>

#include "run/mount_table.h"
#include "run/preload/client.h"
#include "run/preload/data.h"
#include "run/preload/file.h"
#include "run/preload/libc.h"
#include "run/preload/open.h"
#include "run/preload/path.h"
#include "run/preload/redirection.h"

namespace dmdax::preload {
namespace {

// fileno(3) of streams of ours.
struct Stream {
  std::atomic<FILE*> stream = nullptr;
  std::atomic<int> fd = -1;
};
Stream streams[64];

int FdOf(void* cookie) {
  return static_cast<int>(reinterpret_cast<intptr_t>(cookie));
}

ssize_t ReadStream(void* cookie, char* data, size_t size) {
  return read(FdOf(cookie), data, size);
}
ssize_t WriteStream(void* cookie, const char* data, size_t size) {
  const ssize_t n = write(FdOf(cookie), data, size);
  return n < 0 ? 0 : n;
}
int SeekStream(void* cookie, off64_t* offset, int whence) {
  const off_t at = lseek64(FdOf(cookie), *offset, whence);
  if (at < 0) return -1;
  *offset = at;
  return 0;
}
int CloseStream(void* cookie) {
  const int fd = FdOf(cookie);
  for (Stream& s : streams) {
    if (s.fd.load() == fd) s.stream = nullptr;
  }
  return close(fd);
}

FILE* StreamOf(int fd, const char* mode) {
  const cookie_io_functions_t functions = {&ReadStream, &WriteStream,
                                           &SeekStream, &CloseStream};
  FILE* const stream = fopencookie(
      reinterpret_cast<void*>(static_cast<intptr_t>(fd)), mode, functions);
  if (stream == nullptr) return nullptr;
  for (Stream& s : streams) {
    FILE* none = nullptr;
    if (s.stream.compare_exchange_strong(none, stream)) {
      s.fd = fd;
      break;
    }
  }
  return stream;
}

int FlagsOf(const char* mode) {
  int flags = *mode == 'r' ? O_RDONLY : O_WRONLY | O_CREAT;
  if (*mode == 'w') flags |= O_TRUNC;
  if (*mode == 'a') flags |= O_APPEND;
  if (strchr(mode, '+') != nullptr) flags = (flags & ~O_ACCMODE) | O_RDWR;
  if (strchr(mode, 'e') != nullptr) flags |= O_CLOEXEC;
  if (strchr(mode, 'x') != nullptr) flags |= O_EXCL;
  return flags;
}

// The standard streams are variables, and libc looks at them each time.
struct Standard {
  FILE** variable;
  const char* mode;
  FILE* libcs = nullptr;  // its own, while `ours` is there
  FILE* ours = nullptr;
};
Standard standards[] = {{&stdin, "r"}, {&stdout, "w"}, {&stderr, "w"}};

__attribute__((constructor)) void UseStandardStreams() {
  if (!HaveMachine()) return;
  for (int fd = 0; fd < 3; ++fd) FollowRedirection(fd);
}

}  // namespace

void FollowRedirection(int fd) {
  // Other libcs have them in memory that nobody writes to.
  static const bool is_glibc = dlsym(RTLD_DEFAULT, "gnu_get_libc_version");
  if (fd < 0 || fd > 2 || !is_glibc) return;
  Standard& s = standards[fd];
  if (FileOf(fd)) {
    if (s.ours == nullptr) s.ours = StreamOf(fd, s.mode);
    if (s.ours == nullptr || *s.variable == s.ours) return;
    setvbuf(s.ours, nullptr, fd == 2 ? _IONBF : _IOFBF, BUFSIZ);
    s.libcs = *s.variable;
    *s.variable = s.ours;
  } else if (s.ours != nullptr && *s.variable == s.ours) {
    fflush(s.ours);
    *s.variable = s.libcs;
  }
}

}  // namespace dmdax::preload

using namespace dmdax::preload;  // for what is in front of libc's names

namespace {

// Whether a path is one that libc's own open must not see: of the machine, a
// device's descriptor or node, a link to what may be the machine's.
bool IsMachinesFile(const char* said) {
  const Path path(AT_FDCWD, said, LastLink::kFollow);
  if (path.in_tree() ||
      dmdax::run::MountTableOf(said) != dmdax::run::MountTable::kNone) {
    return true;
  }
  const KeepErrno keep;
  struct stat st;
  return said != nullptr && NEXT(fstatat)(AT_FDCWD, path.get(), &st, 0) == 0 &&
         (NodeOf(st) || FileOf(st));
}

bool IsOurs(FILE* stream) {
  for (const Stream& s : streams) {
    if (s.stream.load() == stream) return true;
  }
  return false;
}

// 0, 1 or 2, if it is one of the standard streams; else -1.
int StandardOf(FILE* stream) {
  for (int fd = 0; fd < 3; ++fd) {
    if (stream == *standards[fd].variable) return fd;
  }
  return -1;
}

}  // namespace

EXPORT FILE* fopen64(const char* said, const char* mode) {
  if (HaveMachine() && IsMachinesFile(said)) {
    const int fd = OpenAt(AT_FDCWD, said, FlagsOf(mode), 0666);
    if (fd < 0) return nullptr;
    return FileOf(fd) ? StreamOf(fd, mode) : NEXT(fdopen)(fd, mode);
  }
  return NEXT(fopen64)(said, mode);
}
EXPORT FILE* fopen(const char* path, const char* mode)
    __attribute__((alias("fopen64")));
EXPORT FILE* freopen64(const char* said, const char* mode, FILE* stream) {
  if (!HaveMachine() || stream == nullptr) {
    return NEXT(freopen64)(said, mode, stream);
  }
  const int standard = StandardOf(stream);
  const bool is_ours = IsOurs(stream);
  // A new mode alone changes nothing of a device.
  if (is_ours && said == nullptr) return stream;
  if (!is_ours && !IsMachinesFile(said)) {
    return NEXT(freopen64)(said, mode, stream);
  }
  fflush(stream);
  const int fd = OpenAt(AT_FDCWD, said, FlagsOf(mode), 0666);
  if (fd < 0) return nullptr;
  if (standard >= 0) {
    // The variable follows, which nearly all programs look at.
    const bool done = fd == standard || dup2(fd, standard) >= 0;
    if (fd != standard) close(fd);
    if (fd == standard) FollowRedirection(fd);
    return done ? *standards[standard].variable : nullptr;
  }
  FILE* const fresh = FileOf(fd) ? StreamOf(fd, mode) : NEXT(fdopen)(fd, mode);
  // Who goes on with the old one is told that nothing arrives.
  if (fresh != nullptr && !is_ours) {
    const bool reads = *mode == 'r';
    NEXT(freopen64)
    (reads ? "/dev/null" : "/dev/full", reads ? "r" : "w", stream);
  }
  return fresh;
}
EXPORT FILE* freopen(const char* path, const char* mode, FILE* stream)
    __attribute__((alias("freopen64")));
// Which libc opens itself.
EXPORT FILE* setmntent(const char* path, const char* mode) noexcept {
  return fopen64(path, mode);
}
EXPORT FILE* fdopen(int fd, const char* mode) noexcept {
  return FileOf(fd) ? StreamOf(fd, mode) : NEXT(fdopen)(fd, mode);
}
EXPORT int fileno(FILE* stream) noexcept {
  for (const Stream& s : streams) {
    if (s.stream.load() == stream) return s.fd;
  }
  return NEXT(fileno)(stream);
}
EXPORT int fileno_unlocked(FILE* stream) noexcept { return fileno(stream); }
