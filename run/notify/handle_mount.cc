// SPDX-License-Identifier: Apache-2.0
//
// Calls by which the kernel would take a device for itself: refused where they
// name one of the machine's (run/mount_call.h).  All others are the host's.
#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <optional>
#include <string>

#include "absl/strings/match.h"
#include "run/mount_call.h"
#include "run/notify/handlers.h"
#include "run/notify/place.h"

namespace dmdax::run {
namespace {

// A path of the target that is one of the machine's names, or a device's node;
// else "".
std::string MachinesName(const Call& call, int dir, const std::string& said) {
  const std::optional<Place> place = Locate(call, dir, said, LastLink::kFollow);
  if (!place) return "";
  const Seen seen = Look(*place, 0);
  if (seen.node) return said;
  if (!place->in_tree) return "";
  // "tmpfs" is no path, wherever that is said; what the kernel would find by
  // the name in the host's directory is one, though.
  const bool is_path = absl::StartsWith(said, "/") || seen.exists ||
                       access(place->shown.c_str(), F_OK) == 0;
  return is_path ? said : "";
}

std::string MachinesNameAt(const Call& call, int dir, uint64_t address) {
  if (address == 0) return "";
  const absl::StatusOr<std::string> said =
      call.target.memory().ReadString(address);
  return said.ok() ? MachinesName(call, dir, *said) : "";
}

Reply RefuseFor(const char* what, const std::string& path) {
  char line[512];
  SayNoKernel(what, path.c_str(), line, sizeof(line));
  Say(line);
  return Reply::Errno(EPERM);
}

Reply RefuseNamed(const char* what, const std::string& path) {
  return path.empty() ? Reply::Continue() : RefuseFor(what, path);
}

}  // namespace

Reply Mount(Call& call) {
  for (const unsigned name : {0u, 1u}) {
    const std::string path = MachinesNameAt(call, AT_FDCWD, call.arg(name));
    if (!path.empty()) return RefuseFor("mount", path);
  }
  // Some file systems take bytes there, which are no string.
  const absl::StatusOr<std::string> options =
      call.arg(4) == 0 ? std::string()
                       : call.target.memory().ReadString(call.arg(4));
  const bool named =
      options.ok() && AnyOptionPath(options->c_str(), [&](const char* path) {
        return !MachinesName(call, AT_FDCWD, path).empty();
      });
  return named ? RefuseFor("mount", "one of its options") : Reply::Continue();
}

Reply MountPath(Call& call, const char* what, int dir, uint64_t path) {
  return RefuseNamed(what, MachinesNameAt(call, dir, path));
}

Reply MountPaths(Call& call, const char* what, int dir, uint64_t path,
                 int to_dir, uint64_t to) {
  const std::string from = MachinesNameAt(call, dir, path);
  if (!from.empty()) return RefuseFor(what, from);
  return MountPath(call, what, to_dir, to);
}

Reply MountOption(Call& call) {
  const auto command = static_cast<unsigned>(call.arg(1));
  const bool is_path =
      command == FSCONFIG_SET_PATH || command == FSCONFIG_SET_PATH_EMPTY;
  if (!is_path && command != FSCONFIG_SET_STRING) return Reply::Continue();
  return MountPath(call, "mount", is_path ? call.number(4) : AT_FDCWD,
                   call.arg(3));
}

Reply NotMounted(Call& call, uint64_t path, int err) {
  return MachinesNameAt(call, AT_FDCWD, path).empty() ? Reply::Continue()
                                                      : Reply::Errno(err);
}

}  // namespace dmdax::run
