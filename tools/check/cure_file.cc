// SPDX-License-Identifier: Apache-2.0
//
// Cures in a file system: where its files lie, and whether they are DAX.
#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/one_line.h"
#include "base/round_up.h"
#include "tools/check/cure.h"
#include "tools/check/dax_depth.h"
#include "tools/check/world_rows.h"

namespace dmdax {
namespace {

proto::Mount* FindMount(proto::World& world, const std::string& path) {
  for (proto::Mount& mount : *world.mutable_mount()) {
    if (mount.path() == path) return &mount;
  }
  return nullptr;
}

std::string FileSystemOf(const proto::Mount& mount) {
  return mount.type().empty() ? "ext4" : mount.type();
}

// Puts all of a file into one extent at a multiple of 2 MiB, in free space.
// Nothing if there is not so much of it in one piece.
bool PlaceAligned(const CureRequest& request, proto::Mount* mount) {
  for (proto::File& file : *mount->mutable_file()) {
    if (absl::StrCat(mount->path() == "/" ? "" : mount->path(), "/",
                     file.name()) != request.subject.name) {
      continue;
    }
    const uint64_t length = RoundUp(request.subject.size, kPmdBytes);
    const uint64_t device = request.subject.bdev->nr_sectors() * uint64_t{512};
    uint64_t start = RoundUp(request.used_end, kPmdBytes);
    if (start + length > device) return false;
    if (start == 0 && length + kPmdBytes <= device) start = kPmdBytes;
    file.set_size(request.subject.size);
    file.clear_extent();
    file.clear_extents_text();
    file.clear_fiemap();
    proto::Extent* extent = file.add_extent();
    extent->set_physical(start);
    extent->set_length(length);
    return true;
  }
  return false;
}

}  // namespace

std::vector<std::string> Ext4AllocateLines(const std::string& disk,
                                           const std::string& file,
                                           uint64_t bytes) {
  const uint64_t pieces = RoundUp(bytes, kPmdBytes) / kPmdBytes;
  return {absl::StrCat("cat /proc/fs/ext4/", disk, "/mb_groups > /dev/null"),
          absl::StrCat("for i in $(seq 0 ", pieces - 1,
                       "); do fallocate -o $((2 * i))MiB -l 2MiB ",
                       ShellWord(file), "; done")};
}

std::optional<Cure> CureExtents(const CureRequest& request,
                                proto::World& world) {
  if (request.subject.kind != Subject::kFile) return std::nullopt;
  proto::Mount* mount = FindMount(world, request.subject.mount);
  if (mount == nullptr) return std::nullopt;
  const std::string fs = FileSystemOf(*mount);
  const std::string device =
      absl::StrCat("/dev/", request.subject.bdev->name());
  Cure cure{.in_world = PlaceAligned(request, mount)};
  const std::string fresh = ShellWord(request.subject.name + ".new");
  if (fs == "xfs") {
    // The hint works on a file without extents.
    cure.commands = {
        absl::StrCat("xfs_io -f -c 'extsize 2m' ", fresh),
        absl::StrCat("fallocate -l ", RoundUp(request.subject.size, kPmdBytes),
                     " ", fresh),
    };
    cure.remark = absl::StrCat(
        "then copy the data and rename; if it still is off, the file system "
        "was made without mkfs.xfs -d su=2m,sw=1 ",
        device);
  } else {
    cure.commands = {
        absl::StrCat("mkfs.ext4 -E stride=512,stripe_width=512 ", device)};
    for (std::string& line :
         Ext4AllocateLines(request.subject.bdev->name(), request.subject.name,
                           request.subject.size)) {
      cure.commands.push_back(std::move(line));
    }
    cure.remark =
        "the file system is made anew: save the data; then allocate the file "
        "before it is written";
  }
  if (!cure.in_world) {
    absl::StrAppend(&cure.remark,
                    "; there is no free piece of 2 MiB pages so long here");
  }
  return cure;
}

std::optional<Cure> CureNotDax(const CureRequest& request,
                               proto::World& world) {
  const Subject& subject = request.subject;
  if (subject.bdev == nullptr) return std::nullopt;
  const std::vector<NotDaxLevel> levels =
      WhyNotDax(request.session, *subject.bdev);
  if (levels.empty()) {
    proto::Mount* mount = FindMount(world, subject.mount);
    if (mount == nullptr) return std::nullopt;
    const bool modes = request.session.machine->profile().has_dax_modes;
    const char* option =
        modes && FileSystemOf(*mount) != "ext2" ? "dax=always" : "dax";
    Cure cure{.in_world = true};
    mount->set_options(option);
    const std::string path = ShellWord(mount->path());
    cure.commands = {absl::StrCat("umount ", path),
                     absl::StrCat("mount -o ", option, " /dev/",
                                  subject.bdev->name(), " ", path)};
    if (mount->block_size() != 0 && mount->block_size() != 4096) {
      mount->set_block_size(4096);
      cure.commands.insert(
          cure.commands.begin() + 1,
          absl::StrCat(FileSystemOf(*mount) == "xfs" ? "mkfs.xfs -b size=4096 "
                                                     : "mkfs.ext4 -b 4096 ",
                       "/dev/", subject.bdev->name()));
      cure.remark = "DAX wants blocks of a page; the file system is made anew";
    }
    return cure;
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
  Cure cure;
  cure.remark =
      end.target.empty()
          ? absl::StrCat(end.device, " cannot be mapped: ", end.why)
          : absl::StrCat("keep what must be mapped on a volume without the ",
                         end.target, " of ", end.device);
  return cure;
}

}  // namespace dmdax
