// SPDX-License-Identifier: Apache-2.0
//
// Keys of type "logon" are for the kernel's own use, so they are the machine's;
// all others stay with the host.
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "run/preload/client.h"
#include "run/preload/keys.h"
#include "run/preload/libc.h"

namespace dmdax::preload {
namespace {

constexpr char kLogon[] = "logon";
constexpr size_t kMostDescription = 4096, kMostPayload = 32767;

bool IsLogon(long type) {
  const auto* const word = reinterpret_cast<const char*>(type);
  return word != nullptr && strcmp(word, kLogon) == 0;
}

// The serial number, or -1 and errno.
long UseKey(unsigned what, const char* description, const void* payload,
            size_t size) {
  if (description == nullptr) return Result(EFAULT);
  const size_t length = strlen(description) + 1;
  if (length > kMostDescription || size > kMostPayload) return Result(EINVAL);
  char bytes[sizeof(kLogon) + kMostDescription + kMostPayload];
  memcpy(bytes, kLogon, sizeof(kLogon));
  memcpy(bytes + sizeof(kLogon), description, length);
  if (size != 0) memcpy(bytes + sizeof(kLogon) + length, payload, size);
  Message m(DMDAX_OP_KEY);
  m.head.flags = what;
  m.in = bytes;
  m.in_size = sizeof(kLogon) + length + size;
  const int error = Call(m);
  explicit_bzero(bytes, sizeof(bytes));
  return error != 0 ? Result(error) : static_cast<long>(m.head.arg[0]);
}

long ControlKey(long what, long key) {
  Message m(DMDAX_OP_KEY);
  m.head.flags = DMDAX_KEY_CONTROL;
  m.head.arg[0] = static_cast<uint64_t>(key);
  m.head.arg[1] = static_cast<uint64_t>(what);
  return Result(Call(m));
}

}  // namespace

bool KeyCall(long number, const long* args, long* result) {
  if (number == SYS_add_key && IsLogon(args[0])) {
    *result = UseKey(DMDAX_KEY_ADD, reinterpret_cast<const char*>(args[1]),
                     reinterpret_cast<const void*>(args[2]),
                     args[2] == 0 ? 0 : static_cast<size_t>(args[3]));
    return true;
  }
  if (number == SYS_request_key && IsLogon(args[0])) {
    *result = UseKey(DMDAX_KEY_REQUEST, reinterpret_cast<const char*>(args[1]),
                     nullptr, 0);
    return true;
  }
  if (number == SYS_keyctl && static_cast<int>(args[1]) >= DMDAX_FIRST_KEY) {
    *result = ControlKey(static_cast<int>(args[0]), static_cast<int>(args[1]));
    return true;
  }
  return false;
}

}  // namespace dmdax::preload
