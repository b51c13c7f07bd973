// SPDX-License-Identifier: Apache-2.0
//
// Cures in a file system: where its files lie.
#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "base/one_line.h"
#include "base/round_up.h"
#include "fs/fs_parser.h"
#include "fs/mount_words.h"
#include "process/mount_point.h"
#include "tools/byte_count.h"
#include "tools/check/cure.h"
#include "tools/check/cure_lines.h"
#include "tools/check/dax_flag.h"
#include "tools/check/free_places.h"
#include "tools/check/fresh_files.h"
#include "tools/check/fs_anew.h"
#include "tools/check/fs_room.h"
#include "tools/check/locked_file.h"
#include "tools/check/world_mount.h"
#include "tools/check/world_rows.h"

namespace dmdax {
namespace {

constexpr uint64_t kBlock = 4096;

proto::File* FindFile(const CureRequest& request, proto::Mount* mount) {
  for (proto::File& file : *mount->mutable_file()) {
    if (PathBelow(MountPath(mount->path()), file.name()) ==
        request.subject.name) {
      return &file;
    }
  }
  return nullptr;
}

uint64_t DeviceBytes(const CureRequest& request) {
  return request.subject.bdev->nr_sectors() * uint64_t{512};
}

// Gives each hole unwritten blocks, congruent to their place in the file modulo
// 2 MiB, in free space: pieces of 2 MiB of its own.  Nothing if there is not so
// much.
bool FillHoles(const CureRequest& request,
               const std::vector<FileExtent>& extents, proto::File* file) {
  std::vector<FileExtent> holes, filled;
  uint64_t at = 0, room = 0;
  // `physical`: where the hole's pieces begin among all of them.
  const auto add = [&](uint64_t end) {
    if (at >= end) return;
    holes.push_back({.logical = at, .physical = room, .length = end - at});
    room += RoundUp(end, kPmdBytes) - RoundDown(at, kPmdBytes);
  };
  const uint64_t size = RoundUp(request.subject.size, kBlock);
  for (const FileExtent& e : extents) {
    if (e.type == IOMAP_HOLE) continue;
    if (e.type != IOMAP_MAPPED && e.type != IOMAP_UNWRITTEN) return false;
    add(std::min(e.logical, size));
    filled.push_back(e);
    at = std::max(at, e.end());
  }
  add(size);
  if (room > DeviceBytes(request)) return false;
  const std::vector<FileExtent> places =
      room == 0 ? holes : FreePlaces(request, room);
  if (room != 0 && places.empty()) return false;
  auto first = places.begin();  // both are in order
  for (const FileExtent& hole : holes) {
    const uint64_t begin = hole.physical + hole.logical % kPmdBytes;
    const uint64_t end = begin + hole.length;
    while (first != places.end() && first->end() <= begin) ++first;
    for (auto place = first; place != places.end() && place->logical < end;
         ++place) {
      const uint64_t from = std::max(begin, place->logical);
      const uint64_t to = std::min(end, place->end());
      filled.push_back({.logical = hole.logical + (from - begin),
                        .physical = place->physical + (from - place->logical),
                        .length = to - from,
                        .type = IOMAP_UNWRITTEN});
    }
  }
  std::sort(filled.begin(), filled.end(),
            [](const FileExtent& a, const FileExtent& b) {
              return a.logical < b.logical;
            });
  SetFileExtents(filled, request.subject.size, file);
  return true;
}

// A number among mount options; 0: it is not there.
uint64_t NumberOption(const proto::Mount& mount, absl::string_view name) {
  uint64_t value;
  const auto word = MountValue(MachineOptions(mount), name);
  return word && absl::SimpleAtoi(*word, &value) ? value : 0;
}

// The steps for a file, in their order.
class FileSteps {
 public:
  FileSteps(const Subject& subject, Cure* cure,
            CureStage stage = CureStage::kFile)
      : subject_(subject), cure_(*cure), stage_(stage) {}

