// SPDX-License-Identifier: Apache-2.0
#include "tools/resident_machine.h"

#include <unistd.h>

#include <filesystem>
#include <iostream>
#include <memory>
#include <string>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/kernel_profile.h"
#include "dm/wire/loaded_targets.h"
#include "server/socket.h"
#include "state/dir/pmem_bytes.h"
#include "state/session.h"
#include "tools/world_file.h"

namespace dmdax {
namespace {

absl::StatusOr<std::unique_ptr<Resident>> PrivateMachine(const App& app) {
  if (!app.kernel.ok()) return app.kernel.status();
  if (app.world_file) {
    absl::StatusOr<Session> session =
        SessionFromWorldFile(*app.world_file, *app.kernel);
    if (!session.ok()) return session.status();
    absl::Status s = SharePmemFiles(*session->machine);
    if (!s.ok()) return s;
    return std::make_unique<Resident>(*std::move(session));
  }
  const KernelProfile* profile = &DefaultKernelProfile();
  for (const KernelProfile& known : AllKernelProfiles()) {
    if (known.name == *app.kernel) profile = &known;
  }
  return std::make_unique<Resident>(NewSession(*profile, 0));
}

std::string Absolute(const std::string& path) {
  std::error_code error;
  const std::string absolute = std::filesystem::absolute(path, error);
  return error ? path : absolute;
}

}  // namespace

std::string SocketOfState(const std::string& state) {
  const std::string path = absl::StrCat(Absolute(state), "/", kSocketName);
  return ConnectTo(path).ok() ? path : "";
}

absl::StatusOr<std::unique_ptr<ResidentMachine>> ResidentMachine::Make(
    App& app, Where where) {
  std::unique_ptr<ResidentMachine> made(new ResidentMachine);
  std::string directory;
  if (where == kState) {
    // Makes the state if there is none, and gives an empty one its kernel.
    absl::Status s = app.Change([](Session&) { return absl::OkStatus(); });
    if (!s.ok()) return s;
    directory = Absolute(app.state_dir);
    absl::StatusOr<std::unique_ptr<Resident>> resident =
        Resident::Of(directory);
    if (!resident.ok()) return resident.status();
    made->resident_ = *std::move(resident);
    for (const std::string& line : made->resident_->loops().Unopened()) {
      std::cerr << "dmdax: " << line << "; its reads and writes fail"
                << std::endl;
    }
  } else {
    // lvm2 asks modprobe for what is not there, and no file of a module is.
    LoadAllTargets();
    absl::StatusOr<std::unique_ptr<Resident>> resident = PrivateMachine(app);
    if (!resident.ok()) return resident.status();
    made->resident_ = *std::move(resident);
  }
  absl::StatusOr<std::unique_ptr<ScratchTree>> tree = ScratchTree::Make();
  if (!tree.ok()) return tree.status();
  made->tree_ = *std::move(tree);
  if (where == kPrivate) directory = made->tree_->directory();
  absl::StatusOr<Fd> listener = ListenAt(directory, kSocketName);
  if (!listener.ok()) return listener.status();
  made->socket_ = absl::StrCat(directory, "/", kSocketName);
  made->server_ = std::make_unique<Server>(*made->resident_, *made->tree_,
                                           *std::move(listener));
  return made;
}

// Who comes now finds nobody, and not one that does not answer.
ResidentMachine::~ResidentMachine() {
  if (!socket_.empty()) unlink(socket_.c_str());
}

}  // namespace dmdax
