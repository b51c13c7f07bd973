// SPDX-License-Identifier: Apache-2.0
//
// Calls that move data.
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <unistd.h>

#include "run/preload/client.h"
#include "run/preload/data.h"
#include "run/preload/file.h"
#include "run/preload/libc.h"

using namespace dmdax::preload;  // for what is in front of libc's names

namespace {

constexpr Direction kRead = Direction::kRead, kWrite = Direction::kWrite;

void* Bytes(const void* data) { return const_cast<void*>(data); }
uint64_t At(off_t offset) { return static_cast<uint64_t>(offset); }

// An offset of -1 is none of ours.
ssize_t PTransfer(const File& file, Direction direction, const void* data,
                  size_t size, off_t offset) {
  if (offset < 0) return Result(EINVAL);
  return Transfer(file, direction, Bytes(data), size, At(offset));
}
ssize_t PTransferParts(const File& file, Direction direction,
                       const iovec* parts, int n, off_t offset) {
  if (offset < 0) return Result(EINVAL);
  return TransferParts(file, direction, parts, n, At(offset));
}

int Allocate(const File& file, int mode, off_t offset, off_t size) {
  Message m(DMDAX_OP_ALLOCATE, file.handle);
  m.head.flags = static_cast<uint32_t>(mode);
  m.head.arg[0] = At(offset);
  m.head.arg[1] = At(size);
  return Call(m);
}

}  // namespace

// Calls that come in twos, for both directions: `way` says which.
#define AT_POSITION(name, way, pointer)                           \
  EXPORT ssize_t name(int fd, pointer data, size_t size) {        \
    if (const File file = FileOf(fd)) {                           \
      return Transfer(file, way, Bytes(data), size, kAtPosition); \
    }                                                             \
    return NEXT(name)(fd, data, size);                            \
  }
