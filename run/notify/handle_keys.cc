// SPDX-License-Identifier: Apache-2.0
//
// Keys of type "logon" are for the kernel's own use, so they are the machine's;
// all others stay with the host.
#include <errno.h>

#include <algorithm>
#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/errno_status.h"
#include "run/key_call.h"
#include "run/notify/handlers.h"
#include "server/protocol.h"

namespace dmdax::run {
namespace {

constexpr size_t kMostPayload = 32767;

bool IsLogon(Call& call, uint64_t type) {
  const absl::StatusOr<std::string> word =
      call.target.memory().ReadString(type);
  return word.ok() && *word == "logon";
}

// `description` and `payload` are addresses.
Reply UseKey(Call& call, unsigned what, uint64_t description, uint64_t payload,
             uint64_t size) {
  const absl::StatusOr<std::string> text =
      call.target.memory().ReadString(description);
  if (!text.ok()) return Reply::Errno(ErrnoOf(text.status()));
  if (size > kMostPayload) return Reply::Errno(EINVAL);
  std::string bytes(size, '\0');
  if (size != 0) {
    absl::Status s =
        call.target.memory().Read(payload, absl::MakeSpan(bytes.data(), size));
    if (!s.ok()) return Reply::Errno(ErrnoOf(s));
  }
  bytes = absl::StrCat("logon", std::string(1, '\0'), *text,
                       std::string(1, '\0'), bytes);
  Exchange e(DMDAX_OP_KEY);
  e.head.flags = what;
  e.in = bytes;
  const int error = call.door.machine.Call(e);
  return error != 0 ? Reply::Errno(error)
                    : Reply::Value(static_cast<int64_t>(e.head.arg[0]));
}

}  // namespace

Reply AddKey(Call& call) {
  if (!IsLogon(call, call.arg(0))) return Reply::Continue();
  return UseKey(call, DMDAX_KEY_ADD, call.arg(1), call.arg(2),
                call.arg(2) == 0 ? 0 : call.arg(3));
}

Reply RequestKey(Call& call) {
  if (!IsLogon(call, call.arg(0))) return Reply::Continue();
  return UseKey(call, DMDAX_KEY_REQUEST, call.arg(1), 0, 0);
}

Reply ControlKey(Call& call) {
  const int what = call.number(0), key = call.number(1);
  if (what == KEYCTL_SEARCH && IsLogon(call, call.arg(2))) {
    return UseKey(call, DMDAX_KEY_REQUEST, call.arg(3), 0, 0);
  }
  if (!KeyctlNamesKey(what) || key < DMDAX_FIRST_KEY) return Reply::Continue();
  std::string bytes;
  if (KeyctlReads(what)) {
    if (call.arg(3) > kMostPayload) return Reply::Errno(EINVAL);
    bytes.resize(call.arg(3));
    absl::Status s = call.target.memory().Read(
        call.arg(2), absl::MakeSpan(bytes.data(), bytes.size()));
    if (!s.ok()) return Reply::Errno(ErrnoOf(s));
  } else {
    const uint64_t third = call.arg(2);
    bytes.assign(reinterpret_cast<const char*>(&third), sizeof(third));
  }
  Exchange e(DMDAX_OP_KEY);
  e.head.flags = DMDAX_KEY_CONTROL;
  e.head.arg[0] = static_cast<uint64_t>(key);
  e.head.arg[1] = static_cast<uint64_t>(what);
  e.in = bytes;
  const int error = call.door.machine.Call(e);
  if (error != 0) return Reply::Errno(error);
  if (!KeyctlWrites(what)) {
    return Reply::Value(static_cast<int64_t>(e.head.arg[0]));
  }
  const uint64_t written = std::min<uint64_t>(e.out.size(), call.arg(3));
  if (call.arg(2) != 0 && written != 0) {
    absl::Status s = call.target.memory().Write(
        call.arg(2), absl::MakeConstSpan(e.out.data(), written));
    if (!s.ok()) return Reply::Errno(ErrnoOf(s));
  }
  return Reply::Value(static_cast<int64_t>(e.out.size()));
}

}  // namespace dmdax::run
