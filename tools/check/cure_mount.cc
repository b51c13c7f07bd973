// SPDX-License-Identifier: Apache-2.0
//
// Cures of what has no DAX: mount options, blocks, raw namespaces.
#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "base/kernel_profile.h"
#include "base/one_line.h"
#include "dm/dm_table.h"
#include "fs/dax_words.h"
#include "fs/file_system_type.h"
#include "fs/mount_words.h"
#include "fs/no_dax.h"
#include "import/nd_pfn.h"
#include "process/mount_point.h"
#include "tools/check/cure.h"
#include "tools/check/cure_lines.h"
#include "tools/check/dax_depth.h"
#include "tools/check/dax_flag.h"
#include "tools/check/device_use.h"
#include "tools/check/fs_anew.h"
#include "tools/check/in_progress.h"
#include "tools/check/locked_file.h"
#include "tools/check/undo_target.h"
#include "tools/check/world_mount.h"
#include "tools/check/world_rows.h"

namespace dmdax {
namespace {

// The other options stay.
std::string WithOption(const std::string& options, absl::string_view dax) {
  std::vector<std::string> kept;
  for (absl::string_view word : MountWords(options)) {
    // The journal of data excludes DAX.
    if (KindOfMountWord(word) != MountWordKind::kDax &&
        word != "data=journal") {
      kept.emplace_back(word);
    }
  }
  kept.emplace_back(dax);
  return absl::StrJoin(kept, ",");
}

// Whether mounts with these are no different.
bool SameWords(absl::string_view a, absl::string_view b) {
  std::vector<absl::string_view> words = MountWords(a), other = MountWords(b);
  std::sort(words.begin(), words.end());
  std::sort(other.begin(), other.end());
  return words == other;
}

// What is told of data=journal, which goes; "": it is not there.
std::string JournalOfData(const proto::Mount& mount) {
  if (!HasMountWord(MachineOptions(mount), "data=journal")) return "";
  return absl::StrCat("without data=journal, which excludes DAX, data of ",
                      OneLine(MountPath(mount.path())), " is in no journal");
}

// What a file system was made with that keeps it from DAX for all of its files.
struct MadeWith {
  bool blocks = false, shares = false, inline_data = false;
  bool any() const { return blocks || shares || inline_data; }
};

MadeWith MadeWithout(const proto::Mount& mount, const KernelProfile& profile,
                     const BlockDevice& bdev) {
  const XfsDaxReflink reflink = profile.xfs_dax_reflink;
  return {
      .blocks = mount.block_size() != 0 && mount.block_size() != 4096,
      .shares = mount.reflink() && (reflink == XfsDaxReflink::kRefused ||
                                    (reflink == XfsDaxReflink::kNotPartitions &&
                                     bdev.is_partition())),
      .inline_data = mount.inline_data()};
}

// The boot mounts /, and nobody can unmount it.
Cure CureRootMount(Cure cure, const char* option) {
  cure.steps.clear();
  cure.before = absl::StrCat("/ is mounted by the boot: rootflags=", option,
                             " on the kernel's command line, ", option,
                             " in fstab, and a reboot");
  cure.remark = cure.before;
  return cure;
}

// Whether the file is so small that the file system gave it no block.
bool HasInlineData(const CureRequest& request) {
  if (request.subject.kind != Subject::kFile) return false;
  const absl::StatusOr<MountedFile*> file =
      request.session.user->FindFile(request.subject.name);
  return file.ok() && (*file)->inode.inline_data;
}

// A file system that could be mapped if it were mounted otherwise.
std::optional<Cure> CureMount(const CureRequest& request, proto::World& world) {
  const Subject& subject = request.subject;
  proto::Mount* mount = FindWorldMount(world, subject.mount);
  if (mount == nullptr) return std::nullopt;
  if (IsBootMount(subject.mount)) {
    return Cure{.remark = absl::StrCat(
                    "leave ", OneLine(subject.mount),
                    " as it is: firmware and boot loader read it, and no "
                    "program maps it")};
  }
  const std::string fs = WorldFsType(*mount);
  const FileSystemType* const type = FindUnmodelledFileSystem(fs);
  if (type != nullptr) {
    return Cure{.remark = absl::StrCat(
                    "no option of ", OneLine(fs), ", ", type->no_dax,
                    ", is known to help: save the data and make ext4 or xfs: "
                    "dmdax advise has the lines")};
  }
  if (HasInlineData(request)) {
    return Cure{
        .remark =
            "its data lies in its inode: one that has grown out of that "
            "has blocks, and DAX with its flag"};
  }
  if (IsNeverDax(request.session, subject) && !mount->inline_data()) {
    return Cure{.remark =
                    "a file that is so never has DAX, whatever the mount: "
                    "chattr -j where its data is journalled, a new file "
                    "without that of the others"};
  }
  const bool modes = request.session.machine->profile().has_dax_modes;
  const char* option = modes && fs != "ext2" ? "dax=always" : "dax";
  const KernelProfile& profile = request.session.machine->profile();
  const MadeWith made = MadeWithout(*mount, profile, *subject.bdev);
  const bool anew = made.any();
  const std::string options = WithOption(mount->options(), option);
  if (SameWords(options, mount->options()) && !anew) return std::nullopt;
  const std::string no_journal = JournalOfData(*mount);
  ChangeOptions([&](const std::string& of) { return WithOption(of, option); },
                mount);
  Cure cure{.change = absl::StrCat("mounted with ", option), .in_world = true};
  const std::string& at = subject.mount;
  if (anew) {
    std::vector<std::string> words;
    if (made.blocks) words.push_back("blocks of 4096 bytes");
    if (made.shares) words.push_back("no reflink");
    if (made.inline_data) words.push_back("no inline data");
    absl::StrAppend(&cure.change, ", ", absl::StrJoin(words, ", "));
    mount->clear_block_size();
    mount->clear_reflink();
    mount->clear_inline_data();
    cure.steps = FsAnewSteps(request.session, *mount, *subject.bdev);
    cure.remark = "DAX wants it; the file system is made anew: save the data";
    if (made.shares && profile.xfs_dax_reflink == XfsDaxReflink::kRefused &&
        !subject.bdev->is_partition()) {
      absl::StrAppend(&cure.remark, "; from 6.0 on reflink is no obstacle");
    }
    if (at == "/") absl::StrAppend(&cure.remark, "; ", kInRescue);
  } else if (at == "/") {
    cure = CureRootMount(std::move(cure), option);
  } else {
    cure.steps = {
        UnmountStep(at),
        {CureStage::kMount, at,
         WorldMountLine(*mount, DevicePath(request.session, *subject.bdev))}};
  }
  if (at != "/" || anew) {
    cure.before = absl::StrCat(option, " belongs into fstab",
                               at == "/" ? " and rootflags=" : "", " too");
  }
  if (!no_journal.empty()) {
    absl::StrAppend(&cure.remark, cure.remark.empty() ? "" : "; ", no_journal);
    absl::StrAppend(&cure.before, cure.before.empty() ? "" : "; ", no_journal);
  }
  return cure;
}

}  // namespace

bool WantsDaxFlag(const Subject& subject, const proto::World& world) {
  if (subject.kind != Subject::kFile || subject.bdev == nullptr) return false;
  const proto::Mount* const mount = FindWorldMount(world, subject.mount);
  if (mount == nullptr || DecidesDaxForAll(*mount)) return false;
  const std::string fs = WorldFsType(*mount);
  // The kernels that take reflink with DAX nowhere are told by the trial.
  return (fs == "xfs" && mount->reflink()) ||
         (fs == "ext4" && mount->inline_data());
}

std::optional<Cure> CureDaxFlag(const CureRequest& request,
                                proto::World& world) {
  const Subject& subject = request.subject;
  const KernelProfile& profile = request.session.machine->profile();
  if (!profile.has_dax_modes || !WantsDaxFlag(subject, world)) {
    return std::nullopt;
  }
  proto::Mount* const mount = FindWorldMount(world, subject.mount);
  const MadeWith made = MadeWithout(*mount, profile, *subject.bdev);
  if (made.blocks || !made.any()) return std::nullopt;
  for (proto::File& file : *mount->mutable_file()) {
    if (PathBelow(MountPath(mount->path()), file.name()) != subject.name ||
        file.dax()) {
      continue;
    }
    file.set_dax(true);
    // The flag is read with the inode.
    Cure cure{.change = "the file's DAX flag",
              .steps = {DaxFlagStep(subject.name, subject.name, "")},
              .remark =
                  "its data stays; it has DAX once all programs have closed "
                  "it, and it is opened again",
              .in_world = true};
    UnlockAround(LockingFlags(file), subject.name, &cure.steps);
    return cure;
  }
  return std::nullopt;
}

namespace {

// How World::unmodelled says that no kernel's target of that type has DAX.
constexpr absl::string_view kTargetHasNoDax = "its target has no DAX";

// Of a target that is not to be taken away.  What lies below it is of no use to
// anybody as long as it is there.
std::string KeepElsewhere(const NotDaxLevel& end) {
  return absl::StrCat(
      "no setting helps: keep what must be mapped on a volume without the ",
      end.target, " of ", OneLine(end.device),
      "; what lies below it was not looked at");
}

// A mapped device stands in for a table that is missing or not modelled.
std::string WithoutTable(const NotDaxLevel& end) {
  const std::string device = OneLine(end.device);
  const UnmodelledDevice* const is = end.bdev->unmodelled();
  const absl::string_view why = is == nullptr ? absl::string_view() : is->why;
  // Its target is known (import/stand_in.cc).
  const bool known = is != nullptr && !is->driver.empty() &&
                     (why.empty() || absl::StartsWith(why, kTargetHasNoDax));
  if (!known) {
    return absl::StrCat("keep what must be mapped off ", device,
                        ", or add its table: dmsetup table (as root)");
  }
  // What is still being copied no line takes away.
  const absl::string_view ours = absl::StripPrefix(why, kTargetHasNoDax);
  if (is->driver == "raid" && (absl::StrContains(ours, "rebuilt") ||
                               absl::StrContains(ours, "reshaped"))) {
    return absl::StrCat("wait until ", device,
                        " is in sync (lvs -a -o +copy_percent), and ask "
                        "again with what dmsetup table prints then");
  }
  return absl::StrCat("no setting helps: keep what must be mapped off ", device,
                      ", as ", is->driver, " has no DAX");
}

// What a person can do about the level that ends DAX.
std::string WithoutDax(const NotDaxLevel& end) {
  const std::string device = OneLine(end.device);
  switch (end.by) {
    case NoDaxBy::kTarget:
      return KeepElsewhere(end);
    case NoDaxBy::kNoTable:
      return absl::StrCat("load a table into ", device);
    case NoDaxBy::kPartition:  // one that can not be changed in its place
      return absl::StrCat("make ", device,
                          " anew with a start and a size that are multiples of "
                          "4096 sectors");
    case NoDaxBy::kExtended:
      return absl::StrCat("leave ", device,
                          " as it is: what is made anew there is the end of "
                          "the partitions in it");
    case NoDaxBy::kUnknown:
      return absl::StrCat("too little is known of ", device,
                          ": add dmsetup table (as root), or all that "
                          "tools/collect.sh collects");
    case NoDaxBy::kDriver:
      return absl::StartsWith(end.bdev->name(), "dm-")
                 ? WithoutTable(end)
                 : absl::StrCat(
                       "no setting helps: keep what must be mapped "
                       "off ",
                       device, ", whose driver has no DAX");
    case NoDaxBy::kSector:
      // The emulated machine has no BTT that could be taken away.
      return absl::StrCat(
          "a namespace in fsdax mode, where what it holds goes: ndctl "
          "create-namespace -f -e NAMESPACE -m fsdax --map dev for that of ",
          device);
    case NoDaxBy::kRaw:
    case NoDaxBy::kNotPmem:
      break;
  }
  return absl::StrCat("no setting helps: move it off ", device,
                      ", which is no persistent memory");
}

}  // namespace

namespace {

// A target that may be loaded over DAX, and answers every page with an error:
// 4.14's snapshot-origin.
std::optional<Cure> UndoRefusal(const CureRequest& request,
                                proto::World& world) {
  for (BlockDevice* at : AllBelow(request.session, request.subject.bdev)) {
    const DmTable* const table = LiveTable(request.session, *at);
    if (table == nullptr || table->targets().empty()) continue;
    const TargetType& type = *table->targets()[0].type;
    if (type.direct_access == nullptr || type.dax_layout != nullptr) continue;
    NotDaxLevel end{.bdev = at, .by = NoDaxBy::kTarget};
    end.target = std::string(type.name);
    return UndoTarget(request, end, world);
  }
  return std::nullopt;
}

}  // namespace

std::optional<Cure> CureNotDax(const CureRequest& request,
                               proto::World& world) {
  const Subject& subject = request.subject;
  if (subject.bdev == nullptr) return std::nullopt;
  if (subject.mount.empty() &&
      !WhyNeverDax(request.session, *subject.bdev).empty()) {
    return Cure{.remark =
                    "no setting helps: what must be mapped needs a device "
                    "without that"};
  }
  const std::vector<NotDaxLevel> levels =
      WhyNotDax(request.session, *subject.bdev);
  const bool rounds = request.session.machine->profile().dm_dax_alignment ==
                      DmDaxAlignment::kRoundsDown;
  // 4.14 looks at its pages when it mounts: no level of the stack says no.
  if (!rounds && (levels.empty() || levels.back().by == NoDaxBy::kTarget)) {
    if (auto cure = CureOffPage(request, world)) return cure;
    if (auto cure = CureRowEnds(request, world)) return cure;
    if (auto cure = UndoRefusal(request, world)) return cure;
  }
  if (levels.empty()) {
    if (auto cure = CureOddEnd(request, world)) return cure;
    return CureMount(request, world);
  }
  const NotDaxLevel& end = levels.back();
  for (proto::Pmem& pmem : *world.mutable_pmem()) {
    if (pmem.name() == end.bdev->whole().name() && pmem.raw()) {
      FaultReason raw{.code = FaultReasonCode::kPfnNoDevmap};
      Subject bottom = subject;
      bottom.bdev = end.bdev;
      return CureRawNamespace({raw, request.session, bottom}, world);
    }
  }
  if (end.by == NoDaxBy::kPartition) {
    Subject part = subject;
    part.bdev = end.bdev;
    const FaultReason reason{.code = FaultReasonCode::kPfnPartition};
    if (auto cure = CurePartition({.reason = reason,
                                   .session = request.session,
                                   .subject = part,
                                   .machine = request.machine,
                                   .stands_on = request.stands_on},
                                  world)) {
      return cure;
    }
  }
  if (const proto::MappedDevice* const device =
          FindMapped(world, NameOfDevice(request.session, *end.bdev))) {
    if (std::string doing = InProgress(*device); !doing.empty()) {
      return Cure{.remark = std::move(doing)};
    }
  }
  if (auto cure = UndoTarget(request, end, world)) return cure;
  return Cure{.remark = WithoutDax(end)};
}

std::optional<Cure> CureFsNoPud(const CureRequest& request, proto::World&) {
  constexpr uint64_t kGiB = uint64_t{1} << 30;
  // The memory below, which device-dax would have for itself.
  std::string disks;
  uint64_t room = 0;
  for (const BlockDevice* at :
       AllBelow(request.session, request.subject.bdev)) {
    const PmemDevice* const pmem =
        request.session.machine->FindPmem(at->name());
    if (pmem == nullptr) continue;
    absl::StrAppend(&disks, " ", at->name());
    const PmemOptions& o = pmem->options();
    if (!NdPfnCanStart(o.base, request.session.machine->profile())) {
      continue;
    }
    room += NdPfnRoom(o.base, o.size, kGiB, NdPfnMap::kDev);
  }
  if (room == 0) {
    return Cure{.remark = absl::StrCat(
                    "only device-dax maps 1 GiB, and none of", disks,
                    " has a whole GiB behind its info block and memory map")};
  }
  return Cure{.remark = absl::StrCat(
                  "only device-dax maps 1 GiB: dmdax advise", disks,
                  " --fs none --page 1g has what makes one; all that stands "
                  "there goes")};
}

}  // namespace dmdax
