// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "base/fd.h"
#include "server/resident.h"
#include "server/scratch_tree.h"
#include "server/server.h"
#include "server/socket.h"
#include "tests/server/serving.h"

namespace dmdax {

void ServeHere(const std::string& state, int out) {
  absl::StatusOr<std::unique_ptr<Resident>> resident = Resident::Of(state);
  absl::StatusOr<std::unique_ptr<ScratchTree>> tree = ScratchTree::Make();
  absl::StatusOr<Fd> listener = ListenAt(state, kSocketName);
  if (!resident.ok() || !tree.ok() || !listener.ok()) return;
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  const Fd until(signalfd(-1, &signals, SFD_CLOEXEC));
  Server server(**resident, **tree, *std::move(listener));
  const std::string line = absl::StrCat(state, "/", kSocketName, "\n");
  [[maybe_unused]] const ssize_t ignored = write(out, line.data(), line.size());
  close(out);
  server.Run(until.get()).IgnoreError();
}

}  // namespace dmdax

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  std::string* const paths[] = {&dmdax::dmdax_command, &dmdax::preload_library,
                                &dmdax::client_script};
  for (int i = 1; i < argc && i <= 3; ++i) {
    const std::string path = argv[i];
    if (path != "-") *paths[i - 1] = std::filesystem::absolute(path);
  }
  return RUN_ALL_TESTS();
}
