// SPDX-License-Identifier: Apache-2.0
#include "tools/check/whole_files.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "process/mount_point.h"
#include "tools/check/file_blocks.h"
#include "tools/check/locked_file.h"
#include "tools/check/world_rows.h"

namespace dmdax {
namespace {

bool IsWhole(const FileBlocks& file) {
  uint64_t at = 0;
  for (const FileExtent& e : file.extents) {
    if (e.type != IOMAP_MAPPED && e.type != IOMAP_UNWRITTEN) continue;
    if (e.logical > at) return false;
    at = std::max(at, e.logical + e.length);
  }
  return file.size >= kPmdBytes && at >= file.size;
}

uint64_t BytesOf(const FileBlocks& file) {
  uint64_t bytes = 0;
  for (const FileExtent& e : file.extents) {
    if (e.type != IOMAP_MAPPED && e.type != IOMAP_UNWRITTEN) continue;
    bytes += std::min(e.end(), std::max(file.size, e.logical)) - e.logical;
  }
  return bytes;
}

}  // namespace

bool WholeFiles::MayList(const proto::Mount& mount) {
  constexpr size_t kMostListed = 1 << 16;
  const size_t files = Of(mount).files.size();
  listed_ += files;
  return listed_ == files || listed_ <= kMostListed;
}

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
    if (const std::string flags = LockingFlags(in); !flags.empty()) {
      constexpr size_t kMostNamed = 4;
      if (++of.nr_locked <= kMostNamed) {
        of.locked.push_back(absl::StrCat("+", flags, " ", path));
      }
    }
    const std::optional<FileBlocks> file = BlocksOfFile(machine_, path, in);
    if (!file) continue;
    const uint64_t bytes = BytesOf(*file);
    of.bytes += bytes;
    // Of one with holes nobody knows where it is to have blocks: it comes
    // without a size, so that it gets none and is told of.
    const bool whole = IsWhole(*file);
    if (!whole && bytes < kPmdBytes) continue;
    if (!whole) of.with_holes.push_back(of.files.size());
    of.numbers.try_emplace(path, of.files.size());
    of.files.push_back({std::move(path), whole ? file->size : 0});
  }
  return of;
}

}  // namespace dmdax