  void Add(std::string command) {
    cure_.steps.push_back({stage_, absl::StrCat(subject_.name, " ", ++number_),
                           std::move(command), subject_.mount});
  }

  // Pieces of one stripe are what ext4 aligns, and a mount option can give it.
  void AddStripe(proto::Mount* mount) {
    if (NumberOption(*mount, "stripe") == kPmdBlocks) return;
    cure_.steps.push_back({CureStage::kRemount, subject_.mount,
                           absl::StrCat("mount -o remount,stripe=", kPmdBlocks,
                                        " ", ShellWord(subject_.mount)),
                           subject_.mount});
    ChangeOptions(
        [](const std::string& options) {
          return absl::StrCat(options, options.empty() ? "" : ",",
                              "stripe=", kPmdBlocks);
        },
        mount);
    absl::StrAppend(&cure_.remark, cure_.remark.empty() ? "" : "; ",
                    "stripe=", kPmdBlocks, " belongs into fstab too");
  }

  // What was the file's becomes the new one's, which takes its place.  Where
  // the page cache has the copy, rename() waits only for blocks that are not
  // allocated yet: after a power cut these would be unwritten, and the old ones
  // gone.
  void AddCopy(const std::string& unused, const std::string& locking) {
    const std::string name = ShellWord(subject_.name);
    const std::string fresh = ShellWord(unused);
    Add(OrRemove(absl::StrCat("dd if=", name, " of=", fresh,
                              " bs=2M conv=notrunc status=none"),
                 unused));
    Add(absl::StrCat("truncate -s ", subject_.size, " ", fresh));
    Add(OrRemove(absl::StrCat("cmp ", name, " ", fresh), unused));
    Add(OrRemove(
        absl::StrCat("chattr +$(lsattr -d ", name, " | cut -d' ' -f1 | tr -cd ",
                     kCopiedFlags, ") ", fresh, " && touch -r ", name, " ",
                     fresh, " && sync ", fresh),
        unused));
    if (locking.empty()) {
      Add(OrRemove(absl::StrCat("mv ", fresh, " ", name), unused));
      return;
    }
    Add(absl::StrCat("(", UnlockCommand(locking, subject_.name), " && mv ",
                     fresh, " ", name, " || { rm ", fresh, "; chattr +",
                     locking, " ", name, "; exit 1; })"));
  }

