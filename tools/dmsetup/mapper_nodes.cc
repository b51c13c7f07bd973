// SPDX-License-Identifier: Apache-2.0
#include "tools/dmsetup/mapper_nodes.h"

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "base/units.h"
#include "block/read_ahead.h"

namespace dmdax {
namespace {

std::string PathOf(absl::string_view name) {
  return absl::StrCat(kMapperDir, "/", name);
}

}  // namespace

void MapperNodes::Say(absl::string_view text) {
  absl::StrAppend(&err_, text, "\n");
}

// Whether something other than a block device lies at `path`.
bool MapperNodes::IsOther(const std::string& path) const {
  return ErrnoOf(machine_.LookupBdev(path).status()) == ENOTBLK;
}

void MapperNodes::Add(absl::string_view name, DevT dev) {
  const std::string path = PathOf(name);
  if (IsOther(path)) {
    return Say(absl::StrCat("A non-block device file at '", path,
                            "' is already present"));
  }
  const absl::StatusOr<DevT> there = machine_.LookupBdev(path);
  if (!there.ok() || *there != dev) machine_.AddNode(path, dev);
}

void MapperNodes::Remove(absl::string_view name) {
  const std::string path = PathOf(name);
  if (IsOther(path)) {
    return Say(absl::StrCat("Unable to unlink device node for '", name, "'"));
  }
  if (machine_.LookupBdev(path).ok()) machine_.RemoveNode(path);
}

void MapperNodes::Rename(absl::string_view old_name,
                         absl::string_view new_name) {
  const std::string from = PathOf(old_name), to = PathOf(new_name);
  if (IsOther(to)) {
    return Say(absl::StrCat("A non-block device file at '", to,
                            "' is already present"));
  }
  machine_.RemoveNode(to);
  if (IsOther(from)) {
    return Say(absl::StrCat("Unable to rename device node from '", old_name,
                            "' to '", new_name, "'"));
  }
  // If the node is not there, it is assumed to be renamed already.
  if (const absl::StatusOr<DevT> dev = machine_.LookupBdev(from); dev.ok()) {
    machine_.RemoveNode(from);
    machine_.AddNode(to, *dev);
  }
}

// The disk of that number, else the one that the node leads to; null after
// saying why there is none.
BlockDevice* MapperNodes::FindDisk(absl::string_view name, DevT dev) {
  if (BlockDevice* bdev = machine_.FindBdev(dev)) return bdev;
  if (name.empty()) {
    Say("Empty device name passed to BLKRAGET");
    return nullptr;
  }
  const std::string path = PathOf(name);
  const absl::StatusOr<DevT> there = machine_.LookupBdev(path);
  if (ErrnoOf(there.status()) == ENOTBLK) {
    // The node opens, but leads to no disk that could answer.
    Say(absl::StrCat(name, ": BLKRAGET failed: ", ErrnoText(ENOTTY)));
    return nullptr;
  }
  if (there.ok()) {
    if (BlockDevice* bdev = machine_.FindBdev(*there)) return bdev;
  }
  const int err = there.ok() ? ENXIO : ErrnoOf(there.status());
  Say(absl::StrCat(path, ": open failed: ", ErrnoText(err)));
  return nullptr;
}

std::optional<uint32_t> MapperNodes::ReadAhead(absl::string_view name,
                                               DevT dev) {
  BlockDevice* const disk = FindDisk(name, dev);
  if (disk == nullptr) return std::nullopt;
  return disk->queue().ra_pages() * kPageSectors;
}

void MapperNodes::SetReadAhead(absl::string_view name, DevT dev,
                               NodeReadAhead value) {
  if (value.sectors == NodeReadAhead::kAuto) return;
  if (value.minimum) {
    const std::optional<uint32_t> current = ReadAhead(name, dev);
    if (!current || *current >= value.sectors) return;
  }
  if (BlockDevice* const bdev = machine_.FindBdev(dev)) {
    SetReadAheadKb(bdev->queue(), (uint64_t{value.sectors} + 1) / 2);
  }
}

}  // namespace dmdax
