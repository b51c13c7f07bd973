// SPDX-License-Identifier: Apache-2.0
#include "tools/check/fresh_files.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "base/one_line.h"
#include "base/round_up.h"
#include "base/units.h"
#include "process/mount_point.h"
#include "state/find_device.h"
#include "tools/check/cure_lines.h"
#include "tools/check/world_mount.h"
#include "tools/check/world_rows.h"

namespace dmdax {
namespace {

// Of those that may not fit no more are looked at.
constexpr size_t kMostLookedAt = 8 * kMostFreshFiles;

// What gives a file its blocks before it is written.
void AddSteps(const Session& session, const Subject& file,
              const std::string& fs, std::vector<CureStep>* steps) {
  int number = 0;
  const auto add = [&](std::string command) {
    steps->push_back({CureStage::kFile, absl::StrCat(file.name, " ", ++number),
                      std::move(command), std::nullopt, file.mount});
  };
  if (fs != "ext4" && fs != "xfs") return;
  for (std::string& line :
       fs == "xfs"
           ? XfsAllocateLines(file.name, file.size)
           : Ext4AllocateLines(KernelNameWord(session, *file.bdev), file.name,
                               file.size, FileLength::kGrows)) {
    add(std::move(line));
  }
  add(absl::StrCat("truncate -s ", file.size, " ", ShellWord(file.name)));
}

}  // namespace

FreshFiles FreshFilesOf(const Session& machine, const proto::Mount& mount,
                        BlockDevice& bdev, WholeFiles& whole,
                        const std::vector<const Subject*>& first) {
  FreshFiles fresh;
  const std::string at = MountPath(mount.path());
  const std::string fs = WorldFsType(mount);
  // Some is the file system's own.
  const uint64_t bytes = bdev.nr_sectors() * kSectorSize;
  uint64_t room = bytes - bytes / 16;
  size_t files = 0;
  const auto add = [&](const std::string& name, uint64_t size) {
    const uint64_t needs = RoundUp(size, kPmdBytes);
    if (needs == 0) return;
    if (needs > room || files == kMostFreshFiles) {
      ++fresh.left_out;
      return;
    }
    room -= needs;
    ++files;
    AddSteps(machine, {.name = name, .size = size, .bdev = &bdev, .mount = at},
             fs, &fresh.steps);
  };
  std::set<std::string> seen;
  for (const Subject* file : first) {
    if (file->kind != Subject::kFile || file->mount != at) continue;
    if (seen.insert(file->name).second) add(file->name, file->size);
  }
  // Each of very many has such a list: none may look at all of them.
  const WholeFiles::OfMount& all = whole.Of(mount);
  size_t looked_at = 0;
  for (const WholeFiles::File& file : all.files) {
    if (files == kMostFreshFiles || room < kPmdBytes ||
        looked_at == kMostLookedAt) {
      break;
    }
    ++looked_at;
    if (seen.insert(file.path).second) add(file.path, file.size);
  }
  fresh.left_out += all.files.size() - looked_at;
  for (const std::string& path : seen) {
    // Of `first`, and so counted already.
    const auto number = all.numbers.find(path);
    if (number != all.numbers.end() && number->second >= looked_at) {
      --fresh.left_out;
    }
  }
  return fresh;
}

size_t AllocateFreshFiles(const Session& machine, StandsOn& stands_on,
                          const std::vector<const Subject*>& first,
                          CureSteps* steps) {
  size_t left_out = 0;
  std::vector<std::string> mounts;
  for (const auto& [key, step] : steps->all()) {
    if (key.first == CureStage::kMkfs) mounts.push_back(key.second);
  }
  for (const std::string& at : mounts) {
    const proto::Mount* const mount = stands_on.MountAt(at);
    if (mount == nullptr) continue;
    const absl::StatusOr<BlockDevice*> bdev =
        FindDevice(machine, mount->device());
    if (!bdev.ok()) continue;
    const FreshFiles files =
        FreshFilesOf(machine, *mount, **bdev, stands_on.whole_files(), first);
    // All blocks are new, and leave no holes.
    steps->DropIf([&](const CureStep& step) {
      return step.mount == at && step.stage >= CureStage::kRemount;
    });
    for (const CureStep& step : files.steps) steps->Put(step);
    left_out += files.left_out;
  }
  return left_out;
}

void PlaceFilesAnew(const Session& session, const Subject& subject,
                    uint64_t device_bytes, proto::World& world) {
  proto::Mount* const mount = FindWorldMount(world, subject.mount);
  if (mount == nullptr) return;
  proto::Mount placed = *mount;
  uint64_t at = kPmdBytes;
  for (proto::File& file : *placed.mutable_file()) {
    const absl::StatusOr<MountedFile*> open = session.user->FindFile(
        absl::StrCat(PathBelow(MountPath(mount->path()), ""), file.name()));
    if (!open.ok()) return;
    const uint64_t size = (*open)->inode.i_size;
    std::vector<FileExtent> extents;
    uint64_t end = size;
    for (FileExtent e : (*open)->inode.extents.All()) {
      if (e.type != IOMAP_MAPPED && e.type != IOMAP_UNWRITTEN) continue;
      e.physical = at + e.logical;
      e.shared = false;
      end = std::max(end, e.logical + e.length);
      extents.push_back(e);
    }
    SetFileExtents(extents, size, &file);
    at = RoundUp(at + end, kPmdBytes);
  }
  if (at <= device_bytes) *mount = std::move(placed);
}

}  // namespace dmdax
