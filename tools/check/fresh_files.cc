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
#include "tools/byte_count.h"
#include "tools/check/cure_lines.h"
#include "tools/check/dax_flag.h"
#include "tools/check/file_blocks.h"
#include "tools/check/fs_room.h"
#include "tools/check/fs_steps.h"
#include "tools/check/world_mount.h"
#include "tools/check/world_rows.h"

namespace dmdax {
namespace {

// Of those that may not fit no more are looked at.
constexpr size_t kMostLookedAt = 8 * kMostFreshFiles;

// Which files have DAX by their own flag alone.
class DaxFlags {
 public:
  // `then`: the mount as it will be.
  DaxFlags(const Session& machine, const proto::Mount& then)
      : machine_(machine), decide_(!DecidesDaxForAll(then)) {
    if (!decide_) return;
    for (const proto::File& file : then.file()) {
      if (file.dax()) {
        flagged_.insert(PathBelow(MountPath(then.path()), file.name()));
      }
    }
  }
  bool Needs(const std::string& path) const {
    if (!decide_) return false;
    if (flagged_.contains(path)) return true;
    const absl::StatusOr<MountedFile*> file = machine_.user->FindFile(path);
    return file.ok() && (*file)->options.dax;
  }

 private:
  const Session& machine_;
  const bool decide_;  // the mount does not
  std::set<std::string> flagged_;
};

// What gives a file its blocks before it is written.
void AddSteps(const Session& session, const Subject& file,
              const std::string& fs, const DaxFlags& flags, TypedIn in,
              std::vector<CureStep>* steps) {
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
  if (flags.Needs(file.name)) {
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

}  // namespace

FreshFiles FreshFilesOf(const Session& machine, const proto::Mount& mount,
                        const proto::Mount* cured, BlockDevice& bdev,
                        WholeFiles& whole,
                        const std::vector<const Subject*>& first, TypedIn in,
                        std::optional<uint64_t> bytes) {
  FreshFiles fresh;
  const std::string at = MountPath(mount.path());
  const std::string fs = WorldFsType(mount);
  if (fs != "ext4" && fs != "xfs") return fresh;
  uint64_t room =
      FsRoom(mount, bytes.value_or(bdev.nr_sectors() * kSectorSize)).pages;
  const DaxFlags flags(machine, cured != nullptr ? *cured : mount);
  std::set<std::string> made;
  const auto add = [&](const std::string& name, uint64_t size) {
    const uint64_t needs = RoundUp(size, kPmdBytes);
    // Without a size it has holes (WholeFiles).
    if (needs == 0 || needs > room || made.size() == kMostFreshFiles) {
      ++fresh.left_out;
      return;
    }
    room -= needs;
    made.insert(name);
    AddSteps(machine, {.name = name, .size = size, .bdev = &bdev, .mount = at},
             fs, flags, in, &fresh.steps);
  };
  std::set<std::string> seen;
  for (const Subject* file : first) {
    if (file->kind != Subject::kFile || file->mount != at) continue;
    if (!seen.insert(file->name).second) continue;
    if (RoundUp(file->size, kPmdBytes) > room && fresh.no_room.empty()) {
      fresh.no_room = file->name;
    }
    add(file->name, file->size);
  }
  // Each of very many has such a list: none may look at all of them.
  const WholeFiles::OfMount& all = whole.Of(mount);
  size_t looked_at = 0;
  for (const WholeFiles::File& file : all.files) {
    if (made.size() == kMostFreshFiles || room < kPmdBytes ||
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
  AddDirectories(at, made, in, &fresh.steps);
  return fresh;
}

namespace {

// Of which of its files a file system that is made anew on so many bytes has no
// room, or "": all that is known of them fits.
std::string NoRoom(const proto::Mount& mount, const std::string& file,
                   uint64_t device, uint64_t files) {
  const std::string type = WorldFsType(mount);
  if (type != "ext4" && type != "xfs") return "";
  const FsRoomBytes room = FsRoom(mount, device);
  if (file.empty() && files <= room.all) return "";
  return absl::StrCat(
      "the file system of ", OneLine(MountPath(mount.path())),
      ", which is made anew, has ", BytesText(device), " then, of which files ",
      file.empty()
          ? absl::StrCat("can have ", BytesText(room.all),
                         ", and those that are known have ", BytesText(files))
          : absl::StrCat("can have ", BytesText(room.pages),
                         " in whole pages of 2 MiB, and no room for ",
                         OneLine(file)),
      ": make ", file.empty() ? "them" : "that",
      " smaller, or the device larger, and ask again");
}

}  // namespace

FreshFilesLeft AllocateFreshFiles(const CuredMachine& with, StandsOn& stands_on,
                                  const std::vector<const Subject*>& first,
                                  CureSteps* steps) {
  const Session& machine = with.machine;
  FreshFilesLeft left;
  const TypedIn in = InRescue(*steps) ? TypedIn::kRescue : TypedIn::kSystem;
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
    const uint64_t bytes = CuredBytes(with, stands_on, **bdev);
    const FreshFiles files =
        FreshFilesOf(machine, *mount, FindWorldMount(with.cured, at), **bdev,
                     stands_on.whole_files(), first, in, bytes);
    if (left.refused.empty()) {
      left.refused = NoRoom(*mount, files.no_room, bytes,
                            stands_on.whole_files().Of(*mount).bytes);
    }
    // All blocks are new, and leave no holes.
    steps->DropIf([&](const CureStep& step) {
      return step.mount == at && step.stage >= CureStage::kDirectory;
    });
    for (const CureStep& step : files.steps) steps->Put(step);
    left.left_out += files.left_out;
  }
  return left;
}

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
