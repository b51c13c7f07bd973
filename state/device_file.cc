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

// Whether one file of such a file system can have so many bytes.
bool CanCover(absl::string_view type, uint64_t bytes) {
  const absl::StatusOr<const FileSystemType*> found = FindFileSystemType(type);
  return !found.ok() || bytes <= (*found)->max_bytes;
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
  // What is mounted there has several files where none can cover it; the places
  // of a volume are the same for all of them.
  if (like != nullptr && CanCover(like->type, bytes)) {
    mount.request = *like;
  } else {
    mount.request.type = CanCover("ext4", bytes) ? "ext4" : "xfs";
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
  absl::StatusOr<std::shared_ptr<File>> open =
      session.user->Open((*added)->path, mode == DeviceFileMode::kReadWrite);
  // Nobody's machine has the mount; errors name the device.
  if (open.ok()) (*open)->path = std::string(said);
  return open;
}

absl::Status CloseDeviceFile(Session& session) {
  return session.user->Unmount(kDeviceMount);
}

}  // namespace dmdax