#define AT_OFFSET(name, way, pointer)                                    \
  EXPORT ssize_t name##64(int fd, pointer data, size_t size, off_t at) { \
    if (const File file = FileOf(fd)) {                                  \
      return PTransfer(file, way, data, size, at);                       \
    }                                                                    \
    return NEXT(name##64)(fd, data, size, at);                           \
  }                                                                      \
  EXPORT ssize_t name(int fd, pointer data, size_t size, off_t at)       \
      __attribute__((alias(#name "64")));
#define PARTS_AT_POSITION(name, way)                          \
  EXPORT ssize_t name(int fd, const iovec* parts, int n) {    \
    if (const File file = FileOf(fd)) {                       \
      return TransferParts(file, way, parts, n, kAtPosition); \
    }                                                         \
    return NEXT(name)(fd, parts, n);                          \
  }
#define PARTS_AT_OFFSET(name, way)                                       \
  EXPORT ssize_t name##64(int fd, const iovec* parts, int n, off_t at) { \
    if (const File file = FileOf(fd)) {                                  \
      return PTransferParts(file, way, parts, n, at);                    \
    }                                                                    \
    return NEXT(name##64)(fd, parts, n, at);                             \
  }                                                                      \
  EXPORT ssize_t name(int fd, const iovec* parts, int n, off_t at)       \
      __attribute__((alias(#name "64")));
#define PARTS_WITH_FLAGS(name, name64, way)                                   \
  EXPORT ssize_t name64(int fd, const iovec* parts, int n, off_t at,          \
                        int flags) {                                          \
    if (const File file = FileOf(fd)) {                                       \
      return at == -1 ? TransferParts(file, way, parts, n, kAtPosition)       \
                      : PTransferParts(file, way, parts, n, at);              \
    }                                                                         \
    return NEXT(name64)(fd, parts, n, at, flags);                             \
  }                                                                           \
  EXPORT ssize_t name(int fd, const iovec* parts, int n, off_t at, int flags) \
      __attribute__((alias(#name64)));

AT_POSITION(read, kRead, void*)
AT_POSITION(write, kWrite, const void*)
AT_OFFSET(pread, kRead, void*)
AT_OFFSET(pwrite, kWrite, const void*)
PARTS_AT_POSITION(readv, kRead)
PARTS_AT_POSITION(writev, kWrite)
PARTS_AT_OFFSET(preadv, kRead)
PARTS_AT_OFFSET(pwritev, kWrite)
PARTS_WITH_FLAGS(preadv2, preadv64v2, kRead)
PARTS_WITH_FLAGS(pwritev2, pwritev64v2, kWrite)

// What the compiler puts in their place with _FORTIFY_SOURCE.
EXPORT ssize_t __read_chk(int fd, void* data, size_t size, size_t room) {
  if (size > room) abort();
  return read(fd, data, size);
}
EXPORT ssize_t __pread64_chk(int fd, void* data, size_t size, off_t offset,
                             size_t room) {
  if (size > room) abort();
  return pread64(fd, data, size, offset);
}
EXPORT ssize_t __pread_chk(int fd, void* data, size_t size, off_t offset,
                           size_t room) __attribute__((alias("__pread64_chk")));

EXPORT off_t lseek64(int fd, off_t offset, int whence) noexcept {
  if (const File file = FileOf(fd)) return Seek(file, offset, whence);
  return NEXT(lseek64)(fd, offset, whence);
}
EXPORT off_t lseek(int fd, off_t offset, int whence) noexcept
    __attribute__((alias("lseek64")));

EXPORT int fsync(int fd) {
  if (const File file = FileOf(fd)) return Sync(file);
  return NEXT(fsync)(fd);
}
EXPORT int fdatasync(int fd) {
  if (const File file = FileOf(fd)) return Sync(file);
  return NEXT(fdatasync)(fd);
}
EXPORT int syncfs(int fd) noexcept {
  if (const File file = FileOf(fd)) return Sync(file);
  return NEXT(syncfs)(fd);
}
EXPORT int sync_file_range(int fd, off_t offset, off_t size, unsigned flags) {
  if (const File file = FileOf(fd)) return Sync(file);
  return NEXT(sync_file_range)(fd, offset, size, flags);
}

EXPORT int fallocate64(int fd, int mode, off_t offset, off_t size) {
  if (const File file = FileOf(fd)) {
    return Result(Allocate(file, mode, offset, size));
  }
  return NEXT(fallocate64)(fd, mode, offset, size);
}
EXPORT int fallocate(int fd, int mode, off_t offset, off_t size)
    __attribute__((alias("fallocate64")));
EXPORT int posix_fallocate64(int fd, off_t offset, off_t size) {
  if (FileOf(fd)) return ENODEV;
  return NEXT(posix_fallocate64)(fd, offset, size);
}
EXPORT int posix_fallocate(int fd, off_t offset, off_t size)
    __attribute__((alias("posix_fallocate64")));
EXPORT int posix_fadvise64(int fd, off_t offset, off_t size,
                           int advice) noexcept {
  if (FileOf(fd)) return 0;
  return NEXT(posix_fadvise64)(fd, offset, size, advice);
}
EXPORT int posix_fadvise(int fd, off_t offset, off_t size, int advice) noexcept
    __attribute__((alias("posix_fadvise64")));
EXPORT ssize_t readahead(int fd, off_t offset, size_t size) noexcept {
  if (FileOf(fd)) return 0;
  return NEXT(readahead)(fd, offset, size);
}
EXPORT int ftruncate64(int fd, off_t size) noexcept {
  if (FileOf(fd)) return Result(EINVAL);
  return NEXT(ftruncate64)(fd, size);
}
EXPORT int ftruncate(int fd, off_t size) noexcept
    __attribute__((alias("ftruncate64")));

// Those who call these can do without, and do.
EXPORT ssize_t copy_file_range(int in, off_t* in_at, int out, off_t* out_at,
                               size_t size, unsigned flags) {
  if (FileOf(in) || FileOf(out)) return Result(EINVAL);
  return NEXT(copy_file_range)(in, in_at, out, out_at, size, flags);
}
EXPORT ssize_t sendfile64(int out, int in, off_t* offset,
                          size_t size) noexcept {
  if (FileOf(in) || FileOf(out)) return Result(EINVAL);
  return NEXT(sendfile64)(out, in, offset, size);
}
EXPORT ssize_t sendfile(int out, int in, off_t* offset, size_t size) noexcept
    __attribute__((alias("sendfile64")));
EXPORT ssize_t splice(int in, off_t* in_at, int out, off_t* out_at, size_t size,
                      unsigned flags) {
  if (FileOf(in) || FileOf(out)) return Result(EINVAL);
  return NEXT(splice)(in, in_at, out, out_at, size, flags);
}
// Data for a pipe, which a device's descriptor only looks like.
EXPORT ssize_t vmsplice(int fd, const iovec* parts, size_t n, unsigned flags) {
  return FileOf(fd) ? Result(EBADF) : NEXT(vmsplice)(fd, parts, n, flags);
}
EXPORT ssize_t tee(int in, int out, size_t size, unsigned flags) {
  if (FileOf(in) || FileOf(out)) return Result(EINVAL);
  return NEXT(tee)(in, out, size, flags);
}
EXPORT void* mmap64(void* at, size_t size, int prot, int flags, int fd,
                    off_t offset) noexcept {
  if ((flags & MAP_ANONYMOUS) == 0 && FileOf(fd)) {
    errno = ENODEV;
    return MAP_FAILED;
  }
  return NEXT(mmap64)(at, size, prot, flags, fd, offset);
}
EXPORT void* mmap(void* at, size_t size, int prot, int flags, int fd,
                  off_t offset) noexcept __attribute__((alias("mmap64")));
