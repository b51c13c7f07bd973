// SPDX-License-Identifier: Apache-2.0
//
// Keys of type "logon" are for the kernel's own use, so they are the machine's;
// all others stay with the host.
#include <errno.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/errno_status.h"
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

Reply UseKey(Call& call, unsigned what, uint64_t payload, uint64_t size) {
  if (!IsLogon(call, call.arg(0))) return Reply::Continue();
  const absl::StatusOr<std::string> description =
      call.target.memory().ReadString(call.arg(1));
  if (!description.ok()) return Reply::Errno(ErrnoOf(description.status()));
  if (size > kMostPayload) return Reply::Errno(EINVAL);
  std::string bytes(size, '\0');
  if (size != 0) {
    absl::Status s =
        call.target.memory().Read(payload, absl::MakeSpan(bytes.data(), size));
    if (!s.ok()) return Reply::Errno(ErrnoOf(s));
  }
  bytes = absl::StrCat("logon", std::string(1, '\0'), *description,
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
  return UseKey(call, DMDAX_KEY_ADD, call.arg(2),
                call.arg(2) == 0 ? 0 : call.arg(3));
}

Reply RequestKey(Call& call) { return UseKey(call, DMDAX_KEY_REQUEST, 0, 0); }

Reply ControlKey(Call& call) {
  const int what = call.number(0), key = call.number(1);
  if (key < DMDAX_FIRST_KEY) return Reply::Continue();
  Exchange e(DMDAX_OP_KEY);
  e.head.flags = DMDAX_KEY_CONTROL;
  e.head.arg[0] = static_cast<uint64_t>(key);
  e.head.arg[1] = static_cast<uint64_t>(what);
  return Reply::Errno(call.door.machine.Call(e));
}

}  // namespace dmdax::run
