// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <optional>
#include <utility>

#include "base/round_up.h"
#include "process/mount_point.h"
#include "tools/check/file_blocks.h"
#include "tools/check/fresh_files.h"
#include "tools/check/world_mount.h"
#include "tools/check/world_rows.h"

namespace dmdax {
namespace {

constexpr uint64_t kFsBlock = 4096;  // of what AlignedMkfsLine() makes

// A file on its way to a fresh file system.
struct Moved {
  proto::File* file;
  uint64_t size = 0, length = 0;
  std::vector<FileExtent> extents;
};

// In whole blocks, which those of the old file system may have been parts of.
void AddInBlocks(FileExtent e, Moved* moved) {
  const uint64_t end = RoundUp(e.end(), kFsBlock);
  e.logical = RoundDown(e.logical, kFsBlock);
  if (!moved->extents.empty()) {
    e.logical = std::max(e.logical, moved->extents.back().end());
  }
  if (e.logical >= end) return;
  e.length = end - e.logical;
  e.shared = false;
  moved->length += e.length;
  // What goes on in the file is one extent when it is written anew.
  if (!moved->extents.empty() && moved->extents.back().end() == e.logical &&
      moved->extents.back().type == e.type) {
    moved->extents.back().length += e.length;
    return;
  }
  moved->extents.push_back(e);
}

Moved MovedFile(const FileBlocks& from, FreshBlocks blocks, proto::File* file) {
  Moved moved{.file = file, .size = from.size};
  if (blocks == FreshBlocks::kWhole) {
    AddInBlocks({.length = RoundUp(moved.size, kPmdBytes)}, &moved);
    return moved;
  }
  for (const FileExtent& e : from.extents) {
    if (e.type == IOMAP_MAPPED || e.type == IOMAP_UNWRITTEN) {
      AddInBlocks(e, &moved);
    }
  }
  return moved;
}

// Each extent comes to lie behind the one before, as far off a multiple of
// `unit` as it is in the file.  Returns where the last one ends.
uint64_t PlaceFrom(uint64_t at, uint64_t unit, Moved* moved) {
  for (FileExtent& e : moved->extents) {
    const uint64_t place = RoundDown(at, unit) + e.logical % unit;
    e.physical = place < at ? place + unit : place;
    at = e.physical + e.length;
  }
  return at;
}

}  // namespace

void PlaceFilesAnew(const Session& session, const Subject& subject,
                    uint64_t device_bytes, FreshBlocks blocks,
                    proto::World& world) {
  proto::Mount* const mount = FindWorldMount(world, subject.mount);
  if (mount == nullptr) return;
  proto::Mount placed = *mount;
  // What the old file system had for itself the new one has elsewhere.
  if (placed.has_allocator()) placed.mutable_allocator()->clear_used();
  std::vector<Moved> files;
  uint64_t left = 0;
  for (proto::File& file : *placed.mutable_file()) {
    const std::string name = PathBelow(MountPath(mount->path()), file.name());
    const std::optional<FileBlocks> old = BlocksOfFile(session, name, file);
    if (!old) return;
    const bool is_subject = name == subject.name;
    Moved moved =
        MovedFile(*old, is_subject ? blocks : FreshBlocks::kAsTheyAre, &file);
    left += moved.length;
    // The one that is asked about is the first to have large pages.
    files.insert(is_subject ? files.begin() : files.end(), std::move(moved));
  }
  uint64_t at = kPmdBytes;
  for (Moved& moved : files) {
    left -= moved.length;
    const uint64_t aligned = PlaceFrom(at, kPmdBytes, &moved);
    // Very many small ones would not have so much room each.
    at = moved.length != 0 && aligned + left <= device_bytes
             ? aligned
             : PlaceFrom(at, kFsBlock, &moved);
    SetFileExtents(moved.extents, moved.size, moved.file);
  }
  if (at <= device_bytes) *mount = std::move(placed);
}

}  // namespace dmdax
