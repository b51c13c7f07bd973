// SPDX-License-Identifier: Apache-2.0
#include "tools/check/cure_lines.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"
#include "base/one_line.h"
#include "base/round_up.h"
#include "formats/mangle.h"
#include "state/find_device.h"
#include "tools/check/dax_depth.h"
#include "tools/check/ext4_align_words.h"
#include "tools/check/kpartx_map.h"
#include "tools/check/lvm_settings.h"
#include "tools/check/lvm_volume.h"
#include "tools/check/world_rows.h"

namespace dmdax {
namespace {

// Whether dmsetup asks the kernel for just this name, and not for another one
// or for none.
bool IsAskedForAsItIs(const std::string& name) {
  const absl::StatusOr<std::string> mangled =
      Mangle(name, "name", name.size(), MangleMode::kAuto);
  return mangled.ok() && *mangled == name &&
         CheckMangledOnce(name, "name", MangleMode::kAuto).ok();
}

}  // namespace

std::string DmNameWord(const std::string& name) {
  return absl::StrCat(IsAskedForAsItIs(name) ? "" : "--manglename none ",
                      absl::StartsWith(name, "-") ? "-- " : "",
                      ShellWord(name));
}

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
  std::vector<CureStep> steps = {
      {CureStage::kQueue, absl::StrCat(mapped_name, " 1"),
       absl::StrCat("echo ", kib, " > /sys/block/", KernelNameWord(mapped_name),
                    "/queue/max_sectors_kb")}};
  // A rule has its own quoting, and patterns.
  if (std::all_of(mapped_name.begin(), mapped_name.end(), [](char c) {
        return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
               absl::StrContains("+_.-", c);
      })) {
    steps.push_back({CureStage::kQueue, absl::StrCat(mapped_name, " 2"),
                     absl::StrCat("echo ", ShellWord(rule),
                                  " >> /etc/udev/rules.d/99-dax.rules"),
                     "", CureTool::kUdevRule});
  }
  return steps;
}

CureStep UnmountStep(const std::string& at) {
  return {CureStage::kUnmount, at,
          at == "/" ? "" : absl::StrCat("umount ", ShellWord(at))};
}

std::string DmsetupCreateLine(const std::string& name, const std::string& rows,
                              DmAccess access, const std::string& uuid) {
  std::string options = access == DmAccess::kReadOnly ? " --readonly" : "";
  // Links of udev's are called by it.  One that dmsetup would change, which
  // nobody has typed, is left out.
  if (!uuid.empty() && IsAskedForAsItIs(uuid)) {
    absl::StrAppend(&options, " --uuid ", ShellWord(uuid));
  }
  if (!absl::StrContains(rows, '\n')) {
    const std::string table =
        absl::StrCat(options, " --table ", ShellWord(rows));
    // Behind what keeps it from being an option there are none.
    return absl::StartsWith(name, "-")
               ? absl::StrCat("dmsetup create", table, " ", DmNameWord(name))
               : absl::StrCat("dmsetup create ", DmNameWord(name), table);
  }
  return absl::StrCat(
      "printf '%s\\n' ",
      absl::StrJoin(absl::StrSplit(rows, '\n'), " ",
                    [](std::string* out, absl::string_view row) {
                      absl::StrAppend(out, ShellWord(row));
                    }),
      " | dmsetup create", options, " ", DmNameWord(name));
}

std::string DmsetupReloadLine(const std::string& name,
                              const std::string& rows) {
  return absl::StrCat(
      "printf '%s\\n' ",
      absl::StrJoin(absl::StrSplit(rows, '\n'), " ",
                    [](std::string* out, absl::string_view row) {
                      absl::StrAppend(out, ShellWord(row));
                    }),
      " | dmsetup reload ", DmNameWord(name), " && dmsetup resume ",
      DmNameWord(name));
}

std::string XfsAlignWords(uint64_t bytes) {
  const bool few_groups = bytes < (uint64_t{640} << 20);
  return absl::StrCat(few_groups ? "agcount=2," : "", "su=2m,sw=1");
}

