// SPDX-License-Identifier: Apache-2.0
#include "tools/check/cure_lines.h"

#include <algorithm>
#include <optional>

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

// The devices that the rows stand on, as paths, in the order of the rows.
std::vector<std::string> LegPaths(const Session& session,
                                  proto::MappedDevice device) {
  std::vector<std::string> paths;
  for (proto::Target& row : *EditRows(&device)) {
    ForEachLeg(row, [&](proto::Linear& leg, int) {
      const absl::StatusOr<BlockDevice*> bdev =
          FindDevice(session, leg.device());
      const std::string path =
          bdev.ok() ? DevicePath(session, **bdev) : leg.device();
      if (std::find(paths.begin(), paths.end(), path) == paths.end()) {
        paths.push_back(path);
      }
    });
  }
  return paths;
}

// What lvcreate makes of the rows, if it can.
struct LvmShape {
  int stripes = 1;
  uint64_t chunk = 0;    // sectors, of more than one stripe
  uint64_t sectors = 0;  // of all rows
};
std::optional<LvmShape> ShapeOf(proto::MappedDevice device) {
  LvmShape shape;
  for (const proto::Target& row : *EditRows(&device)) {
    shape.sectors += row.length();
    if (row.has_linear()) continue;
    if (!row.has_striped()) return std::nullopt;
    const uint64_t chunk = row.striped().chunk();
    if (shape.chunk != 0 && chunk != shape.chunk) return std::nullopt;
    // LVM2's chunks are powers of two.
    if (chunk == 0 || (chunk & (chunk - 1)) != 0) return std::nullopt;
    shape.chunk = chunk;
    shape.stripes = std::max(shape.stripes, row.striped().stripe_size());
  }
  return shape;
}

std::string JoinWords(const std::vector<std::string>& paths) {
  return absl::StrJoin(paths, " ",
                       [](std::string* out, const std::string& path) {
                         absl::StrAppend(out, ShellWord(path));
                       });
}

}  // namespace

std::string DevicePath(const Session& session, const BlockDevice& bdev) {
  const bool mapped = bdev.dev().major_nr == session.ctl->major();
  return absl::StrCat(mapped ? "/dev/mapper/" : "/dev/",
                      NameOfDevice(session, bdev));
}

std::string KernelNameWord(const std::string& mapped_name) {
  return absl::StrCat("$(dmsetup info -c --noheadings -o blkdevname ",
                      ShellWord(mapped_name), ")");
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

std::vector<std::string> MaxSectorsLines(const std::string& mapped_name,
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
  return lines;
}

std::string DmsetupCreateLine(const std::string& name,
                              const std::string& rows) {
  if (!absl::StrContains(rows, '\n')) {
    return absl::StrCat("dmsetup create ", ShellWord(name), " --table ",
                        ShellWord(rows));
  }
  return absl::StrCat(
      "printf '%s\\n' ",
      absl::StrJoin(absl::StrSplit(rows, '\n'), " ",
                    [](std::string* out, absl::string_view row) {
                      absl::StrAppend(out, ShellWord(row));
                    }),
      " | dmsetup create ", ShellWord(name));
}

std::string AlignedMkfsLine(absl::string_view type, const std::string& path) {
  if (type == "xfs") {
    return absl::StrCat("mkfs.xfs -b size=4096 -m reflink=0 -d su=2m,sw=1 ",
                        ShellWord(path));
  }
  return absl::StrCat(type == "ext2" ? "mkfs.ext2" : "mkfs.ext4",
                      " -b 4096 -E stride=512,stripe_width=512 ",
                      ShellWord(path));
}

std::vector<std::string> Ext4AllocateLines(const std::string& disk,
                                           const std::string& file,
                                           uint64_t bytes) {
  const uint64_t pieces = RoundUp(bytes, kPmdBytes) / kPmdBytes;
  return {absl::StrCat("cat /proc/fs/ext4/", disk, "/mb_groups > /dev/null"),
          absl::StrCat("for i in $(seq 0 ", pieces - 1,
                       "); do fallocate -o $((2 * i))MiB -l 2MiB ",
                       ShellWord(file), "; done")};
}

std::vector<CureStep> VolumeSteps(const Session& session,
                                  const proto::MappedDevice& device,
                                  Remake remake) {
  const std::string& name = device.name();
  const std::optional<LvmName> lvm = LvmNameOf(device);
  const std::optional<LvmShape> shape = ShapeOf(device);
  if (!lvm || !shape) {
    return {{CureStage::kRemoveVolume, name,
             absl::StrCat("dmsetup remove ", ShellWord(name))},
            {CureStage::kVolume, name,
             DmsetupCreateLine(name, StableTable(session, device))}};
  }
  const std::string vg = ShellWord(lvm->vg);
  const std::string all = JoinWords(LegPaths(session, device));
  std::vector<CureStep> steps;
  if (remake == Remake::kVolume) {
    steps.push_back({CureStage::kRemoveVolume, name,
                     absl::StrCat("lvremove ", ShellWord(absl::StrCat(
                                                   lvm->vg, "/", lvm->lv)))});
  } else {
    steps.push_back(
        {CureStage::kRemoveGroup, lvm->vg, absl::StrCat("vgremove ", vg)});
    steps.push_back({CureStage::kPhysicalVolume, lvm->vg,
                     absl::StrCat("pvcreate --dataalignment 2m ", all)});
    steps.push_back(
        {CureStage::kGroup, lvm->vg,
         absl::StrCat("vgcreate --physicalextentsize 4m ", vg, " ", all)});
  }
  std::string line = "lvcreate";
  if (shape->stripes > 1) {
    absl::StrAppend(&line, " -i ", shape->stripes, " -I ",
                    shape->chunk % 2048 == 0
                        ? absl::StrCat(shape->chunk / 2048, "m")
                        : absl::StrCat(shape->chunk / 2, "k"));
  }
  absl::StrAppend(&line, " -L ", shape->sectors / 2, "k -n ",
                  ShellWord(lvm->lv), " ", vg);
  steps.push_back({CureStage::kVolume, name, std::move(line)});
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
