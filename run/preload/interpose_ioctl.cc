// SPDX-License-Identifier: Apache-2.0
//
// ioctl(2) of a device of the machine.
#include <fcntl.h>
#include <linux/blkpg.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <cstdint>
#include <cstring>

#include "run/preload/client.h"
#include "run/preload/file.h"
#include "run/preload/libc.h"
#include "run/preload/user_memory.h"

namespace dmdax::preload {
namespace {

// Of struct dm_ioctl.
constexpr size_t kDmVersion = 12, kDmDataSize = 12, kDmSize = 312;
constexpr uint32_t kDmType = 0xfd, kDmWait = 8;

// Room for the bytes of a call: on the stack, or for large ones of its own;
// malloc() is not for handlers.
class Room {
 public:
  explicit Room(size_t size) : size_(size) {
    if (size <= sizeof(small_)) {
      data_ = small_;
      return;
    }
    void* const memory = mmap(nullptr, size, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    data_ = memory == MAP_FAILED ? nullptr : static_cast<char*>(memory);
  }
  ~Room() {
    if (data_ != small_ && data_ != nullptr) munmap(data_, size_);
  }
  Room(const Room&) = delete;
  Room& operator=(const Room&) = delete;
  char* data() { return data_; }  // null: there is no memory

 private:
  const size_t size_;
  char* data_;
  char small_[17 << 10];  // libdevmapper's first try has 16 KiB
};

// How many bytes there are before nothing but zeros: of the 16 KiB that
// libdevmapper sends, nearly all.
size_t WithoutZeros(const char* bytes, size_t size) {
  constexpr size_t kWord = sizeof(uint64_t);
  uint64_t word = 0;
  while (size >= kWord) {
    memcpy(&word, bytes + size - kWord, kWord);
    if (word != 0) break;
    size -= kWord;
  }
  while (size > 0 && bytes[size - 1] == 0) --size;
  return size;
}

// The kernel reads the struct, and then as much as it says.
int ControlIoctl(const File& file, uint32_t command, void* argument) {
  char head[kDmSize] = {};
  const size_t there = ReadUser(argument, head, sizeof(head));
  // The version is written back whatever comes of the command: memory that can
  // not be written is refused before anything is done.
  if (there < kDmVersion || !WriteUser(argument, head, kDmVersion)) {
    return Result(EFAULT);
  }
  uint32_t wanted = 0;
  if (there == kDmSize) memcpy(&wanted, head + kDmDataSize, sizeof(wanted));
  size_t size = there;
  if (wanted > kDmSize && wanted <= uint32_t{1} << 30) size = wanted;
  Room request(size);
  if (request.data() == nullptr) return Result(ENOMEM);
  if (size == there) {
    memcpy(request.data(), head, size);
  } else {
    size = ReadUser(argument, request.data(), size);
  }
  Message m(DMDAX_OP_IOCTL, file.handle);
  m.head.arg[0] = command;
  m.head.arg[1] = size;
  m.in = request.data();
  m.in_size = WithoutZeros(request.data(), size);
  m.out = request.data();  // which has gone by then
  m.out_size = size;
  m.interruptible = (command & 0xff) == kDmWait;
  const int error = Call(m);
  // No bytes come with an error of our own.
  const bool answered = m.head.error == error;
  if (answered && !WriteUser(argument, request.data(), m.out_size)) {
    return Result(EFAULT);
  }
  return Result(error);
}

int OtherIoctl(const File& file, uint32_t command, void* argument) {
  // A BLKPG names another struct.
  char in[512], out[4096];
  size_t size = dmdax_ioctl_takes(command);
  if (ReadUser(argument, in, size) < size) return Result(EFAULT);
  if (command == BLKPG) {
    constexpr size_t kPartition = 152, kDataAt = 16;
    void* data;
    memcpy(&data, in + kDataAt, sizeof(data));
    if (ReadUser(data, in + size, kPartition) < kPartition) {
      return Result(EFAULT);
    }
    size += kPartition;
  }
  Message m(DMDAX_OP_IOCTL, file.handle);
  m.head.arg[0] = command;
  m.head.arg[1] = reinterpret_cast<uintptr_t>(argument);
  m.in = in;
  m.in_size = size;
  m.out = out;
  m.out_size = sizeof(out);
  switch (dmdax_ioctl_fd(command)) {
    case 1:
      m.in_fd = static_cast<int>(reinterpret_cast<intptr_t>(argument));
      break;
    case 2:
      memcpy(&m.in_fd, in, sizeof(int));
      break;
    default:
      break;
  }
  if (m.in_fd >= 0 && NEXT(fcntl)(m.in_fd, F_GETFD) < 0) return Result(EBADF);
  if (const int error = Call(m)) return Result(error);
  if (!WriteUser(argument, out, m.out_size)) return Result(EFAULT);
  return static_cast<int>(m.head.arg[0]);
}

}  // namespace
}  // namespace dmdax::preload

using namespace dmdax::preload;  // for what is in front of libc's names

EXPORT int ioctl(int fd, unsigned long request, ...) noexcept {
  va_list args;
  va_start(args, request);
  void* const argument = va_arg(args, void*);
  va_end(args);
  static auto* const real = reinterpret_cast<int (*)(int, unsigned long, ...)>(
      dlsym(RTLD_NEXT, "ioctl"));
  const auto command = static_cast<uint32_t>(request);
  // Those of any file are the descriptor's own.
  const bool is_any_files = command == FIOCLEX || command == FIONCLEX ||
                            command == FIONBIO || command == FIOASYNC;
  if (!is_any_files) {
    if (const File file = FileOf(fd)) {
      if (file.kind == 0) return Result(EIO);
      if (!file.IsControl()) return OtherIoctl(file, command, argument);
      if (((command >> 8) & 0xff) != kDmType) return Result(ENOTTY);
      return ControlIoctl(file, command, argument);
    }
  }
  return real(fd, request, argument);
}
