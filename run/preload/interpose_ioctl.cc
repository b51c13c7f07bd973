// SPDX-License-Identifier: Apache-2.0
//
// ioctl(2) of a device of the machine.
#include <fcntl.h>
#include <linux/blkpg.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

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
  // The version is written back whatever comes of the command: memory that can
  // not be written is refused before anything is done.
  const UserHead user = ReadUserHead(argument, head, sizeof(head), kDmVersion);
  if (!user.writable) return Result(EFAULT);
  const size_t there = user.size;
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
  m.out_is_ours = true;
  const bool waits = (command & 0xff) == kDmWait;
  m.interruptible = waits;
  const int error = Call(m);
  // No bytes come with an error of our own.
  if (m.head.error != error) return Result(error);
  const bool written =
      waits ? WriteUser(argument, request.data(), m.out_size)
            : WriteUserHead(argument, request.data(), m.out_size);
  return Result(written ? error : EFAULT);
}

// The descriptor that the argument names, if it is one; else -1.
int FdAlong(const dmdax_ioctl_arg& arg, const void* argument, const char* bytes,
            size_t size) {
  int fd = -1;
  if (arg.fd == DMDAX_IOCTL_FD_IS_ARG) {
    fd = static_cast<int>(reinterpret_cast<intptr_t>(argument));
  } else if (arg.fd == DMDAX_IOCTL_FD_IN_BYTES && size > 0) {
    memcpy(&fd, bytes + arg.fd_at, sizeof(fd));
  }
  return fd >= 0 && NEXT(fcntl)(fd, F_GETFD) >= 0 ? fd : -1;
}

// What can not be read is not sent: whether that matters is for the machine to
// say.
int OtherIoctl(const File& file, uint32_t command, void* argument) {
  char bytes[512];
  const dmdax_ioctl_arg arg = dmdax_ioctl_arg_of(command);
  if (arg.size + arg.nested > sizeof(bytes)) return Result(ENOTTY);
  size_t size = 0;
  if (arg.reads != 0 && ReadUser(argument, bytes, arg.size) == arg.size) {
    size = arg.size;
  }
  if (arg.nested != 0 && size > 0) {
    blkpg_ioctl_arg names;
    memcpy(&names, bytes, sizeof(names));
    if (ReadUser(names.data, bytes + size, arg.nested) == arg.nested) {
      size += arg.nested;
    }
  }
  Message m(DMDAX_OP_IOCTL, file.handle);
  m.head.flags = geteuid() == 0 ? DMDAX_AS_ROOT : 0;
  m.head.arg[0] = command;
  m.head.arg[1] = reinterpret_cast<uintptr_t>(argument);
  m.in = bytes;
  m.in_size = size;
  m.in_fd = FdAlong(arg, argument, bytes, size);
  m.out = bytes;  // which have gone by then
  m.out_size = sizeof(bytes);
  m.out_is_ours = true;
  if (const int error = Call(m)) return Result(error);
  if (!WriteUser(argument, bytes, m.out_size)) return Result(EFAULT);
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
