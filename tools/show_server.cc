// SPDX-License-Identifier: Apache-2.0
#include "tools/show_server.h"

#include <sys/socket.h>
#include <sys/time.h>

#include <filesystem>
#include <system_error>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "base/fd.h"
#include "server/ping.h"
#include "server/protocol.h"
#include "server/socket.h"

namespace dmdax {

void ShowServer(const std::string& state) {
  const std::string path = absl::StrCat(state, "/", kSocketName);
  std::error_code error;
  if (!std::filesystem::is_socket(path, error)) return;
  const absl::StatusOr<Fd> socket = ConnectTo(path);
  if (!socket.ok()) return;
  const timeval patience = {.tv_sec = 1, .tv_usec = 0};
  setsockopt(socket->get(), SOL_SOCKET, SO_RCVTIMEO, &patience,
             sizeof(patience));
  if (!SendPing(*socket)) return;
  dmdax_message answer;
  [[maybe_unused]] const ssize_t ignored =
      recv(socket->get(), &answer, sizeof(answer), MSG_WAITALL);
}

}  // namespace dmdax
