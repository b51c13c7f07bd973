// SPDX-License-Identifier: Apache-2.0
#include "tools/check/fs_anew.h"

#include <algorithm>
#include <cstdint>
#include <optional>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "base/dev_t.h"
#include "base/one_line.h"
#include "base/units.h"
#include "fs/dax_words.h"
#include "fs/mount_words.h"
#include "process/mount_point.h"
#include "state/find_device.h"
#include "tools/check/cure_lines.h"
#include "tools/check/kept_identity.h"
#include "tools/check/world_mount.h"

namespace dmdax {
namespace {

// mkfs.xfs takes all of an external log's device, and refuses more than this.
// Mirrors: XFS_MAX_LOG_BYTES of fs/xfs/libxfs/xfs_fs.h (6.1), in whole MiB.
constexpr uint64_t kMostLogMib = 2038;

std::string XfsLogWords(const Session& session, const proto::Mount& mount) {
  const auto log = MountValue(MachineOptions(mount), "logdev");
  if (!log) return "";
  std::string words = absl::StrCat("logdev=", *log);
  const absl::StatusOr<BlockDevice*> bdev =
      FindDevice(session, std::string(*log));
  if (bdev.ok() && (*bdev)->nr_sectors() * kSectorSize > kMostLogMib << 20) {
    absl::StrAppend(&words, ",size=", kMostLogMib, "m");
  }
  return absl::StrCat(" -l ", ShellWord(words));
}

// A file with DAX on a kernel of before 6.0 has a file system without reflink;
// any other has what mkfs.xfs gives it, as far as nobody knows what it had.
XfsReflink ReflinkOf(const proto::Mount& mount) {
  const bool dax =
      !DaxForAll(mount.options()).empty() ||
      std::any_of(mount.file().begin(), mount.file().end(),
                  [](const proto::File& file) { return file.dax(); });
  if (dax) return XfsReflink::kNo;
  return mount.reflink() ? XfsReflink::kYes : XfsReflink::kByMkfs;
}

std::string XfsWords(const Session& session, const proto::Mount& mount) {
  std::string words = XfsLogWords(session, mount);
  if (const auto rt = MountValue(MachineOptions(mount), "rtdev")) {
    absl::StrAppend(&words, " -r ", ShellWord(absl::StrCat("rtdev=", *rt)));
  }
  return words;
}

// The device of ext4's external journal, or "".
std::string JournalOf(const Session& session, const proto::Mount& mount) {
  if (const auto path = MountValue(MachineOptions(mount), "journal_path")) {
    return std::string(*path);
  }
  const auto number = MountValue(MachineOptions(mount), "journal_dev");
  if (!number) return "";
  uint32_t dev;
  const bool is_number = absl::StartsWith(*number, "0x")
                             ? absl::SimpleHexAtoi(*number, &dev)
                             : absl::SimpleAtoi(*number, &dev);
  if (!is_number) return "";
  // Mirrors: new_decode_dev of include/linux/kdev_t.h (6.1).
  const DevT decoded{(dev & 0xfff00) >> 8,
                     (dev & 0xff) | ((dev >> 12) & 0xfff00)};
  const BlockDevice* const bdev = session.machine->FindBdev(decoded);
  return bdev == nullptr ? "" : DevicePath(session, *bdev);
}

// Projects' quota is kept in the file system alone, by features that mke2fs
// leaves out; a project needs room in the inode.
// Mirrors: ext4_check_quota_consistency of fs/ext4/super.c (6.1).
std::string Ext4Words(const proto::Mount& mount, const std::string& journal) {
  std::string words;
  if (HasMountWord(MachineOptions(mount), "prjquota"))
    words = " -O project,quota -I 256";
  if (!journal.empty()) {
    absl::StrAppend(&words, " -J ",
                    ShellWord(absl::StrCat("device=", journal)));
  }
  return words;
}

}  // namespace

std::string TypedPath(TypedIn in, const std::string& path) {
  if (in == TypedIn::kSystem) return path;
  return path == "/" ? "/mnt" : absl::StrCat("/mnt", path);
}

std::string MkfsLine(const Session& session, const proto::Mount& mount,
                     const BlockDevice& bdev,
                     std::optional<uint64_t> will_have) {
  const std::string type = WorldFsType(mount);
  const std::string path = DevicePath(session, bdev);
  const uint64_t bytes = will_have.value_or(bdev.nr_sectors() * kSectorSize);
  const std::string kept =
      absl::StrCat(type == "xfs" ? " -m uuid=" : " -U ",
                   UuidWord(session, bdev), " -L ", LabelWord(session, bdev));
  if (type == "xfs") {
    return AlignedMkfsLine(type, path, bytes,
                           absl::StrCat(XfsWords(session, mount), kept),
                           ReflinkOf(mount));
  }
  if (type != "ext4") return AlignedMkfsLine(type, path, bytes, kept);
  const std::string journal = JournalOf(session, mount);
  const std::string line = AlignedMkfsLine(
      type, path, bytes, absl::StrCat(Ext4Words(mount, journal), kept));
  // The old file system is still a user of its journal, and one with two of
  // them the kernel does not take.
  return journal.empty() ? line
                         : absl::StrCat("mkfs.ext4 -F -O journal_dev -b 4096 ",
                                        ShellWord(journal), " && ", line);
}

std::vector<CureStep> FsAnewSteps(const Session& session,
                                  const proto::Mount& mount,
                                  const BlockDevice& bdev,
                                  std::optional<uint64_t> bytes) {
  const std::string at = MountPath(mount.path());
  // Without its files, of which it may have very many.
  proto::Mount fresh;
  fresh.set_path(TypedPath(TypedFor(at), at));
  fresh.set_options(MachineOptions(mount));
  return {IdentityStep(session, at, bdev),
          UnmountStep(at),
          {CureStage::kMkfs, at, MkfsLine(session, mount, bdev, bytes)},
          {CureStage::kMount, at,
           WorldFreshMountLine(fresh, DevicePath(session, bdev))}};
}

std::string WhatFsLoses(const proto::Mount& mount,
                        const WholeFiles::OfMount& files) {
  std::vector<std::string> remarks;
  const std::string at = OneLine(MountPath(mount.path()));
  if (mount.reflink() || files.blocks == WholeFiles::OfMount::Blocks::kShared) {
    remarks.push_back(
        absl::StrCat("what files of ", at,
                     " share is there once for each: it may need more room"));
  }
  if (files.nr_locked != 0) {
    std::vector<std::string> locked;
    for (const std::string& file : files.locked) {
      locked.push_back(OneLine(file));
    }
    if (files.nr_locked > locked.size()) {
      locked.push_back(
          absl::StrCat(files.nr_locked - locked.size(), " others"));
    }
    remarks.push_back(absl::StrCat("behind the restore: chattr ",
                                   absl::StrJoin(locked, ", ")));
  }
  const std::vector<absl::string_view> words =
      MountWords(MachineOptions(mount));
  if (std::any_of(words.begin(), words.end(), [](absl::string_view word) {
        // "usrquota", "prjquota", "usrjquota=aquota.user"
        return absl::StrContains(word, "quota") && word != "noquota";
      })) {
    remarks.push_back(
        absl::StrCat("the limits of quota of ", at, " are to be set anew"));
  }
  // The list mounts it without, and the next boot as fstab says.
  for (absl::string_view word : words) {
    if (word != "noalign" && !absl::StartsWith(word, "sb=")) continue;
    remarks.push_back(absl::StrCat(
        OneLine(word), " must go from the line of ", at, " in fstab: ",
        word == "noalign" ? "with it new blocks lie anywhere"
                          : "what is made anew has its super block elsewhere"));
  }
  return absl::StrJoin(remarks, "; ");
}

}  // namespace dmdax
