// SPDX-License-Identifier: Apache-2.0
//
// Reads and writes of a device.  Long ones are done in pieces: what was moved
// before an error is the result.
#include <errno.h>
#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "run/notify/data.h"
#include "run/notify/handlers.h"
#include "run/parts_memory.h"
#include "server/protocol.h"

namespace dmdax::run {
namespace {

// As MAX_RW_COUNT of the kernel.
constexpr uint64_t kMostBytes = 0x7ffff000;

// Where the server's position is afterwards, or -errno.
int64_t SeekTo(Call& call, const OpenFile& file, int whence, uint64_t offset) {
  Exchange e(DMDAX_OP_SEEK, file.handle);
  e.head.flags = static_cast<uint32_t>(whence);
  e.head.arg[0] = offset;
  if (const int error = call.AskMachine(e)) return -error;
  return static_cast<int64_t>(e.head.arg[0]);
}

// How many bytes, or -errno.
int64_t ReadPiece(Call& call, const OpenFile& file, uint64_t address,
                  uint64_t size, uint64_t offset, uint32_t memory) {
  Exchange e(DMDAX_OP_READ, file.handle);
  e.head.flags = memory;
  e.head.arg[0] = offset;
  e.head.arg[1] = size;
  if (const int error = call.AskMachine(e)) return -error;
  const absl::string_view bytes =
      absl::string_view(e.out).substr(0, e.head.arg[0]);
  const size_t n = call.target.memory().WriteSome(address, bytes);
  if (n < bytes.size() && offset == kAtPosition) {
    SeekTo(call, file, SEEK_CUR, n - bytes.size());
  }
  if (n == 0 && !bytes.empty()) return -EFAULT;
  return static_cast<int64_t>(n);
}

int64_t WritePiece(Call& call, const OpenFile& file, uint64_t address,
                   uint64_t size, uint64_t offset, uint32_t memory) {
  std::string bytes(size, '\0');
  bytes.resize(call.target.memory().ReadSome(
      address, absl::MakeSpan(bytes.data(), bytes.size())));
  if (bytes.empty() && size > 0) return -EFAULT;
  Exchange e(DMDAX_OP_WRITE, file.handle);
  e.head.flags = memory;
  e.head.arg[0] = offset;
  e.head.arg[1] = bytes.size();
  e.in = bytes;
  if (const int error = call.AskMachine(e)) return -error;
  return static_cast<int64_t>(e.head.arg[0]);
}

int64_t MoveChecked(Call& call, const OpenFile& file, Direction direction,
                    uint64_t address, uint64_t size, uint64_t offset,
                    uint32_t memory) {
  uint64_t done = 0;
  do {
    const uint64_t now = std::min<uint64_t>(size - done, DMDAX_MAX_IO);
    const uint64_t at = offset == kAtPosition ? offset : offset + done;
    const int64_t n =
        direction == Direction::kRead
            ? ReadPiece(call, file, address + done, now, at, memory)
            : WritePiece(call, file, address + done, now, at, memory);
    if (n < 0) return done > 0 ? static_cast<int64_t>(done) : n;
    done += static_cast<uint64_t>(n);
    if (static_cast<uint64_t>(n) < now) break;
  } while (done < size);
  return static_cast<int64_t>(done);
}

// What the file behind the device has, and the rest by message.
int64_t ReadAt(Call& call, const OpenFile& file, uint64_t address,
               uint64_t size, uint64_t offset, uint32_t memory) {
  const uint64_t done = call.door.reads.Read(
      file, offset, call.target.memory(), address, static_cast<size_t>(size));
  if (done == size) return static_cast<int64_t>(done);
  const int64_t n = MoveChecked(call, file, Direction::kRead, address + done,
                                size - done, offset + done, memory);
  if (n < 0) return done > 0 ? static_cast<int64_t>(done) : n;
  return static_cast<int64_t>(done) + n;
}

// At the position, which is the server's: much is read after a message that has
// the position go on.  How many bytes; nothing: that is not the way.
std::optional<int64_t> ReadOn(Call& call, const OpenFile& file,
                              uint64_t address, uint64_t size,
                              uint32_t memory) {
  const int64_t end = SeekTo(call, file, SEEK_CUR, size);
  if (end < 0) return std::nullopt;  // past the device's end
  const uint64_t begin = static_cast<uint64_t>(end) - size;
  const int64_t n = ReadAt(call, file, address, size, begin, memory);
  const uint64_t done = n < 0 ? 0 : static_cast<uint64_t>(n);
  if (done < size) SeekTo(call, file, SEEK_SET, begin + done);
  // The server has the words for what went wrong at the position.
  return n < 0 ? std::nullopt : std::optional(n);
}

int64_t MoveAny(Call& call, const OpenFile& file, Direction direction,
                uint64_t address, uint64_t size, uint64_t offset,
                uint32_t memory) {
  size = std::min(size, kMostBytes);
  if (direction == Direction::kRead && call.door.reads.IsWorth(file, size)) {
    if (offset != kAtPosition) {
      return ReadAt(call, file, address, size, offset, memory);
    }
    const std::optional<int64_t> n = ReadOn(call, file, address, size, memory);
    if (n) return *n;
  }
  return MoveChecked(call, file, direction, address, size, offset, memory);
}

// 0, or the errno of a call that can not move a byte.
int Refused(const OpenFile& file, Direction direction, uint64_t offset) {
  if (const int error = file.Error()) return error;
  const int closed = direction == Direction::kRead ? O_WRONLY : O_RDONLY;
  if ((file.flags & O_ACCMODE) == closed) return EBADF;
  if (static_cast<int64_t>(offset) < 0 && offset != kAtPosition) return EINVAL;
  return 0;
}

Reply MoveAll(Call& call, Direction direction, uint64_t offset) {
  const std::optional<OpenFile> file = call.FileAt(call.number(0));
  if (!file) return Reply::Continue();
  return Reply::Value(
      Move(call, *file, direction, call.arg(1), call.arg(2), offset));
}

Reply MoveAllParts(Call& call, Direction direction, uint64_t offset) {
  const std::optional<OpenFile> file = call.FileAt(call.number(0));
  if (!file) return Reply::Continue();
  return Reply::Value(
      MoveParts(call, *file, direction, call.arg(1), call.arg(2), offset));
}

// An offset of -1 is none, where it does not mean the position.
uint64_t Offset(uint64_t said) {
  return said == kAtPosition ? uint64_t{1} << 63 : said;
}

}  // namespace

int64_t Move(Call& call, const OpenFile& file, Direction direction,
             uint64_t address, uint64_t size, uint64_t offset) {
  if (const int error = Refused(file, direction, offset)) return -error;
  return MoveAny(call, file, direction, address, size, offset,
                 DMDAX_MEMORY(address, 0));
}

int64_t MoveParts(Call& call, const OpenFile& file, Direction direction,
                  uint64_t address, uint64_t count, uint64_t offset) {
  if (const int error = Refused(file, direction, offset)) return -error;
  if (count > 1024) return -EINVAL;  // UIO_MAXIOV
  std::vector<iovec> parts(count);
  const absl::Span<char> bytes(reinterpret_cast<char*>(parts.data()),
                               count * sizeof(iovec));
  if (!call.target.memory().Read(address, bytes).ok()) return -EFAULT;
  const uint32_t memory = MemoryOfParts(parts.data(), parts.size());
  int64_t done = 0;
  for (const iovec& part : parts) {
    if (part.iov_len == 0) continue;
    const uint64_t at =
        offset == kAtPosition ? offset : offset + static_cast<uint64_t>(done);
    const int64_t n = MoveAny(call, file, direction,
                              reinterpret_cast<uint64_t>(part.iov_base),
                              part.iov_len, at, memory);
    if (n < 0) return done > 0 ? done : n;
    done += n;
    if (static_cast<uint64_t>(n) < part.iov_len) break;
  }
  return done;
}

int SyncBytes(Call& call, const OpenFile& file) {
  if (const int error = file.Error()) return error;
  Exchange e(DMDAX_OP_SYNC, file.handle);
  return call.AskMachine(e);
}

Reply Transfer(Call& call, Direction direction) {
  return MoveAll(call, direction, kAtPosition);
}

Reply TransferAt(Call& call, Direction direction) {
  return MoveAll(call, direction, Offset(call.arg(3)));
}

Reply TransferV(Call& call, Direction direction) {
  return MoveAllParts(call, direction, kAtPosition);
}

Reply TransferVAt(Call& call, Direction direction) {
  return MoveAllParts(call, direction, Offset(call.arg(3)));
}

Reply TransferVAt2(Call& call, Direction direction) {
  return MoveAllParts(call, direction, call.arg(3));
}

Reply Seek(Call& call) {
  const std::optional<OpenFile> file = call.FileAt(call.number(0));
  if (!file) return Reply::Continue();
  if (const int error = file->Error()) return Reply::Errno(error);
  return Reply::Value(SeekTo(call, *file, call.number(2), call.arg(1)));
}

Reply Sync(Call& call) {
  const std::optional<OpenFile> file = call.FileAt(call.number(0));
  if (!file) return Reply::Continue();
  return Reply::Of(SyncBytes(call, *file));
}

Reply Allocate(Call& call) {
  const std::optional<OpenFile> file = call.FileAt(call.number(0));
  if (!file) return Reply::Continue();
  if (const int error = file->Error()) return Reply::Errno(error);
  Exchange e(DMDAX_OP_ALLOCATE, file->handle);
  e.head.flags = static_cast<uint32_t>(call.arg(1));
  e.head.arg[0] = call.arg(2);
  e.head.arg[1] = call.arg(3);
  return Reply::Of(call.AskMachine(e));
}

}  // namespace dmdax::run
