// SPDX-License-Identifier: Apache-2.0
#include "tools/check/fresh_files.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/one_line.h"
#include "base/round_up.h"
#include "base/units.h"
#include "process/mount_point.h"
#include "state/find_device.h"
#include "tools/check/cure_lines.h"
#include "tools/check/dax_flag.h"
#include "tools/check/fs_steps.h"
#include "tools/check/world_mount.h"
#include "tools/check/world_rows.h"

namespace dmdax {
namespace {

// What gives a file its blocks before it is written.
void AddSteps(const Session& session, const Subject& file,
              const proto::Mount& mount, TypedIn in,
              std::vector<CureStep>* steps) {
  const std::string fs = WorldFsType(mount);
  const std::string path = TypedPath(in, file.name);
  int number = 0;
  const auto add = [&](std::string command) {
    steps->push_back({CureStage::kFile, absl::StrCat(file.name, " ", ++number),
                      std::move(command), file.mount});
  };
  for (std::string& line :
       fs == "xfs" ? XfsAllocateLines(path, file.size, FileFailure::kLeave)
                   : Ext4AllocateLines(KernelNameWord(session, *file.bdev),
                                       path, file.size, FileLength::kGrows,
                                       FileFailure::kLeave)) {
    add(std::move(line));
  }
  add(absl::StrCat("truncate -s ", file.size, " ", ShellWord(path)));
  if (NeedsDaxFlag(mount, file.name)) {
    steps->push_back(DaxFlagStep(file.name, path, file.mount));
  }
}

// The directories that files of a fresh file system are in.
void AddDirectories(const std::string& at, const std::set<std::string>& names,
                    TypedIn in, std::vector<CureStep>* steps) {
  std::set<std::string> words;
  for (const std::string& name : names) {
    const std::string directory = name.substr(0, name.rfind('/'));
    if (directory.empty() || directory == at) continue;
    words.insert(ShellWord(TypedPath(in, directory)));
  }
  if (words.empty()) return;
  steps->push_back({CureStage::kDirectory, at,
                    absl::StrCat("mkdir -p ", absl::StrJoin(words, " ")), at});
}

// Whether a page of 2 MiB can be had, and no byte is a hole.
bool IsWhole(const MountedFile& file) {
  uint64_t at = 0;
  for (const FileExtent& e : file.inode.extents.All()) {
    if (e.type != IOMAP_MAPPED && e.type != IOMAP_UNWRITTEN) continue;
    if (e.logical > at) return false;
    at = std::max(at, e.logical + e.length);
  }
  return file.inode.i_size >= kPmdBytes && at >= file.inode.i_size;
}

// The mount, with DAX as the cures have it: its options, and flags of files.
proto::Mount WithCuredDax(const proto::Mount& mount,
                          const proto::World& cured) {
  proto::Mount with = mount;
  const proto::Mount* const then = FindWorldMount(cured, mount.path());
  if (then == nullptr) return with;
  with.set_options(then->options());
  std::set<std::string> flagged;
  for (const proto::File& file : then->file()) {
    if (file.dax()) flagged.insert(file.name());
  }
  for (proto::File& file : *with.mutable_file()) {
    if (flagged.contains(file.name())) file.set_dax(true);
  }
  return with;
}

}  // namespace

uint64_t FreshRoom(uint64_t device_bytes) {
  return device_bytes - device_bytes / 16;
}

FreshFiles FreshFilesOf(const Session& machine, const proto::Mount& mount,
                        BlockDevice& bdev,
                        const std::vector<const Subject*>& first, TypedIn in) {
  FreshFiles fresh;
  const std::string at = MountPath(mount.path());
  const std::string fs = WorldFsType(mount);
  if (fs != "ext4" && fs != "xfs") return fresh;
  uint64_t room = FreshRoom(bdev.nr_sectors() * kSectorSize);
  std::set<std::string> made;
  const auto add = [&](const std::string& name, uint64_t size) {
    const uint64_t needs = RoundUp(size, kPmdBytes);
    if (needs == 0) return;
    if (needs > room || made.size() == kMostFreshFiles) {
      ++fresh.left_out;
      return;
    }
    room -= needs;
    made.insert(name);
    AddSteps(machine, {.name = name, .size = size, .bdev = &bdev, .mount = at},
             mount, in, &fresh.steps);
  };
  std::set<std::string> seen;
  for (const Subject* file : first) {
    if (file->kind != Subject::kFile || file->mount != at) continue;
    if (seen.insert(file->name).second) add(file->name, file->size);
  }
  for (const proto::File& known : mount.file()) {
    const std::string name = PathBelow(at, known.name());
    if (!seen.insert(name).second) continue;
    absl::StatusOr<MountedFile*> file = machine.user->FindFile(name);
    if (file.ok() && IsWhole(**file)) add(name, (*file)->inode.i_size);
  }
  AddDirectories(at, made, in, &fresh.steps);
  return fresh;
}

size_t AllocateFreshFiles(const Session& machine, const proto::World& world,
                          const proto::World& cured,
                          const std::vector<const Subject*>& first,
                          CureSteps* steps) {
  size_t left_out = 0;
  const TypedIn in = InRescue(*steps) ? TypedIn::kRescue : TypedIn::kSystem;
  std::vector<std::string> mounts;
  for (const auto& [key, step] : steps->all()) {
    if (key.first == CureStage::kMkfs) mounts.push_back(key.second);
  }
  for (const std::string& at : mounts) {
    const proto::Mount* const mount = FindWorldMount(world, at);
    if (mount == nullptr) continue;
    const absl::StatusOr<BlockDevice*> bdev =
        FindDevice(machine, mount->device());
    if (!bdev.ok()) continue;
    const FreshFiles files =
        FreshFilesOf(machine, WithCuredDax(*mount, cured), **bdev, first, in);
    // All blocks are new, and leave no holes.
    steps->DropIf([&](const CureStep& step) {
      return step.mount == at && step.stage >= CureStage::kDirectory;
    });
    for (const CureStep& step : files.steps) steps->Put(step);
    left_out += files.left_out;
  }
  return left_out;
}

void PlaceFilesAnew(const Session& session, const Subject& subject,
                    uint64_t device_bytes, FreshBlocks blocks,
                    proto::World& world) {
  proto::Mount* const mount = FindWorldMount(world, subject.mount);
  if (mount == nullptr) return;
  proto::Mount placed = *mount;
  uint64_t at = kPmdBytes;
  for (proto::File& file : *placed.mutable_file()) {
    const std::string name = PathBelow(MountPath(mount->path()), file.name());
    const absl::StatusOr<MountedFile*> open = session.user->FindFile(name);
    if (!open.ok()) return;
    const uint64_t size = (*open)->inode.i_size;
    std::vector<FileExtent> extents;
    uint64_t end = size;
    if (blocks == FreshBlocks::kWhole && name == subject.name) {
      end = RoundUp(size, kPmdBytes);
      extents.push_back({.physical = at, .length = end});
    } else {
      for (FileExtent e : (*open)->inode.extents.All()) {
        if (e.type != IOMAP_MAPPED && e.type != IOMAP_UNWRITTEN) continue;
        e.physical = at + e.logical;
        e.shared = false;
        end = std::max(end, e.logical + e.length);
        extents.push_back(e);
      }
    }
    SetFileExtents(extents, size, &file);
    at = RoundUp(at + end, kPmdBytes);
  }
  if (at <= device_bytes) *mount = std::move(placed);
}

}  // namespace dmdax
