// SPDX-License-Identifier: Apache-2.0
#include "tools/check/seen_use.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/substitute.h"
#include "base/one_line.h"
#include "fs/file_system_type.h"
#include "fs/no_dax.h"

namespace dmdax {
namespace {

// What is a part of something, or hides what it has, by blkid's names.
struct PartOfMore {
  absl::string_view type;
  absl::string_view what;
  absl::string_view stays;  // $0: the device
  bool maps_nothing = false;
};
constexpr absl::string_view kForTheBoot =
    "the machine starts from it, and no list makes that again";
constexpr PartOfMore kParts[] = {
    {"LVM2_member", "a physical volume of LVM2",
     "no input lists its volumes, which would go: add what dmsetup table and "
     "vgcfgbackup print, or if it is of no group pvremove $0, and ask again"},
    {"crypto_LUKS", "a LUKS container",
     "no input says what is in it: open it, and ask again with what lsblk and "
     "dmsetup table print then"},
    {"linux_raid_member", "a member of an md array",
     "no input says of which, which would lose it: add /proc/mdstat, lsblk, or "
     "if that array is to stay stopped mdadm --zero-superblock $0, and ask "
     "again"},
    {"zfs_member", "a member of a ZFS pool",
     "no input says what the pool has, which would lose it: take it out of "
     "the pool first"},
    {"bcache", "a device of bcache",
     "no input says what lies on it: add what lsblk prints, or if nothing does "
     "wipefs -a $0, and ask again"},
    // Of one with several devices lsblk shows one as mounted.
    {"btrfs", "btrfs",
     "it may be one of several devices of a mounted one: btrfs filesystem "
     "show says"},
    {"bcachefs", "bcachefs",
     "it may be one of several devices of a mounted one: bcachefs fs usage "
     "says"},
    {"esp", "the EFI system partition", kForTheBoot, true},
    {"xbootldr", "the partition of the boot loader", kForTheBoot, true},
    {"bios_boot", "the BIOS boot partition", kForTheBoot, true},
    {"prep", "the PReP boot partition", kForTheBoot, true},
    {"jbd", "the journal of an ext4",
     "no input says of which, which would lose it", true},
    {"xfs_external_log", "the log of an xfs",
     "no input says of which, which would lose it: add /proc/mounts", true},
};

// What reads them has no DAX.
constexpr std::pair<absl::string_view, absl::string_view> kNeverDax[] = {
    {"crypto_LUKS", "a LUKS container, which dm-crypt opens: that has no DAX"},
    {"linux_raid_member", "a member of an md array: md has no DAX"},
    {"bcache", "a device of bcache, which has no DAX"},
    {"zfs_member", "a member of a ZFS pool: ZFS has no DAX"},
};

bool IsFileSystem(absl::string_view type) {
  return FindFileSystemType(type).ok() ||
         FindUnmodelledFileSystem(type) != nullptr;
}

// The device of a use, for a shell.
std::string PathOf(const std::string& device) {
  return ShellWord(
      absl::StartsWith(device, "/") ? device : absl::StrCat("/dev/", device));
}

}  // namespace

std::string WhyNeverDax(const proto::Use& use) {
  for (const auto& [type, why] : kNeverDax) {
    if (type == use.type() && use.called().empty()) return std::string(why);
  }
  if (!use.called().empty()) return "";
  const FileSystemType* const fs = FindUnmodelledFileSystem(use.type());
  if (fs != nullptr) return absl::StrCat(fs->name, ", ", fs->no_dax);
  // Of what blkid knows and Linux has no file system of ("VMFS", "drbd").
  const bool is_more =
      use.type() == "swap" || std::any_of(std::begin(kParts), std::end(kParts),
                                          [&](const PartOfMore& part) {
                                            return part.type == use.type();
                                          });
  if (use.type().empty() || is_more || IsFileSystem(use.type())) return "";
  return absl::StrCat(OneLine(use.type()),
                      ", and no driver is known that has DAX on it");
}

SeenUse OpenWords(const proto::Use& use) {
  const std::string path = PathOf(use.device());
  return {
      absl::StrCat("something that keeps it open and that no input names "
                   "(dmsetup info: Open ",
                   use.open(), ")"),
      absl::StrCat("no list could remove it; find who that is (fuser -v ", path,
                   ", lsblk, /proc/mounts), end it or add what says of it, "
                   "and ask again")};
}

SeenUse WordsOfUse(const proto::Use& use) {
  if (!use.called().empty()) {
    return {
        absl::StrCat("perhaps the ", use.type(), use.active() ? " in use" : "",
                     " that an input has on ", use.called()),
        "no input says which volume that is: add dmsetup info -c, and ask "
        "again"};
  }
  if (use.active()) {
    return {"swap in use", "swapoff it, and ask again", true};
  }
  if (use.type() == "swap") {
    return {"swap, which no input shows in use", "", true};
  }
  for (const PartOfMore& part : kParts) {
    if (part.type != use.type()) continue;
    return {std::string(part.what),
            absl::Substitute(part.stays, PathOf(use.device())),
            part.maps_nothing};
  }
  if (!IsFileSystem(use.type())) {
    return {use.type(), "dmdax does not know what that is"};
  }
  const std::string label =
      use.label().empty() ? "" : absl::StrCat(" with the label ", use.label());
  return {absl::StrCat(use.type(), label, ", which no input shows mounted"),
          ""};
}

}  // namespace dmdax
