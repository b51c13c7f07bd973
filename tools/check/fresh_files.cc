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
#include "tools/check/file_lines.h"
#include "tools/check/fs_room.h"
#include "tools/check/fs_steps.h"
#include "tools/check/world_mount.h"
#include "tools/check/world_rows.h"

namespace dmdax {
namespace {

// Of files that may not fit, so many are looked at for each that is taken.
constexpr size_t kLookedAtForEach = 8;

// Which files have the DAX flag, which no copy has.
class DaxFlags {
 public:
  // `then`: the mount as it will be.  A cure gives flags only where the mount
  // does not decide.
  DaxFlags(const Session& machine, const proto::Mount& then)
      : machine_(machine) {
    if (DecidesDaxForAll(then)) return;
    for (const proto::File& file : then.file()) {
      if (file.dax()) {
        flagged_.insert(PathBelow(MountPath(then.path()), file.name()));
      }
    }
  }
  bool Needs(const std::string& path) const {
    if (flagged_.contains(path)) return true;
    const absl::StatusOr<MountedFile*> file = machine_.user->FindFile(path);
    return file.ok() && (*file)->options.dax;
  }

 private:
  const Session& machine_;
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

// So many that have holes are named.
constexpr size_t kMostWithHoles = 4;

// Takes the files of one mount, one after the other, as long as there is room.
class Allocator {
 public:
  Allocator(const Session& machine, const std::string& at,
            const std::string& fs, BlockDevice& bdev, TypedIn in, uint64_t room)
      : machine_(machine),
        at_(at),
        fs_(fs),
        bdev_(bdev),
        in_(in),
        room_(room) {}

  // Without a size it has holes (WholeFiles).
  void Take(const std::string& path, uint64_t size) {
    const uint64_t needs = RoundUp(size, kPmdBytes);
    if (needs == 0 || needs > room_) return;
    room_ -= needs;
    taken_.push_back({path, size});
  }
  uint64_t room() const { return room_; }
  size_t size() const { return taken_.size(); }

  // Lines for each of a few, else for many at once.
  std::vector<CureStep> Steps(const DaxFlags& flags) const {
    const bool few = taken_.size() <= kMostFreshFiles;
    FileLines lines(
        {.fs = fs_, .at = at_, .disk = KernelNameWord(machine_, bdev_)});
    std::vector<CureStep> steps;
    std::set<std::string> made;
    for (const WholeFiles::File& file : taken_) {
      if (!few && FileLines::Takes(file.path)) {
        lines.Add(TypedPath(in_, file.path), file.size,
                  flags.Needs(file.path) ? FileLines::DaxFlag::kSet
                                         : FileLines::DaxFlag::kNone);
        continue;
      }
      made.insert(file.path);
      AddSteps(
          machine_,
          {.name = file.path, .size = file.size, .bdev = &bdev_, .mount = at_},
          fs_, flags, in_, &steps);
    }
    for (CureStep& step : lines.Steps()) steps.push_back(std::move(step));
    AddDirectories(at_, made, in_, &steps);
    return steps;
  }

