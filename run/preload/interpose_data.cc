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

EXPORT ssize_t read(int fd, void* data, size_t size) {
  if (const File file = FileOf(fd)) {
    return Transfer(file, kRead, data, size, kAtPosition);
  }
  return NEXT(read)(fd, data, size);
}
EXPORT ssize_t write(int fd, const void* data, size_t size) {
  if (const File file = FileOf(fd)) {
    return Transfer(file, kWrite, Bytes(data), size, kAtPosition);
  }
  return NEXT(write)(fd, data, size);
}
EXPORT ssize_t pread64(int fd, void* data, size_t size, off_t offset) {
  if (const File file = FileOf(fd)) {
    return PTransfer(file, kRead, data, size, offset);
  }
  return NEXT(pread64)(fd, data, size, offset);
}
EXPORT ssize_t pwrite64(int fd, const void* data, size_t size, off_t offset) {
  if (const File file = FileOf(fd)) {
    return PTransfer(file, kWrite, data, size, offset);
  }
  return NEXT(pwrite64)(fd, data, size, offset);
}
EXPORT ssize_t pread(int fd, void* data, size_t size, off_t offset)
    __attribute__((alias("pread64")));
EXPORT ssize_t pwrite(int fd, const void* data, size_t size, off_t offset)
    __attribute__((alias("pwrite64")));
EXPORT ssize_t readv(int fd, const iovec* parts, int n) {
  if (const File file = FileOf(fd)) {
    return TransferParts(file, kRead, parts, n, kAtPosition);
  }
  return NEXT(readv)(fd, parts, n);
}
EXPORT ssize_t writev(int fd, const iovec* parts, int n) {
  if (const File file = FileOf(fd)) {
    return TransferParts(file, kWrite, parts, n, kAtPosition);
  }
  return NEXT(writev)(fd, parts, n);
}
EXPORT ssize_t preadv64(int fd, const iovec* parts, int n, off_t offset) {
  if (const File file = FileOf(fd)) {
    return PTransferParts(file, kRead, parts, n, offset);
  }
  return NEXT(preadv64)(fd, parts, n, offset);
}
EXPORT ssize_t pwritev64(int fd, const iovec* parts, int n, off_t offset) {
  if (const File file = FileOf(fd)) {
    return PTransferParts(file, kWrite, parts, n, offset);
  }
  return NEXT(pwritev64)(fd, parts, n, offset);
}
EXPORT ssize_t preadv(int fd, const iovec* parts, int n, off_t offset)
    __attribute__((alias("preadv64")));
EXPORT ssize_t pwritev(int fd, const iovec* parts, int n, off_t offset)
    __attribute__((alias("pwritev64")));
EXPORT ssize_t preadv64v2(int fd, const iovec* parts, int n, off_t offset,
                          int flags) {
  if (const File file = FileOf(fd)) {
    return offset == -1 ? TransferParts(file, kRead, parts, n, kAtPosition)
                        : PTransferParts(file, kRead, parts, n, offset);
  }
  return NEXT(preadv64v2)(fd, parts, n, offset, flags);
}
EXPORT ssize_t pwritev64v2(int fd, const iovec* parts, int n, off_t offset,
                           int flags) {
  if (const File file = FileOf(fd)) {
    return offset == -1 ? TransferParts(file, kWrite, parts, n, kAtPosition)
                        : PTransferParts(file, kWrite, parts, n, offset);
  }
  return NEXT(pwritev64v2)(fd, parts, n, offset, flags);
}
EXPORT ssize_t preadv2(int fd, const iovec* parts, int n, off_t offset,
                       int flags) __attribute__((alias("preadv64v2")));
EXPORT ssize_t pwritev2(int fd, const iovec* parts, int n, off_t offset,
                        int flags) __attribute__((alias("pwritev64v2")));
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
