// SPDX-License-Identifier: Apache-2.0
#include "state/device_file.h"

#include <cerrno>
#include <cstdint>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/errno_status.h"
#include "base/units.h"
#include "fs/file_system_type.h"

namespace dmdax {
namespace {

// Where the file system of the file is mounted.
constexpr char kDeviceMount[] = "/.device";

uint64_t LargestFile(absl::string_view type) {
  const auto known = FindFileSystemType(type);
  return known.ok() ? (*known)->max_bytes : 0;
}

}  // namespace

absl::StatusOr<std::shared_ptr<File>> OpenDeviceFile(Session& session,
                                                     BlockDevice& bdev,
                                                     absl::string_view said,
                                                     DeviceFileMode mode,
                                                     const MountRequest* like) {
  MountOptions mount;
  const uint64_t bytes = bdev.nr_sectors() * kSectorSize / 4096 * 4096;
  mount.path = kDeviceMount;
  // No file reaches all of a device that is larger: what its places allow is
  // then asked of one of xfs.
  if (like != nullptr && bytes <= LargestFile(like->type)) {
    mount.request = *like;
  } else {
    mount.request.type = bytes <= LargestFile("ext4") ? "ext4" : "xfs";
    mount.request.options =
        session.machine->profile().has_dax_modes ? "dax=always" : "dax";
  }
  mount.claim = DeviceClaim::kShared;
  session.machine->log().TakeNew();
  absl::StatusOr<MountPoint*> m = session.user->Mount(mount, bdev);
  // xfs mounts without DAX, and says so.
  if (!m.ok() || !(*m)->sb().ShouldEnableDax(false)) {
    std::vector<std::string> words = session.machine->log().TakeNew();
    if (words.empty()) words.push_back(std::string(m.status().message()));
    if (m.ok()) CloseDeviceFile(session).IgnoreError();
    return ErrnoError(m.ok() ? EOPNOTSUPP : ErrnoOf(m.status()),
                      absl::StrCat("no DAX file can be on ", said, ": ",
                                   absl::StrJoin(words, "; ")));
  }
  FileOptions file{.name = "file", .synced = true};
  if (bytes != 0) file.extents.push_back({.length = bytes});
  absl::StatusOr<MountedFile*> added = (*m)->AddFile(file);
  if (!added.ok()) {
    CloseDeviceFile(session).IgnoreError();
    return added.status();
  }
  return session.user->Open((*added)->path, mode == DeviceFileMode::kReadWrite);
}

absl::Status CloseDeviceFile(Session& session) {
  return session.user->Unmount(kDeviceMount);
}

}  // namespace dmdax