 private:
  const Session& machine_;
  const std::string& at_;
  const std::string& fs_;
  BlockDevice& bdev_;
  const TypedIn in_;
  uint64_t room_;
  std::vector<WholeFiles::File> taken_;
};

}  // namespace

FreshFiles FreshFilesOf(const Session& machine, const proto::Mount& mount,
                        const proto::Mount* cured, BlockDevice& bdev,
                        WholeFiles& whole,
                        const std::vector<const Subject*>& first, TypedIn in,
                        std::optional<uint64_t> bytes, size_t most) {
  FreshFiles fresh;
  const std::string at = MountPath(mount.path());
  const std::string fs = WorldFsType(mount);
  if (fs != "ext4" && fs != "xfs") return fresh;
  Allocator files(
      machine, at, fs, bdev, in,
      FsRoom(mount, bytes.value_or(bdev.nr_sectors() * kSectorSize)).pages);
  const WholeFiles::OfMount& all = whole.Of(mount);
  size_t nr_all = all.files.size();
  std::set<std::string> seen;
  for (const Subject* file : first) {
    if (file->kind != Subject::kFile || file->mount != at) continue;
    if (!seen.insert(file->name).second) continue;
    if (!all.numbers.contains(file->name)) ++nr_all;
    if (RoundUp(file->size, kPmdBytes) > files.room() &&
        fresh.no_room.empty()) {
      fresh.no_room = file->name;
    }
    if (files.size() < most) files.Take(file->name, file->size);
  }
  // Each of very many has such a list: none may look at all of them.
  const size_t most_looked_at = kLookedAtForEach * most;
  for (size_t i = 0; i < all.files.size(); ++i) {
    if (files.size() == most || files.room() < kPmdBytes ||
        i == most_looked_at) {
      break;
    }
    const WholeFiles::File& file = all.files[i];
    if (!seen.contains(file.path)) files.Take(file.path, file.size);
  }
  fresh.steps =
      files.Steps(DaxFlags(machine, cured != nullptr ? *cured : mount));
  fresh.nr_with_holes = all.with_holes.size();
  for (const std::string& path : seen) {
    const auto number = all.numbers.find(path);
    if (number != all.numbers.end() && all.files[number->second].size == 0) {
      --fresh.nr_with_holes;
    }
  }
  for (size_t number : all.with_holes) {
    if (fresh.with_holes.size() == kMostWithHoles) break;
    const std::string& path = all.files[number].path;
    if (!seen.contains(path)) fresh.with_holes.push_back(path);
  }
  fresh.left_out = nr_all - files.size() - fresh.nr_with_holes;
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

// Which of what is made anew gets no blocks.
std::string LeftOutText(size_t others, std::vector<std::string> with_holes,
                        size_t nr_with_holes) {
  std::vector<std::string> text;
  if (others != 0) {
    text.push_back(absl::StrCat(
        others, others == 1 ? " other file" : " other files",
        " of what is made anew: blocks before the data likewise, as far as "
        "there is room, or the pages of 2 MiB that ",
        others == 1 ? "it has" : "they have", " go"));
  }
  if (nr_with_holes != 0) {
    for (std::string& path : with_holes) path = OneLine(path);
    if (nr_with_holes > with_holes.size()) with_holes.push_back("others");
    text.push_back(absl::StrCat(
        nr_with_holes, nr_with_holes == 1 ? " file" : " files",
        " of what is made anew (", absl::StrJoin(with_holes, ", "),
        nr_with_holes == 1 ? ") has holes, and gets no blocks here: its"
                           : ") have holes, and get no blocks here: their",
        " pages of 2 MiB go, but for parts that fallocate -o OFFSET -l LENGTH "
        "gives blocks before the data (filefrag -v tells them, as long as it "
        "is there)"));
  }
  return absl::StrJoin(text, "; ");
}

}  // namespace

FreshFilesLeft AllocateFreshFiles(const CuredMachine& with, StandsOn& stands_on,
                                  const std::vector<const Subject*>& first,
                                  CureSteps* steps) {
  const Session& machine = with.machine;
  FreshFilesLeft left;
  size_t left_out = 0, nr_with_holes = 0;
  std::vector<std::string> with_holes;
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
    WholeFiles& whole = stands_on.whole_files();
    const size_t most = first.size() > 1 || whole.MayList(*mount)
                            ? kMostListedFiles
                            : kMostFreshFiles;
    const FreshFiles files =
        FreshFilesOf(machine, *mount, FindWorldMount(with.cured, at), **bdev,
                     whole, first, in, bytes, most);
    if (left.refused.empty()) {
      left.refused = NoRoom(*mount, files.no_room, bytes,
                            stands_on.whole_files().Of(*mount).bytes);
    }
    // All blocks are new, and leave no holes.
    steps->DropIf([&](const CureStep& step) {
      return step.mount == at && step.stage >= CureStage::kDirectory;
    });
    for (const CureStep& step : files.steps) steps->Put(step);
    left_out += files.left_out;
    nr_with_holes += files.nr_with_holes;
    with_holes.insert(with_holes.end(), files.with_holes.begin(),
                      files.with_holes.end());
  }
  left.remark = LeftOutText(left_out, with_holes, nr_with_holes);
  return left;
}

}  // namespace dmdax