 private:
  static constexpr uint64_t kPmdBlocks = kPmdBytes / kBlock;
  // Those of a file that no attribute of its inode holds, as chattr takes them:
  // cp leaves them.  "a", "i" and "x" have steps of their own, "e" the
  // allocator gives, and a journalled file ("j") has no DAX.
  // Mirrors: EXT4_FL_USER_MODIFIABLE of fs/ext4/ext4.h, xfs_flags2diflags of
  // fs/xfs/xfs_ioctl.c (6.1).
  static constexpr absl::string_view kCopiedFlags = "AScdsu";
  const Subject& subject_;
  Cure& cure_;
  const CureStage stage_;
  int number_ = 0;
};

std::string UnusedName(const Subject& subject, const proto::Mount& mount) {
  const auto taken = [&](const std::string& name) {
    return std::any_of(
        mount.file().begin(), mount.file().end(), [&](const proto::File& file) {
          return PathBelow(MountPath(mount.path()), file.name()) == name;
        });
  };
  std::string name = subject.name + ".new";
  for (int i = 2; taken(name); ++i)
    name = absl::StrCat(subject.name, ".new", i);
  return name;
}

// Whether nothing there can be written.
bool IsReadOnly(const proto::Mount& mount, const Subject& subject) {
  return SaysReadOnly(mount.options()) ||
         (subject.bdev != nullptr && subject.bdev->read_only());
}

Cure ReadOnlyCure(const proto::Mount& mount) {
  return {.remark = absl::StrCat(
              OneLine(MountPath(mount.path())),
              " is mounted read-only: new blocks want it, and its device, "
              "writable")};
}

// A new file in aligned blocks gets the data.
void AddFreshFile(const CureRequest& request, const proto::File& file,
                  proto::Mount* mount, Cure* cure) {
  const Subject& subject = request.subject;
  const std::string name = ShellWord(subject.name);
  const std::string unused = UnusedName(subject, *mount);
  const std::string fresh = ShellWord(unused);
  FileSteps steps(subject, cure);
  cure->remark = absl::StrCat(
      "while nobody writes the file: its data goes to new blocks, for which ",
      BytesText(RoundUp(subject.size, kPmdBytes)),
      " must be free (df); another name of it (hard link), which would keep "
      "the "
      "old ones, ends the list");
  std::vector<std::string> allocate;
  if (WorldFsType(*mount) == "ext4") {
    steps.AddStripe(mount);
    allocate = Ext4AllocateLines(KernelNameWord(request.session, *subject.bdev),
                                 unused, subject.size, FileLength::kGrows,
                                 FileFailure::kRemove);
  } else {
    allocate = XfsAllocateLines(unused, subject.size, FileFailure::kRemove);
  }
  // Nothing that nobody told of is written over, and what were two names of one
  // file do not become two files.
  steps.Add(absl::StrCat(
      "{ test ! -e ", fresh, " && test \"$(stat -c %h ", name,
      ")\" = 1 || ! echo ",
      ShellWord(absl::StrCat(unused, " is there, or ", subject.name,
                             " has other names: nothing is copied")),
      " >&2; } && cp --attributes-only --preserve=all ", name, " ", fresh));
  for (std::string& line : allocate) steps.Add(std::move(line));
  const std::string locking = LockingFlags(file);
  steps.AddCopy(unused, locking);
  // With dax=always it has DAX without, until that is another.
  if (file.dax()) {
    cure->steps.push_back(
        DaxFlagStep(subject.name, subject.name, subject.mount));
  }
  LockBehind(locking, subject.name, &cure->steps);
}

// Whether new files of the mounted file system get aligned blocks.
bool PlacesAligned(const proto::Mount& mount) {
  if (WorldFsType(mount) == "ext4") return true;
  const uint64_t sunit = NumberOption(mount, "sunit");  // in sectors
  return sunit != 0 && sunit % kPmdSectors == 0;
}

// The file is allocated in a file system that is made anew, and then restored.
Cure WithFsAnew(const CureRequest& request, Cure cure, const std::string& why,
                proto::Mount* mount, proto::File* file) {
  const Subject& subject = request.subject;
  const uint64_t length = RoundUp(subject.size, kPmdBytes);
  const uint64_t room = FsRoom(*mount, DeviceBytes(request)).pages;
  if (length > room) {
    return {.remark = absl::StrCat(
                "there is no room for whole pages of 2 MiB: the file has ",
                BytesText(subject.size), ", and files can have ",
                BytesText(room), " of ", BytesText(DeviceBytes(request)))};
  }
  if (WorldFsType(*mount) == "xfs" && DeviceBytes(request) < kLeastXfsBytes) {
    return {.remark = absl::StrCat(
                why,
                ", and mkfs.xfs makes none under 300 MiB: make it larger, "
                "or ext4")};
  }
  cure.steps = FsAnewSteps(request.session, *mount, *subject.bdev);
  WholeFiles whole(request.session);
  FreshFiles fresh =
      FreshFilesOf(request.session, *mount, /*cured=*/nullptr, *subject.bdev,
                   whole, {&subject}, TypedFor(subject.mount));
  for (CureStep& step : fresh.steps) cure.steps.push_back(std::move(step));
  std::stable_sort(
      cure.steps.begin(), cure.steps.end(),
      [](const CureStep& a, const CureStep& b) { return a.stage < b.stage; });
  cure.remark = absl::StrCat(why,
                             ": the file system is made anew: save the data; "
                             "the file is allocated before it is restored");
  if (subject.mount == "/") absl::StrAppend(&cure.remark, "; ", kInRescue);
  SetFileExtents({{.physical = kPmdBytes, .length = length}}, subject.size,
                 file);
  cure.in_world = true;
  return cure;
}

// What the file's holes would take, and what it has, in bytes.
struct Blocks {
  uint64_t holes = 0, has = 0;
};

Blocks BlocksOf(const std::vector<FileExtent>& extents, uint64_t size) {
  Blocks blocks;
  uint64_t within = 0;
  for (const FileExtent& e : extents) {
    if (e.type != IOMAP_MAPPED && e.type != IOMAP_UNWRITTEN) continue;
    blocks.has += e.length;
    within += std::min(e.end(), std::max(size, e.logical)) - e.logical;
  }
  blocks.holes = size - std::min(size, within);
  return blocks;
}

}  // namespace

std::optional<Cure> CureExtents(const CureRequest& request,
                                proto::World& world) {
  const Subject& subject = request.subject;
  if (subject.kind != Subject::kFile) return std::nullopt;
  proto::Mount* mount = FindWorldMount(world, subject.mount);
  proto::File* file = mount == nullptr ? nullptr : FindFile(request, mount);
  if (file == nullptr) return std::nullopt;
  if (IsReadOnly(*mount, subject)) return ReadOnlyCure(*mount);
  Cure cure{.change = "blocks at multiples of 2 MiB"};
  const std::string fs = WorldFsType(*mount);
  if (fs != "ext4" && fs != "xfs") {
    cure.remark = absl::StrCat(fs, " aligns nothing: ext4 and xfs can");
    return cure;
  }
  if (!PlacesAligned(*mount)) {
    return WithFsAnew(request, std::move(cure),
                      "xfs aligns to the stripe unit that it was made with",
                      mount, file);
  }
  const std::vector<FileExtent> places =
      FreePlaces(request, RoundUp(subject.size, kPmdBytes));
  if (places.empty()) {
    return WithFsAnew(request, std::move(cure),
                      "there is no room for new blocks beside the old ones",
                      mount, file);
  }
  SetFileExtents(places, subject.size, file);
  cure.in_world = true;
  AddFreshFile(request, *file, mount, &cure);
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
  if (IsReadOnly(*mount, subject)) return ReadOnlyCure(*mount);
  const bool unwritten =
      WorldFsType(*mount) != "ext2" && !(*open)->options.indirect_blocks;
  if (!unwritten) {
    return Cure{.remark =
                    "without extents there is no fallocate: it gets its blocks "
                    "when it is written"};
  }
  const std::vector<FileExtent> extents = (*open)->inode.extents.All();
  const Blocks blocks = BlocksOf(extents, subject.size);
  if (blocks.holes + blocks.has > DeviceBytes(request)) {
    return Cure{.remark = absl::StrCat(
                    "its holes are ", BytesText(blocks.holes),
                    ", and the file system has ",
                    BytesText(DeviceBytes(request)),
                    " in all: it gets its blocks where it is written")};
  }
  Cure cure{.change = "blocks for the holes",
            .in_world = FillHoles(request, extents, file)};
  FileSteps steps(subject, &cure, CureStage::kHoles);
  if (WorldFsType(*mount) == "ext4") {
    steps.AddStripe(mount);
    for (std::string& line : Ext4AllocateLines(
             KernelNameWord(request.session, *subject.bdev), subject.name,
             subject.size, FileLength::kKept, FileFailure::kLeave)) {
      steps.Add(std::move(line));
    }
  } else {
    steps.Add(absl::StrCat("fallocate -n -l ", subject.size, " ",
                           ShellWord(subject.name)));
  }
  UnlockAround(LockingFlags(*file), subject.name, &cure.steps);
  const std::string stripe = cure.remark.empty() ? "" : "; " + cure.remark;
  cure.remark = cure.in_world
                    ? "tried with new blocks at multiples of 2 MiB; those that "
                      "lie elsewhere get 4 KiB pages: filefrag -v tells"
                    : "there is no free piece of 2 MiB pages so long here; "
                      "where the new blocks lie filefrag -v tells";
  cure.remark += stripe;
  return cure;
}

}  // namespace dmdax
