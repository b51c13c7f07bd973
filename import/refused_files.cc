// SPDX-License-Identifier: Apache-2.0
#include "import/refused_files.h"

#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "process/mount_point.h"
#include "state/session.h"
#include "state/user_file.h"
#include "state/world_load.h"

namespace dmdax {
namespace {

// Each goes through all others for those that have its blocks.
constexpr size_t kMostRefused = 1024;

// The World up to the mount, and nothing of the files.
proto::World WithoutFiles(const proto::World& world, int mount) {
  proto::World bare = world;
  bare.clear_dax();
  bare.clear_process();
  auto& mounts = *bare.mutable_mount();
  mounts.DeleteSubrange(mount + 1, mounts.size() - mount - 1);
  for (proto::Mount& m : mounts) m.clear_file();
  return bare;
}

absl::Status Add(const proto::File& file, MountPoint& mount) {
  absl::StatusOr<FileOptions> options = FileFromProto(file);
  return options.ok() ? mount.AddFile(*std::move(options)).status()
                      : options.status();
}

}  // namespace

std::map<int, std::string> RefusedFiles(const proto::World& world, int mount) {
  absl::StatusOr<Session> session = LoadWorld(WithoutFiles(world, mount));
  if (!session.ok()) return {};
  const proto::Mount& of = world.mount(mount);
  const absl::StatusOr<MountPoint*> at = session->user->FindMount(of.path());
  if (!at.ok()) return {};
  std::map<int, std::string> refused;
  for (int i = 0; i < of.file_size(); ++i) {
    if (refused.size() >= kMostRefused) {
      refused[i] = absl::StrCat(kMostRefused, " files beside it were refused");
      continue;
    }
    const absl::Status s = Add(of.file(i), **at);
    if (s.ok()) continue;
    refused[i] = absl::StrCat("file '", of.file(i).name().substr(0, 128),
                              "': ", s.message());
  }
  return refused;
}

}  // namespace dmdax