std::string AlignedMkfsLine(absl::string_view type, const std::string& path,
                            uint64_t bytes, absl::string_view more,
                            XfsReflink reflink) {
  if (type == "xfs") {
    return absl::StrCat("mkfs.xfs -f -b size=4096",
                        reflink == XfsReflink::kNo    ? " -m reflink=0"
                        : reflink == XfsReflink::kYes ? " -m reflink=1"
                                                      : "",
                        " -d ", XfsAlignWords(bytes), more, " ",
                        ShellWord(path));
  }
  return absl::StrCat(type == "ext2" ? "mkfs.ext2" : "mkfs.ext4", " -F -b 4096",
                      Ext4AlignWords(bytes), more, " ", ShellWord(path));
}

std::vector<proto::Block> PartitionsOf(const StandsOn& stands_on,
                                       const proto::World& cured,
                                       const std::string& disk) {
  std::vector<proto::Block> parts;
  const absl::Span<const int> numbers = stands_on.PartitionsOf(disk);
  if (numbers.empty()) return parts;
  absl::flat_hash_map<std::string, const proto::Block*> now;
  for (const proto::Block& block : cured.block()) now[block.name()] = &block;
  for (int number : numbers) {
    const proto::Block& part = stands_on.world().block(number);
    const auto at = now.find(part.name());
    parts.push_back(at == now.end() ? part : *at->second);
  }
  return parts;
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

std::string PartitionPlace(uint64_t start, uint64_t sectors) {
  // Sectors would be the disk's own, of 512 or 4096 bytes.
  constexpr uint64_t kMib = 2048;
  const bool mib = start % kMib == 0 && sectors % kMib == 0;
  const uint64_t unit = mib ? kMib : 2;
  const char* const word = mib ? "MiB" : "KiB";
  return absl::StrCat("echo 'start=", start / unit, word,
                      ", size=", sectors / unit, word, "'");
}

std::string MovePartitionLine(const std::string& disk, uint64_t number,
                              uint64_t start, uint64_t sectors) {
  const std::string path = ShellWord(absl::StrCat("/dev/", disk));
  // Where another partition is in use, the kernel keeps its own table, and
  // sfdisk says so and is content.
  return absl::StrCat(PartitionPlace(start, sectors),
                      " | sfdisk --no-reread -N ", number, " ", path,
                      " && partx -u -n ", number, " ", path);
}

std::vector<std::string> Ext4AllocateLines(const std::string& disk,
                                           const std::string& file,
                                           uint64_t bytes, FileLength length,
                                           FileFailure failure) {
  const uint64_t pieces = RoundUp(bytes, kPmdBytes) / kPmdBytes;
  return {absl::StrCat("cat /proc/fs/ext4/", disk, "/mb_groups > /dev/null"),
          // A loop has the status of its last round: the first that fails ends
          // it, and a shell of its own.
          absl::StrCat(
              "(for i in $(seq 0 ", pieces - 1, "); do fallocate ",
              length == FileLength::kKept ? "-n " : "",
              "-o $((2 * i))MiB -l 2MiB ", ShellWord(file),
              failure == FileFailure::kLeave
                  ? " || exit"
                  : absl::StrCat(" || { rm ", ShellWord(file), "; exit 1; }"),
              "; done)")};
}

std::vector<std::string> XfsAllocateLines(const std::string& path,
                                          uint64_t size, FileFailure failure) {
  const std::string name = ShellWord(path);
  const std::string allocate =
      absl::StrCat("fallocate -l ", RoundUp(size, kPmdBytes), " ", name);
  return {
      absl::StrCat("xfs_io -f -c 'extsize 2m' ", name),
      failure == FileFailure::kLeave ? allocate : OrRemove(allocate, path),
  };
}

std::string OrRemove(const std::string& command, const std::string& path) {
  return absl::StrCat("(", command, " || { rm ", ShellWord(path),
                      "; exit 1; })");
}

namespace {

// How a volume is made again: writable, to restore its data, but on a disk or
// partition that cannot be written, of which the kernel gives no other.
DmAccess AccessAgain(const Session& session, proto::MappedDevice device) {
  bool read_only = false;
  for (proto::Target& row : *EditRows(&device)) {
    ForEachLeg(row, [&](proto::Linear& leg, int) {
      const absl::StatusOr<BlockDevice*> bdev =
          FindDevice(session, leg.device());
      if (!bdev.ok()) return;
      for (const BlockDevice* below : AllBelow(session, *bdev)) {
        read_only |=
            below->dev().major_nr != session.ctl->major() && below->read_only();
      }
    });
  }
  return read_only ? DmAccess::kReadOnly : DmAccess::kReadWrite;
}

}  // namespace

std::vector<CureStep> VolumeSteps(const Session& session,
                                  const proto::MappedDevice& device) {
  const std::string& name = device.name();
  const auto segments = SegmentsToMake(session, device);
  if (!segments) {
    if (auto steps = KpartxSteps(session, device); !steps.empty()) return steps;
    return {{CureStage::kRemoveVolume, name,
             absl::StrCat("dmsetup remove ", DmNameWord(name)), "",
             CureTool::kDmsetup},
            {CureStage::kVolume, name,
             DmsetupCreateLine(name, StableTable(session, device),
                               device.table().readonly()
                                   ? AccessAgain(session, device)
                                   : DmAccess::kReadWrite,
                               device.uuid()),
             "", CureTool::kDmsetup}};
  }
  const LvmName lvm = *LvmNameOf(device);
  std::vector<CureStep> steps;
  // In extents of less lvcreate makes smaller chunks, and says yes to them.
  uint64_t chunk = 0;
  for (const SegmentToMake& segment : *segments) {
    chunk = std::max(chunk, segment.chunk);
  }
  const uint64_t extent = ExtentSectors(session, lvm.vg);
  if (chunk != 0 && (extent == 0 || extent % chunk != 0)) {
    steps.push_back(
        {CureStage::kLook, ChunkLook(lvm.vg),
         absl::StrCat("test \"$(vgs --noheadings --units k --nosuffix -o "
                      "vg_extent_size -S vg_missing_pv_count=0 ",
                      ShellWord(lvm.vg), " | tr -d ' ' | cut -d. -f1)\" -ge ",
                      chunk / 2, " || ! echo ",
                      ShellWord(absl::StrCat(
                          lvm.vg, ": its extents are smaller than chunks of ",
                          chunk / 2, " KiB, or it misses a device")),
                      " >&2")});
  }
  steps.push_back({CureStage::kRemoveVolume, name,
                   absl::StrCat("lvremove -y ",
                                ShellWord(absl::StrCat(lvm.vg, "/", lvm.lv)))});
  steps.push_back(
      {CureStage::kVolume, name,
       LvmCreateLine(lvm, *segments, MakeWords(session, lvm.vg, lvm.lv))});
  return steps;
}

namespace {
// No name of a group has a blank.
constexpr absl::string_view kChunkLook = " chunk";
}  // namespace

std::string ChunkLook(const std::string& vg) {
  return absl::StrCat(vg, kChunkLook);
}

std::string GroupOfChunkLook(absl::string_view about) {
  return absl::ConsumeSuffix(&about, kChunkLook) ? std::string(about) : "";
}

namespace {

// dmsetup writes each backslash twice for the kernel, which takes one away.  A
// blank it can not write: NamesBlank().
std::string AsDmsetupTakesIt(absl::string_view kernels) {
  std::string text;
  for (size_t i = 0; i < kernels.size(); ++i) {
    if (kernels[i] == '\\' && i + 1 < kernels.size()) ++i;
    text.push_back(kernels[i]);
  }
  return text;
}

}  // namespace

std::string StableTable(const Session& session, proto::MappedDevice device) {
  for (proto::Target& row : *EditRows(&device)) {
    ForEachLeg(row, [&](proto::Linear& leg, int) {
      const absl::StatusOr<BlockDevice*> bdev =
          FindDevice(session, leg.device());
      if (bdev.ok()) leg.set_device(DevicePath(session, **bdev));
    });
  }
  return AsDmsetupTakesIt(TableText(device));
}

}  // namespace dmdax
