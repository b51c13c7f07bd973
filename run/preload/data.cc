// SPDX-License-Identifier: Apache-2.0
#include "run/preload/data.h"

#include <fcntl.h>
#include <unistd.h>

#include "run/parts_memory.h"
#include "run/preload/client.h"
#include "run/preload/lease.h"
#include "run/preload/libc.h"

namespace dmdax::preload {
namespace {

// One message.  How many bytes, or -errno.
ssize_t Piece(const File& file, Direction direction, char* buffer, size_t size,
              uint64_t offset, uint32_t memory) {
  const bool reads = direction == Direction::kRead;
  Message m(reads ? DMDAX_OP_READ : DMDAX_OP_WRITE, file.handle);
  m.head.flags = memory;
  m.head.arg[0] = offset;
  m.head.arg[1] = size;
  if (reads) {
    m.out = buffer;
    m.out_size = size;
  } else {
    m.in = buffer;
    m.in_size = size;
  }
  if (const int error = Call(m)) return -error;
  return static_cast<ssize_t>(m.head.arg[0]);
}

// What is left after the first `done` bytes.
ssize_t ByMessage(const File& file, Direction direction, char* bytes,
                  size_t size, uint64_t offset, size_t done, uint32_t memory) {
  if (size > 0 && done == size) return static_cast<ssize_t>(done);
  do {
    const size_t left = size - done;
    constexpr size_t kMost = DMDAX_MAX_IO;
    const size_t now = left < kMost ? left : kMost;
    const ssize_t n =
        Piece(file, direction, bytes + done, now,
              offset == kAtPosition ? offset : offset + done, memory);
    if (n < 0 && done == 0) return Result(static_cast<int>(-n));
    if (n <= 0) break;
    done += static_cast<size_t>(n);
    if (static_cast<size_t>(n) < now) break;
  } while (done < size);
  return static_cast<ssize_t>(done);
}

// At the position, which is the server's: much is moved after a message that
// has the position go on.  How many bytes; -1: that is not the way.
ssize_t MoveOn(const File& file, Direction direction, char* bytes, size_t size,
               uint32_t memory) {
  constexpr size_t kMuch = 64 << 10;
  if (size < kMuch || !MayTransferDirect(file, direction)) return -1;
  const KeepErrno keep;
  const off_t end = Seek(file, static_cast<off_t>(size), SEEK_CUR);
  if (end < 0) return -1;  // past the end of the device
  const uint64_t begin = static_cast<uint64_t>(end) - size;
  const size_t direct = TransferDirect(file, direction, bytes, size, begin);
  const ssize_t n =
      ByMessage(file, direction, bytes, size, begin, direct, memory);
  const size_t done = n < 0 ? 0 : static_cast<size_t>(n);
  if (done < size) Seek(file, static_cast<off_t>(begin + done), SEEK_SET);
  // The server has the words for what went wrong at the position.
  return n < 0 ? -1 : n;
}

ssize_t Move(const File& file, Direction direction, void* buffer, size_t size,
             uint64_t offset, uint32_t memory) {
  if (file.kind == 0) return Result(EIO);
  const int mode = file.flags & O_ACCMODE;
  if (mode == (direction == Direction::kRead ? O_WRONLY : O_RDONLY)) {
    return Result(EBADF);
  }
  if (static_cast<int64_t>(offset) < 0 && offset != kAtPosition) {
    return Result(EINVAL);
  }
  auto* const bytes = static_cast<char*>(buffer);
  if (offset == kAtPosition) {
    const ssize_t n = MoveOn(file, direction, bytes, size, memory);
    return n >= 0 ? n
                  : ByMessage(file, direction, bytes, size, offset, 0, memory);
  }
  return ByMessage(file, direction, bytes, size, offset,
                   TransferDirect(file, direction, bytes, size, offset),
                   memory);
}

}  // namespace

ssize_t Transfer(const File& file, Direction direction, void* buffer,
                 size_t size, uint64_t offset) {
  return Move(file, direction, buffer, size, offset,
              DMDAX_MEMORY(reinterpret_cast<uintptr_t>(buffer), 0));
}

ssize_t TransferParts(const File& file, Direction direction, const iovec* parts,
                      int n, uint64_t offset) {
  if (n < 0 || n > 1024) return Result(EINVAL);
  const uint32_t memory = run::MemoryOfParts(parts, static_cast<size_t>(n));
  ssize_t done = 0;
  for (int i = 0; i < n; ++i) {
    if (parts[i].iov_len == 0) continue;
    const ssize_t got = Move(
        file, direction, parts[i].iov_base, parts[i].iov_len,
        offset == kAtPosition ? offset : offset + static_cast<uint64_t>(done),
        memory);
    if (got < 0) return done > 0 ? done : got;
    done += got;
    if (static_cast<size_t>(got) < parts[i].iov_len) break;
  }
  return done;
}

off_t Seek(const File& file, off_t offset, int whence) {
  Message m(DMDAX_OP_SEEK, file.handle);
  m.head.flags = static_cast<uint32_t>(whence);
  m.head.arg[0] = static_cast<uint64_t>(offset);
  if (const int error = Call(m)) return Result(error);
  return static_cast<off_t>(m.head.arg[0]);
}

int Sync(const File& file) {
  Message m(DMDAX_OP_SYNC, file.handle);
  return Result(Call(m));
}

}  // namespace dmdax::preload
