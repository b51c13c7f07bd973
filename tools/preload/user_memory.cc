// SPDX-License-Identifier: Apache-2.0
#include "tools/preload/user_memory.h"

#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace dmdax::preload {
namespace {

// Where a sandbox forbids the calls, pointers are believed.
bool Forbidden(ssize_t result) {
  return result < 0 && (errno == ENOSYS || errno == EPERM);
}

}  // namespace

std::string ReadUser(const void* pointer, size_t size) {
  // In pieces: the size is somebody's word, too.
  constexpr size_t kPiece = 1 << 20;
  std::string bytes;
  while (bytes.size() < size) {
    const size_t done = bytes.size(), want = std::min(size - done, kPiece);
    bytes.resize(done + want);
    const auto* const from = static_cast<const char*>(pointer) + done;
    const iovec ours = {bytes.data() + done, want};
    const iovec theirs = {const_cast<char*>(from), want};
    ssize_t n = process_vm_readv(getpid(), &ours, 1, &theirs, 1, 0);
    if (Forbidden(n)) {
      memcpy(bytes.data() + done, from, want);
      n = static_cast<ssize_t>(want);
    }
    bytes.resize(done + (n < 0 ? 0 : static_cast<size_t>(n)));
    if (bytes.size() < done + want) break;
  }
  return bytes;
}

bool WriteUser(void* pointer, absl::string_view bytes) {
  if (bytes.empty()) return true;
  const iovec ours = {const_cast<char*>(bytes.data()), bytes.size()};
  const iovec theirs = {pointer, bytes.size()};
  const ssize_t n = process_vm_writev(getpid(), &ours, 1, &theirs, 1, 0);
  if (Forbidden(n)) {
    memcpy(pointer, bytes.data(), bytes.size());
    return true;
  }
  return n == static_cast<ssize_t>(bytes.size());
}

}  // namespace dmdax::preload
