// SPDX-License-Identifier: Apache-2.0
#include "run/preload/user_memory.h"

#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

namespace dmdax::preload {
namespace {

// Where a sandbox forbids the calls, pointers are believed.
bool Forbidden(ssize_t result) {
  return result < 0 && (errno == ENOSYS || errno == EPERM);
}

}  // namespace

size_t ReadUser(const void* pointer, void* to, size_t size) {
  size_t done = 0;
  while (done < size) {
    auto* const from = static_cast<char*>(const_cast<void*>(pointer)) + done;
    const iovec ours = {static_cast<char*>(to) + done, size - done};
    const iovec theirs = {from, size - done};
    const ssize_t n = process_vm_readv(getpid(), &ours, 1, &theirs, 1, 0);
    if (Forbidden(n)) {
      memcpy(ours.iov_base, from, size - done);
      return size;
    }
    if (n <= 0) break;
    done += static_cast<size_t>(n);
  }
  return done;
}

bool WriteUser(void* pointer, const void* from, size_t size) {
  if (size == 0) return true;
  const iovec ours = {const_cast<void*>(from), size};
  const iovec theirs = {pointer, size};
  const ssize_t n = process_vm_writev(getpid(), &ours, 1, &theirs, 1, 0);
  if (Forbidden(n)) {
    memcpy(pointer, from, size);
    return true;
  }
  return n == static_cast<ssize_t>(size);
}

UserHead ReadUserHead(void* pointer, void* to, size_t size, size_t written) {
  // The last part copies memory of the program to where it is.
  const iovec ours[] = {{to, size}, {pointer, written}};
  const iovec theirs[] = {{pointer, size}, {pointer, written}};
  const ssize_t n = process_vm_readv(getpid(), ours, 2, theirs, 2, 0);
  if (n == static_cast<ssize_t>(size + written)) return {size, true};
  const size_t there = ReadUser(pointer, to, size);
  return {there, there >= written && WriteUser(pointer, to, written)};
}

bool WriteUserHead(void* pointer, const void* from, size_t size) {
  constexpr uintptr_t kPage = 4096;
  const auto at = reinterpret_cast<uintptr_t>(pointer);
  if (at % kPage + size > kPage) return WriteUser(pointer, from, size);
  memcpy(pointer, from, size);
  return true;
}

}  // namespace dmdax::preload
