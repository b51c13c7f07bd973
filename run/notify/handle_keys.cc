// SPDX-License-Identifier: Apache-2.0
//
// Keys of type "logon" are for the kernel's own use, and the host's has none
// for the machine's devices.  Whoever is told that there is no such call puts
// the key in the table.
#include <errno.h>

#include <string>

#include "run/notify/handlers.h"

namespace dmdax::run {

Reply UseKey(Call& call) {
  const absl::StatusOr<std::string> type =
      call.target.memory().ReadString(call.arg(0));
  return type.ok() && *type == "logon" ? Reply::Errno(ENOSYS)
                                       : Reply::Continue();
}

}  // namespace dmdax::run
