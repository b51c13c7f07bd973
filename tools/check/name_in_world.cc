// SPDX-License-Identifier: Apache-2.0
#include "tools/check/name_in_world.h"

#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "process/mount_point.h"
#include "state/find_device.h"

namespace dmdax {
namespace {

// "db/data" of "/mnt/db/data" in "/mnt", "" of that itself; nothing: it is not
// in it.
std::optional<absl::string_view> In(absl::string_view directory,
                                    absl::string_view path) {
  if (directory == "/") directory = "";
  if (path == directory) return "";
  if (!absl::ConsumePrefix(&path, directory) ||
      !absl::ConsumePrefix(&path, "/")) {
    return std::nullopt;
  }
  return path;
}

std::string Join(absl::string_view directory, absl::string_view name) {
  if (name.empty()) return std::string(directory);
  return absl::StrCat(directory == "/" ? "" : directory, "/", name);
}

// The deepest mount beside the World's that the path is in; null: none.
const proto::MountBeside* BesideOf(const Session& session,
                                   absl::string_view path) {
  const proto::MountBeside* deepest = nullptr;
  for (const proto::MountBeside& beside : session.mounts_beside) {
    if (beside.hidden() || beside.device().empty() ||
        !In(beside.path(), path)) {
      continue;
    }
    if (deepest == nullptr || beside.path().size() > deepest->path().size()) {
      deepest = &beside;
    }
  }
  return deepest;
}

// Which directory of its file system a mount of the World shows; "": nobody
// says.
std::string RootOf(const Session& session, const std::string& path) {
  for (const proto::MountBeside& beside : session.mounts_beside) {
    if (!beside.hidden() && beside.path() == path) return beside.root();
  }
  return "/";
}

}  // namespace

std::string NameInWorld(const Session& session, const std::string& name) {
  if (!absl::StartsWith(name, "/") || absl::StartsWith(name, "/dev/") ||
      session.user->FindMount(name).ok() || session.user->FindFile(name).ok()) {
    return name;
  }
  const proto::MountBeside* const beside = BesideOf(session, name);
  if (beside == nullptr || beside->root().empty()) return name;
  const auto bdev = FindDevice(session, beside->device());
  const MountPoint* const mount =
      bdev.ok() ? session.user->FirstMountOf(**bdev) : nullptr;
  if (mount == nullptr) return name;
  const std::string& at = mount->options().path;
  // A mount of the World may lie in the other one, and hide it there.
  if (In(beside->path(), at) && In(at, name)) return name;
  const std::string root = RootOf(session, at);
  const std::string inside = Join(beside->root(), *In(beside->path(), name));
  const auto below = root.empty() ? std::nullopt : In(root, inside);
  return below ? Join(at, *below) : name;
}

}  // namespace dmdax
