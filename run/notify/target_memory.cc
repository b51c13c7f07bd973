// SPDX-License-Identifier: Apache-2.0
#include "run/notify/target_memory.h"

#include <errno.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string>

#include "base/errno_status.h"

namespace dmdax::run {
namespace {

constexpr size_t kPathMax = 4096;
// Memory is mapped by pages of at least this size: a read up to the next
// multiple fails only if its first byte does.
constexpr uint64_t kPage = 4096;

iovec Remote(uint64_t address, size_t size) {
  return iovec{reinterpret_cast<void*>(address), size};
}

// What process_vm_readv(2) says, as the system call would have.
absl::Status MemoryError(int err) {
  return err == ESRCH ? ErrnoError(ESRCH, "the task is gone")
                      : ErrnoError(EFAULT, "not in the task's memory");
}

}  // namespace

size_t TargetMemory::ReadSome(uint64_t address, absl::Span<char> out) const {
  size_t done = 0;
  while (done < out.size()) {
    const iovec local{out.data() + done, out.size() - done};
    const iovec remote = Remote(address + done, out.size() - done);
    const ssize_t n = process_vm_readv(tid_, &local, 1, &remote, 1, 0);
    if (n <= 0) break;
    done += static_cast<size_t>(n);
  }
  return done;
}

size_t TargetMemory::WriteSome(uint64_t address,
                               absl::Span<const char> bytes) const {
  size_t done = 0;
  while (done < bytes.size()) {
    const iovec local{const_cast<char*>(bytes.data()) + done,
                      bytes.size() - done};
    const iovec remote = Remote(address + done, bytes.size() - done);
    const ssize_t n = process_vm_writev(tid_, &local, 1, &remote, 1, 0);
    if (n <= 0) break;
    done += static_cast<size_t>(n);
  }
  return done;
}

absl::Status TargetMemory::Read(uint64_t address, absl::Span<char> out) const {
  errno = 0;
  return ReadSome(address, out) == out.size() ? absl::OkStatus()
                                              : MemoryError(errno);
}

absl::Status TargetMemory::Write(uint64_t address,
                                 absl::Span<const char> bytes) const {
  errno = 0;
  return WriteSome(address, bytes) == bytes.size() ? absl::OkStatus()
                                                   : MemoryError(errno);
}

absl::StatusOr<std::string> TargetMemory::ReadString(uint64_t address) const {
  std::string text;
  std::array<char, 256> part;
  while (text.size() < kPathMax) {
    const size_t size =
        std::min<uint64_t>(part.size(), kPage - address % kPage);
    absl::Status status = Read(address, absl::MakeSpan(part.data(), size));
    if (!status.ok()) return status;
    const void* nul = std::memchr(part.data(), 0, size);
    const size_t length =
        nul == nullptr
            ? size
            : static_cast<size_t>(static_cast<const char*>(nul) - part.data());
    text.append(part.data(), length);
    if (nul != nullptr) {
      if (text.size() >= kPathMax) break;
      return text;
    }
    address += size;
  }
  return ErrnoError(ENAMETOOLONG, "");
}

}  // namespace dmdax::run
