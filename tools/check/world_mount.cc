// SPDX-License-Identifier: Apache-2.0
#include "tools/check/world_mount.h"

#include "absl/strings/str_cat.h"
#include "base/one_line.h"
#include "fs/file_system_type.h"
#include "process/mount_point.h"

namespace dmdax {

proto::Mount* FindWorldMount(proto::World& world, const std::string& path) {
  for (proto::Mount& mount : *world.mutable_mount()) {
    if (MountPath(mount.path()) == MountPath(path)) return &mount;
  }
  return nullptr;
}

const proto::Mount* FindWorldMount(const proto::World& world,
                                   const std::string& path) {
  return FindWorldMount(const_cast<proto::World&>(world), path);
}

std::string WorldFsType(const proto::Mount& mount) {
  return mount.type().empty() ? std::string(kDefaultFileSystem) : mount.type();
}

std::string WorldMountLine(const proto::Mount& mount,
                           const std::string& device_path) {
  return absl::StrCat(
      "mount ",
      mount.options().empty()
          ? ""
          : absl::StrCat("-o ", ShellWord(mount.options()), " "),
      ShellWord(device_path), " ", ShellWord(MountPath(mount.path())));
}

}  // namespace dmdax
