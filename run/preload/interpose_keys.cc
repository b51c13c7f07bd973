// SPDX-License-Identifier: Apache-2.0
//
// Keys of type "logon" are for the kernel's own use, so they are the machine's;
// all others stay with the host.
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "run/key_call.h"
#include "run/preload/client.h"
#include "run/preload/keys.h"
#include "run/preload/libc.h"
#include "run/preload/user_memory.h"

namespace dmdax::preload {
namespace {

constexpr char kLogon[] = "logon";
constexpr size_t kMostDescription = 4096, kMostPayload = 32767;

const void* Pointer(long argument) {
  return reinterpret_cast<const void*>(argument);
}

bool IsLogon(long type) {
  char word[sizeof(kLogon)] = {};
  ReadUser(Pointer(type), word, sizeof(word));
  return memcmp(word, kLogon, sizeof(kLogon)) == 0;
}

// strndup_user(): with its NUL.  0 and errno if there is none.
size_t ReadDescription(const void* from, char (&to)[kMostDescription]) {
  const size_t n = ReadUser(from, to, sizeof(to));
  if (const void* const nul = memchr(to, '\0', n)) {
    return static_cast<size_t>(static_cast<const char*>(nul) - to) + 1;
  }
  errno = n < sizeof(to) ? EFAULT : EINVAL;
  return 0;
}

// The serial number, or -1 and errno.
long UseKey(unsigned what, const void* description, const void* payload,
            size_t size) {
  if (size > kMostPayload) return Result(EINVAL);
  char text[kMostDescription];
  const size_t length = ReadDescription(description, text);
  if (length == 0) return -1;
  char bytes[sizeof(kLogon) + kMostDescription + kMostPayload];
  memcpy(bytes, kLogon, sizeof(kLogon));
  memcpy(bytes + sizeof(kLogon), text, length);
  if (ReadUser(payload, bytes + sizeof(kLogon) + length, size) < size) {
    return Result(EFAULT);
  }
  Message m(DMDAX_OP_KEY);
  m.head.flags = what;
  m.in = bytes;
  m.in_size = sizeof(kLogon) + length + size;
  const int error = Call(m);
  explicit_bzero(bytes, sizeof(bytes));
  return error != 0 ? Result(error) : static_cast<long>(m.head.arg[0]);
}

long ControlKey(const long* args) {
  const int what = static_cast<int>(args[0]);
  char bytes[kMostPayload];
  Message m(DMDAX_OP_KEY);
  m.head.flags = DMDAX_KEY_CONTROL;
  m.head.arg[0] = static_cast<uint64_t>(static_cast<int>(args[1]));
  m.head.arg[1] = static_cast<uint64_t>(what);
  m.in = bytes;
  if (run::KeyctlReads(what)) {
    m.in_size = static_cast<size_t>(args[3]);
    if (m.in_size > sizeof(bytes)) return Result(EINVAL);
    if (ReadUser(Pointer(args[2]), bytes, m.in_size) < m.in_size) {
      return Result(EFAULT);
    }
  } else {
    m.in_size = sizeof(args[2]);
    memcpy(bytes, &args[2], sizeof(args[2]));
  }
  char said[kMostDescription + 64];
  m.out = said;
  m.out_size = sizeof(said);
  const int error = Call(m);
  explicit_bzero(bytes, m.in_size);
  if (error != 0) return Result(error);
  if (!run::KeyctlWrites(what)) return static_cast<long>(m.head.arg[0]);
  const size_t room = static_cast<size_t>(args[3]);
  const size_t written = m.out_size < room ? m.out_size : room;
  if (args[2] != 0 && written != 0 &&
      !WriteUser(const_cast<void*>(Pointer(args[2])), said, written)) {
    return Result(EFAULT);
  }
  return static_cast<long>(m.out_size);
}

}  // namespace

bool KeyCall(long number, const long* args, long* result) {
  if (number == SYS_add_key && IsLogon(args[0])) {
    *result = UseKey(DMDAX_KEY_ADD, Pointer(args[1]), Pointer(args[2]),
                     args[2] == 0 ? 0 : static_cast<size_t>(args[3]));
    return true;
  }
  if (number == SYS_request_key && IsLogon(args[0])) {
    *result = UseKey(DMDAX_KEY_REQUEST, Pointer(args[1]), nullptr, 0);
    return true;
  }
  if (number != SYS_keyctl) return false;
  const int what = static_cast<int>(args[0]);
  if (what == KEYCTL_SEARCH && IsLogon(args[2])) {
    *result = UseKey(DMDAX_KEY_REQUEST, Pointer(args[3]), nullptr, 0);
    return true;
  }
  if (!run::KeyctlNamesKey(what) ||
      static_cast<int>(args[1]) < DMDAX_FIRST_KEY) {
    return false;
  }
  *result = ControlKey(args);
  return true;
}

}  // namespace dmdax::preload
