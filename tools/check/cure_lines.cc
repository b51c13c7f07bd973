// SPDX-License-Identifier: Apache-2.0
#include "tools/check/cure_lines.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/one_line.h"
#include "base/round_up.h"
#include "state/find_device.h"
#include "tools/check/dax_depth.h"
#include "tools/check/world_rows.h"

namespace dmdax {
namespace {

// What one lvcreate or lvextend makes: rows of one shape in a row, on the same
// devices.
struct LvmSegment {
  int stripes = 1;
  uint64_t chunk = 0;  // sectors, of more than one stripe
  uint64_t sectors = 0;
  std::vector<std::string> paths;
};

std::string JoinWords(const std::vector<std::string>& paths) {
  return absl::StrJoin(paths, " ",
                       [](std::string* out, const std::string& path) {
                         absl::StrAppend(out, ShellWord(path));
                       });
}

// Adds the devices that the row stands on, as paths.
void AddLegPaths(const Session& session, proto::Target& row,
                 std::vector<std::string>* paths) {
  ForEachLeg(row, [&](proto::Linear& leg, int) {
    const absl::StatusOr<BlockDevice*> bdev = FindDevice(session, leg.device());
    std::string path = bdev.ok() ? DevicePath(session, **bdev) : leg.device();
    if (std::find(paths->begin(), paths->end(), path) == paths->end()) {
      paths->push_back(std::move(path));
    }
  });
}

// Nothing: LVM2 does not make such rows.
std::optional<std::vector<LvmSegment>> SegmentsOf(const Session& session,
                                                  proto::MappedDevice device) {
  std::vector<LvmSegment> segments;
  for (proto::Target& row : *EditRows(&device)) {
    LvmSegment now{.sectors = row.length()};
    if (row.has_striped()) {
      now.chunk = row.striped().chunk();
      now.stripes = row.striped().stripe_size();
    } else if (!row.has_linear()) {
      return std::nullopt;
    }
    // LVM2's chunks are powers of two.
    if (row.has_striped() &&
        (now.chunk == 0 || (now.chunk & (now.chunk - 1)) != 0)) {
      return std::nullopt;
    }
    AddLegPaths(session, row, &now.paths);
    LvmSegment* const last = segments.empty() ? nullptr : &segments.back();
    if (last != nullptr && last->stripes == now.stripes &&
        last->chunk == now.chunk && last->paths == now.paths) {
      last->sectors += now.sectors;
    } else {
      segments.push_back(std::move(now));
    }
  }
  if (segments.empty()) return std::nullopt;
  return segments;
}

// A name as an argument: one that begins with a dash is no option.
std::string DmNameWord(const std::string& name) {
  return absl::StrCat(absl::StartsWith(name, "-") ? "-- " : "",
                      ShellWord(name));
}

}  // namespace

std::string DevicePath(const Session& session, const BlockDevice& bdev) {
  const bool mapped = bdev.dev().major_nr == session.ctl->major();
  return absl::StrCat(mapped ? "/dev/mapper/" : "/dev/",
                      NameOfDevice(session, bdev));
}

std::string KernelNameWord(const std::string& mapped_name) {
  return absl::StrCat("$(dmsetup info -c --noheadings -o blkdevname ",
                      DmNameWord(mapped_name), ")");
}

std::string KernelNameWord(const Session& session, const BlockDevice& bdev) {
  const bool mapped = bdev.dev().major_nr == session.ctl->major();
  return mapped ? KernelNameWord(NameOfDevice(session, bdev)) : bdev.name();
}

std::string NamespaceWord(const std::string& disk) {
  // nd_pfn and nd_dax have the attribute; the disk of a raw namespace hangs at
  // the namespace itself.
  if (absl::StartsWith(disk, "dax")) {
    return absl::StrCat(
        "\"$(cat ",
        ShellWord(absl::StrCat("/sys/bus/dax/devices/", disk, "/../namespace")),
        ")\"");
  }
  const std::string device = absl::StrCat("/sys/block/", disk, "/device");
  return absl::StrCat("\"$(cat ", ShellWord(absl::StrCat(device, "/namespace")),
                      " 2>/dev/null || basename $(readlink -f ",
                      ShellWord(device), "))\"");
}

std::vector<CureStep> MaxSectorsSteps(const std::string& mapped_name,
                                      uint64_t kib) {
  const std::string rule =
      absl::StrCat("ENV{DM_NAME}==\"", mapped_name,
                   "\", ATTR{queue/max_sectors_kb}=\"", kib, "\"");
  std::vector<std::string> lines = {absl::StrCat("echo ", kib, " > /sys/block/",
                                                 KernelNameWord(mapped_name),
                                                 "/queue/max_sectors_kb")};
  // A rule has its own quoting, and patterns.
  if (std::all_of(mapped_name.begin(), mapped_name.end(), [](char c) {
        return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
               absl::StrContains("+_.-", c);
      })) {
    lines.push_back(absl::StrCat("echo ", ShellWord(rule),
                                 " >> /etc/udev/rules.d/99-dax.rules"));
  }
  std::vector<CureStep> steps;
  for (std::string& line : lines) {
    steps.push_back({CureStage::kQueue,
                     absl::StrCat(mapped_name, " ", steps.size() + 1),
                     std::move(line)});
  }
  return steps;
}

CureStep UnmountStep(const std::string& at) {
  return {CureStage::kUnmount, at, absl::StrCat("umount ", ShellWord(at))};
}

std::string DmsetupCreateLine(const std::string& name,
                              const std::string& rows) {
  if (!absl::StrContains(rows, '\n')) {
    const std::string table = absl::StrCat(" --table ", ShellWord(rows));
    // Behind what keeps it from being an option there are none.
    return absl::StartsWith(name, "-")
               ? absl::StrCat("dmsetup create", table, " ", DmNameWord(name))
               : absl::StrCat("dmsetup create ", ShellWord(name), table);
  }
  return absl::StrCat(
      "printf '%s\\n' ",
      absl::StrJoin(absl::StrSplit(rows, '\n'), " ",
                    [](std::string* out, absl::string_view row) {
                      absl::StrAppend(out, ShellWord(row));
                    }),
      " | dmsetup create ", DmNameWord(name));
}

std::string AlignedMkfsLine(absl::string_view type, const std::string& path) {
  if (type == "xfs") {
    return absl::StrCat("mkfs.xfs -f -b size=4096 -m reflink=0 -d su=2m,sw=1 ",
                        ShellWord(path));
  }
  return absl::StrCat(type == "ext2" ? "mkfs.ext2" : "mkfs.ext4",
                      " -F -b 4096 -E stride=512,stripe_width=512 ",
                      ShellWord(path));
}

std::string PartitionEntry(const proto::Block& part) {
  // A number without a unit is in the disk's own sectors.
  return absl::StrCat("/dev/", part.name(), " : start=", part.start() / 2,
                      "KiB, size=", part.sectors() / 2, "KiB");
}

std::string MakePartitionsLine(const std::string& disk,
                               const std::vector<std::string>& entries) {
  return absl::StrCat(
      "printf '%s\\n' 'label: gpt' ",
      absl::StrJoin(entries, " ",
                    [](std::string* out, const std::string& entry) {
                      absl::StrAppend(out, ShellWord(entry));
                    }),
      " | sfdisk ", ShellWord(absl::StrCat("/dev/", disk)));
}

std::string MovePartitionLine(const std::string& disk, uint64_t number,
                              uint64_t start, uint64_t sectors) {
  // Sectors would be the disk's own, of 512 or 4096 bytes.
  constexpr uint64_t kMib = 2048;
  return absl::StrCat("echo 'start=", start / kMib,
                      "MiB, size=", sectors / kMib,
                      "MiB' | sfdisk --no-reread -N ", number, " ",
                      ShellWord(absl::StrCat("/dev/", disk)));
}

std::vector<std::string> Ext4AllocateLines(const std::string& disk,
                                           const std::string& file,
                                           uint64_t bytes, FileLength length) {
  const uint64_t pieces = RoundUp(bytes, kPmdBytes) / kPmdBytes;
  return {absl::StrCat("cat /proc/fs/ext4/", disk, "/mb_groups > /dev/null"),
          absl::StrCat("for i in $(seq 0 ", pieces - 1, "); do fallocate ",
                       length == FileLength::kKept ? "-n " : "",
                       "-o $((2 * i))MiB -l 2MiB ", ShellWord(file), "; done")};
}

std::vector<std::string> LegPaths(const Session& session,
                                  proto::MappedDevice device) {
  std::vector<std::string> paths;
  for (proto::Target& row : *EditRows(&device)) {
    AddLegPaths(session, row, &paths);
  }
  return paths;
}

std::vector<CureStep> GroupSteps(const std::string& vg,
                                 const std::vector<std::string>& paths) {
  const std::string all = JoinWords(paths);
  // Without -y: a volume that nobody named is asked for, and ends it.
  return {
      {CureStage::kRemoveGroup, vg, absl::StrCat("vgremove ", ShellWord(vg))},
      {CureStage::kPhysicalVolume, vg,
       absl::StrCat("pvcreate -y --dataalignment 2m ", all)},
      {CureStage::kGroup, vg,
       absl::StrCat("vgcreate --physicalextentsize 4m ", ShellWord(vg), " ",
                    all)}};
}

std::vector<CureStep> VolumeSteps(const Session& session,
                                  const proto::MappedDevice& device,
                                  Remake remake) {
  const std::string& name = device.name();
  const std::optional<LvmName> lvm = LvmNameOf(device);
  const auto segments = SegmentsOf(session, device);
  if (!lvm || !segments) {
    return {{CureStage::kRemoveVolume, name,
             absl::StrCat("dmsetup remove ", DmNameWord(name))},
            {CureStage::kVolume, name,
             DmsetupCreateLine(name, StableTable(session, device))}};
  }
  const std::string volume = ShellWord(absl::StrCat(lvm->vg, "/", lvm->lv));
  std::vector<CureStep> steps = {
      {CureStage::kRemoveVolume, name, absl::StrCat("lvremove -y ", volume)}};
  if (remake == Remake::kGroup) {
    for (CureStep& step : GroupSteps(lvm->vg, LegPaths(session, device))) {
      steps.push_back(std::move(step));
    }
  }
  std::string lines;
  for (const LvmSegment& segment : *segments) {
    const bool first = lines.empty();
    absl::StrAppend(&lines, first ? "lvcreate -y" : " && lvextend");
    if (segment.stripes > 1) {
      absl::StrAppend(&lines, " -i ", segment.stripes, " -I ",
                      segment.chunk % 2048 == 0
                          ? absl::StrCat(segment.chunk / 2048, "m")
                          : absl::StrCat(segment.chunk / 2, "k"));
    } else if (!first) {
      absl::StrAppend(&lines, " -i 1");
    }
    absl::StrAppend(
        &lines, " -L ", first ? "" : "+", segment.sectors / 2, "k ",
        first ? absl::StrCat("-n ", ShellWord(lvm->lv), " ", ShellWord(lvm->vg))
              : volume,
        " ", JoinWords(segment.paths));
  }
  steps.push_back({CureStage::kVolume, name, std::move(lines)});
  return steps;
}

std::string StableTable(const Session& session, proto::MappedDevice device) {
  for (proto::Target& row : *EditRows(&device)) {
    ForEachLeg(row, [&](proto::Linear& leg, int) {
      const absl::StatusOr<BlockDevice*> bdev =
          FindDevice(session, leg.device());
      if (bdev.ok()) leg.set_device(DevicePath(session, **bdev));
    });
  }
  return TableText(device);
}

}  // namespace dmdax
