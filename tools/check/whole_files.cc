// SPDX-License-Identifier: Apache-2.0
#include "tools/check/whole_files.h"

#include <algorithm>
#include <utility>

#include "absl/status/statusor.h"
#include "process/mount_point.h"
#include "tools/check/world_rows.h"

namespace dmdax {
namespace {

bool IsWhole(const MountedFile& file) {
  uint64_t at = 0;
  for (const FileExtent& e : file.inode.extents.All()) {
    if (e.type != IOMAP_MAPPED && e.type != IOMAP_UNWRITTEN) continue;
    if (e.logical > at) return false;
    at = std::max(at, e.logical + e.length);
  }
  return file.inode.i_size >= kPmdBytes && at >= file.inode.i_size;
}

uint64_t BytesOf(const MountedFile& file) {
  const uint64_t end = file.inode.i_size;
  uint64_t bytes = 0;
  for (const FileExtent& e : file.inode.extents.All()) {
    if (e.type != IOMAP_MAPPED && e.type != IOMAP_UNWRITTEN) continue;
    bytes += std::min(e.end(), std::max(end, e.logical)) - e.logical;
  }
  return bytes;
}

}  // namespace

const WholeFiles::OfMount& WholeFiles::Of(const proto::Mount& mount) {
  const auto [known, fresh] = mounts_.try_emplace(&mount);
  OfMount& of = known->second;
  if (!fresh) return of;
  const std::string at = MountPath(mount.path());
  for (const proto::File& in : mount.file()) {
    for (const proto::Extent& extent : in.extent()) {
      if (extent.shared()) of.blocks = OfMount::Blocks::kShared;
    }
    std::string path = PathBelow(at, in.name());
    const absl::StatusOr<MountedFile*> file = machine_.user->FindFile(path);
    if (!file.ok()) continue;
    of.bytes += BytesOf(**file);
    if (!IsWhole(**file)) continue;
    of.numbers.try_emplace(path, of.files.size());
    of.files.push_back({std::move(path), (*file)->inode.i_size});
  }
  return of;
}

}  // namespace dmdax
