// SPDX-License-Identifier: Apache-2.0
//
// Cures in a file system: where its files lie.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/one_line.h"
#include "base/round_up.h"
#include "process/mount_point.h"
#include "tools/check/cure.h"
#include "tools/check/cure_lines.h"
#include "tools/check/world_mount.h"
#include "tools/check/world_rows.h"

namespace dmdax {
namespace {

constexpr uint64_t kBlock = 4096;

proto::File* FindFile(const CureRequest& request, proto::Mount* mount) {
  for (proto::File& file : *mount->mutable_file()) {
    if (absl::StrCat(MountPath(mount->path()), "/", file.name()) ==
        request.subject.name) {
      return &file;
    }
  }
  return nullptr;
}

uint64_t DeviceBytes(const CureRequest& request) {
  return request.subject.bdev->nr_sectors() * uint64_t{512};
}

// Gives the file these extents and no others.
void SetExtents(const std::vector<FileExtent>& extents, uint64_t size,
                proto::File* file) {
  file->set_size(size);
  file->clear_extent();
  file->clear_extents_text();
  file->clear_fiemap();
  for (const FileExtent& e : extents) {
    proto::Extent* extent = file->add_extent();
    extent->set_logical(e.logical);
    extent->set_physical(e.physical);
    extent->set_length(e.length);
    extent->set_shared(e.shared);
    if (e.type == IOMAP_UNWRITTEN) extent->set_type(proto::Extent::UNWRITTEN);
  }
}

// Puts all of a file into one extent at a multiple of 2 MiB, in free space.
// Nothing if there is not so much of it in one piece.
bool PlaceAligned(const CureRequest& request, proto::File* file) {
  const uint64_t length = RoundUp(request.subject.size, kPmdBytes);
  const uint64_t device = DeviceBytes(request);
  uint64_t start = RoundUp(request.used_end, kPmdBytes);
  if (start + length > device) return false;
  if (start == 0 && length + kPmdBytes <= device) start = kPmdBytes;
  SetExtents({{.physical = start, .length = length}}, request.subject.size,
             file);
  return true;
}

// Gives each hole unwritten blocks, congruent to their place in the file modulo
// 2 MiB, in free space.  Nothing if there is not so much.
bool FillHoles(const CureRequest& request,
               const std::vector<FileExtent>& extents, proto::File* file) {
  std::vector<FileExtent> filled;
  uint64_t used = std::max(request.used_end, kPmdBytes);
  for (const FileExtent& e : extents) {
    if (e.type != IOMAP_MAPPED && e.type != IOMAP_UNWRITTEN &&
        e.type != IOMAP_HOLE) {
      return false;
    }
    if (e.type != IOMAP_HOLE) used = std::max(used, e.physical + e.length);
  }
  uint64_t at = 0;
  const auto fill = [&](uint64_t end) {
    if (at >= end) return;
    const uint64_t place = RoundUp(used, kPmdBytes) + at % kPmdBytes;
    filled.push_back({.logical = at,
                      .physical = place,
                      .length = end - at,
                      .type = IOMAP_UNWRITTEN});
    used = place + (end - at);
  };
  const uint64_t size = RoundUp(request.subject.size, kBlock);
  for (const FileExtent& e : extents) {
    if (e.type == IOMAP_HOLE) continue;
    fill(std::min(e.logical, size));
    filled.push_back(e);
    at = std::max(at, e.end());
  }
  fill(size);
  if (used > DeviceBytes(request)) return false;
  SetExtents(filled, request.subject.size, file);
  return true;
}

}  // namespace

std::optional<Cure> CureExtents(const CureRequest& request,
                                proto::World& world) {
  const Subject& subject = request.subject;
  if (subject.kind != Subject::kFile) return std::nullopt;
  proto::Mount* mount = FindWorldMount(world, subject.mount);
  proto::File* file = mount == nullptr ? nullptr : FindFile(request, mount);
  if (file == nullptr) return std::nullopt;
  const std::string path = DevicePath(request.session, *subject.bdev);
  Cure cure{.change = "blocks at multiples of 2 MiB",
            .in_world = PlaceAligned(request, file)};
  const auto add = [&](CureStage stage, const std::string& about,
                       std::string command) {
    cure.steps.push_back({stage, about, std::move(command)});
  };
  if (WorldFsType(*mount) == "xfs") {
    // The hint works on a file without extents.
    const std::string fresh = ShellWord(subject.name + ".new");
    add(CureStage::kFile, absl::StrCat(subject.name, " 1"),
        absl::StrCat("xfs_io -f -c 'extsize 2m' ", fresh));
    add(CureStage::kFile, absl::StrCat(subject.name, " 2"),
        absl::StrCat("fallocate -l ", RoundUp(subject.size, kPmdBytes), " ",
                     fresh));
    cure.remark = absl::StrCat(
        "then copy the data and rename; if it still is off, the file system "
        "was made without: ",
        AlignedMkfsLine("xfs", path));
  } else if (WorldFsType(*mount) == "ext4") {
    add(CureStage::kUnmount, subject.mount,
        absl::StrCat("umount ", ShellWord(subject.mount)));
    add(CureStage::kMkfs, subject.mount, AlignedMkfsLine("ext4", path));
    add(CureStage::kMount, subject.mount, WorldMountLine(*mount, path));
    int number = 0;
    for (std::string& line :
         Ext4AllocateLines(KernelNameWord(request.session, *subject.bdev),
                           subject.name, subject.size)) {
      add(CureStage::kFile, absl::StrCat(subject.name, " ", ++number),
          std::move(line));
    }
    cure.remark =
        "the file system is made anew: save the data; then allocate the file "
        "before it is written";
  } else {
    cure.in_world = false;
    cure.remark =
        absl::StrCat(WorldFsType(*mount), " aligns nothing: ext4 and xfs can");
    return cure;
  }
  if (!cure.in_world) {
    absl::StrAppend(&cure.remark,
                    "; there is no free piece of 2 MiB pages so long here");
  }
  return cure;
}

std::optional<Cure> CureHoles(const CureRequest& request, proto::World& world) {
  const Subject& subject = request.subject;
  if (subject.kind != Subject::kFile) return std::nullopt;
  absl::StatusOr<MountedFile*> open =
      request.session.user->FindFile(subject.name);
  proto::Mount* mount = FindWorldMount(world, subject.mount);
  proto::File* file = mount == nullptr ? nullptr : FindFile(request, mount);
  if (!open.ok() || file == nullptr) return std::nullopt;
  const bool unwritten =
      WorldFsType(*mount) != "ext2" && !(*open)->options.indirect_blocks;
  if (!unwritten) {
    return Cure{.remark =
                    "without extents there is no fallocate: it gets its blocks "
                    "when it is written"};
  }
  Cure cure{.change = "blocks for the holes",
            .in_world = FillHoles(request, (*open)->inode.extents.All(), file)};
  cure.steps.push_back({CureStage::kFile, subject.name,
                        absl::StrCat("fallocate -l ", subject.size, " ",
                                     ShellWord(subject.name))});
  cure.remark = cure.in_world
                    ? "tried with new blocks at multiples of 2 MiB; those that "
                      "lie elsewhere get 4 KiB pages: filefrag -v tells"
                    : "there is no free piece of 2 MiB pages so long here; "
                      "where the new blocks lie filefrag -v tells";
  return cure;
}

}  // namespace dmdax
