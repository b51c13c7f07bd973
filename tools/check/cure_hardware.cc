// SPDX-License-Identifier: Apache-2.0
//
// Cures below device-mapper: partitions, namespaces, bad blocks, device-dax.
#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/kernel_profile.h"
#include "base/one_line.h"
#include "base/round_up.h"
#include "base/units.h"
#include "import/nd_pfn.h"
#include "state/find_device.h"
#include "tools/check/cure.h"
#include "tools/check/cure_lines.h"
#include "tools/check/data_off.h"
#include "tools/check/extended_partition.h"
#include "tools/check/fit_rows.h"
#include "tools/check/namespace_size.h"
#include "tools/check/volume_cure.h"
#include "tools/check/world_mount.h"
#include "tools/check/world_rows.h"

namespace dmdax {
namespace {

constexpr char kNamespaceAnew[] =
    "the namespace is made anew: save the data and restore it; it has another "
    "UUID then, and the name that it had";

proto::Pmem* FindPmem(proto::World& world, const std::string& name) {
  for (proto::Pmem& pmem : *world.mutable_pmem()) {
    if (pmem.name() == name) return &pmem;
  }
  return nullptr;
}

// The disk that a reason blames: the lowest level is a pmem's own.
proto::Pmem* BlamedPmem(const CureRequest& request, proto::World& world) {
  if (request.reason.level.has_value()) {
    return FindPmem(world, request.reason.level.device());
  }
  return request.subject.bdev == nullptr
             ? nullptr
             : FindPmem(world, request.subject.bdev->whole().name());
}

// Whether the struct pages lie in the namespace, before its data: 64 bytes for
// each page.
bool HasMapInside(const proto::Pmem& pmem) {
  return pmem.data_offset() >= pmem.size() / kPageSize * 64;
}

Cure NamespaceCure(const std::string& change, const std::string& disk,
                   const std::string& options) {
  return {.change = change,
          .steps = {{CureStage::kNamespace, disk,
                     absl::StrCat("ndctl create-namespace -f -e ",
                                  NamespaceWord(disk), " ", options)}},
          .remark = kNamespaceAnew,
          .in_world = true};
}

// One whose size is perhaps no multiple of its pages.
Cure RoundedNamespaceCure(const std::string& change, const std::string& disk,
                          uint64_t align, const std::string& options) {
  Cure cure = NamespaceCure(change, disk, options);
  cure.steps = {{CureStage::kRemember, absl::StrCat(disk, " size"),
                 NamespaceSizeLook(disk, align)},
                {CureStage::kNamespace, disk,
                 absl::StrCat("ndctl create-namespace -f ",
                              NamespaceSizeWords(disk), " ", options)}};
  return cure;
}

// Whether what ndctl is told of pages of 2 MiB fits as it is.
Cure PmdNamespaceCure(const std::string& change, const proto::Pmem& pmem,
                      uint64_t raw, const std::string& options) {
  return raw % kPmdBytes == 0
             ? NamespaceCure(change, pmem.name(), options)
             : RoundedNamespaceCure(change, pmem.name(), kPmdBytes, options);
}

// Of what starts where no namespace can be made: nothing, if one can.
std::optional<Cure> CannotStart(const CureRequest& request,
                                const proto::Pmem& pmem) {
  if (NdPfnCanStart(pmem.base(), request.session.machine->profile())) {
    return std::nullopt;
  }
  return Cure{
      .remark = absl::StrCat(
          "no namespace made anew helps: ", OneLine(pmem.name()),
          " itself starts at 0x", absl::Hex(pmem.base()),
          ", and from Linux 5.3 on one with struct pages starts at a multiple "
          "of 2 MiB: another address of memmap=, where that gives it, or a "
          "volume that makes up for it (dmdax advise)")};
}

// "pmem1p2" -> 2; 0: it is not numbered so.
uint64_t NumberOfPartition(absl::string_view name, absl::string_view disk) {
  absl::string_view rest = name;
  uint64_t number = 0;
  if (!absl::ConsumePrefix(&rest, disk)) return 0;
  if (!absl::ConsumePrefix(&rest, "p")) return 0;
  return absl::SimpleAtoi(rest, &number) ? number : 0;
}

constexpr uint64_t kPrimaries = 4;  // the numbers that a DOS table has itself

// How long the partition can be from there on, in whole MiB: as long as it
// was, if nothing begins before.
uint64_t SectorsFrom(uint64_t start, const proto::Block& part,
                     const CureRequest& request) {
  constexpr uint64_t kMib = 2048;
  if (request.stands_on == nullptr) return 0;
  BlockDevice* const disk = request.stands_on->Find(part.partition_of());
  if (disk == nullptr) return 0;
  const uint64_t end = part.start() + part.sectors();
  bool is_logical = false;
  uint64_t extended = end;  // of what it is in, as far as that is known
  // The last MiB has GPT's second table.
  uint64_t limit = disk->nr_sectors() - std::min(kMib, disk->nr_sectors());
  for (BlockDevice* other : request.stands_on->On(disk)) {
    if (!other->is_partition()) continue;
    const uint64_t at = other->start_sect().value();
    const uint64_t other_end = at + other->nr_sectors();
    if (NumberOfPartition(other->name(), disk->name()) <= kPrimaries) {
      // Of an extended partition the kernel shows the first sectors alone.
      is_logical |= at < part.start() &&
                    (other_end > part.start() ||
                     IsExtendedPartition(*request.session.machine, *other));
      if (at < part.start()) extended = std::max(extended, other_end);
    } else {
      extended = std::max(extended, other_end);
    }
    // A logical partition has a table of its own before it.
    if (at > part.start()) limit = std::min(limit, at - std::min(at, kMib));
  }
  // The room behind the extended partition is not that of those in it.
  if (is_logical &&
      NumberOfPartition(part.name(), part.partition_of()) > kPrimaries) {
    limit = std::min(limit, extended);
  }
  limit = std::max(limit, end);
  if (start >= limit) return 0;
  return std::min(RoundUp(part.sectors(), kMib),
                  RoundDown(limit - start, kMib));
}

// A partition that begins well, whose length is no whole pages: a sector or
// more is added, or what is behind its last page left off, where no file
// system with blocks of a page has any.
Cure LengthenPartition(const CureRequest& request, uint64_t number,
                       BlockDevice& bdev, const proto::World& world,
                       proto::Block* part) {
  const uint64_t most = SectorsFrom(part->start(), *part, request);
  const uint64_t sectors =
      most > part->sectors() ? most : RoundDown(part->sectors(), kPageSectors);
  const std::string change = absl::StrCat(part->name(), " of ", sectors,
                                          " sectors, which are whole "
                                          "pages");
  part->set_sectors(sectors);
  Cure cure{.change = change,
            .remark = "it begins where it does, and its data stays",
            .in_world = true};
  cure.steps = {{CureStage::kReload, part->name(),
                 MovePartitionLine(part->partition_of(), number, part->start(),
                                   sectors)}};
  // The kernel looks at it when it mounts.
  const std::string& at = request.subject.mount;
  const proto::Mount* const mount = FindWorldMount(world, at);
  if (mount != nullptr && at == "/") {
    cure.before = "/ is mounted by the boot: a reboot";
  } else if (mount != nullptr) {
    cure.steps.push_back(UnmountStep(at));
    cure.steps.push_back(
        {CureStage::kMount, at,
         WorldMountLine(*mount, DevicePath(request.session, bdev))});
  }
  return cure;
}

}  // namespace

// The partition alone is made anew, inside of where it was: what else is on
// the disk stays.
std::optional<Cure> CurePartition(const CureRequest& request,
                                  proto::World& world) {
  if (auto cure = CureByVolume(request, world)) return cure;
  std::string name =
      request.subject.bdev == nullptr ? "" : request.subject.bdev->name();
  if (request.reason.level.has_value()) name = request.reason.level.name();
  for (proto::Block& part : *world.mutable_block()) {
    if (part.name() != name || part.partition_of().empty()) continue;
    const absl::StatusOr<BlockDevice*> bdev =
        FindDevice(request.session, absl::StrCat("/dev/", name));
    if (!bdev.ok()) return std::nullopt;
    const uint64_t shift =
        (kPmdSectors - DataOff(request.session, **bdev)) % kPmdSectors;
    const uint64_t start = part.start() + shift;
    const uint64_t number = NumberOfPartition(name, part.partition_of());
    const bool whole = part.sectors() % kPageSectors == 0;
    // What else stands there has looked at it when it was loaded.
    const StandsOn* const all = request.stands_on;
    BlockDevice* const there = all == nullptr ? nullptr : all->Find(name);
    const bool bare = there != nullptr && all->NamesOn(there).empty();
    if (shift == 0 && !whole && number != 0 && bare) {
      return LengthenPartition(request, number, **bdev, world, &part);
    }
    if ((shift == 0 && whole) || shift >= part.sectors() || number == 0) {
      return std::nullopt;
    }
    const uint64_t sectors = SectorsFrom(start, part, request);
    if (sectors == 0) return std::nullopt;
    const std::string less =
        sectors < part.sectors()
            ? absl::StrCat(", ", (part.sectors() - sectors) / 2, " KiB smaller")
            : "";
    part.set_start(start);
    part.set_sectors(sectors);
    Cure cure{.change = absl::StrCat(name, " from sector ", start, " on"),
              .steps = {{CureStage::kPartition, name,
                         MovePartitionLine(part.partition_of(), number, start,
                                           sectors)}},
              .remark = absl::StrCat(
                  "the partition ", name, " is made anew", less,
                  ": save its data and restore it; no other is touched"),
              .in_world = true};
    FitRows(request.session, world);
    return cure;
  }
  return std::nullopt;
}

std::optional<Cure> CureNamespaceAlign(const CureRequest& request,
                                       proto::World& world) {
  // What makes up for it costs less than all that the namespace holds.
  if (auto cure = CureByVolume(request, world)) return cure;
  if (request.subject.bdev != nullptr && request.subject.bdev->is_partition()) {
    const FaultReason reason{.code = FaultReasonCode::kPfnPartition};
    return CurePartition({.reason = reason,
                          .session = request.session,
                          .subject = request.subject,
                          .machine = request.machine,
                          .stands_on = request.stands_on},
                         world);
  }
  proto::Pmem* pmem = BlamedPmem(request, world);
  if (pmem == nullptr) return std::nullopt;
  const uint64_t off = (pmem->base() + pmem->data_offset()) % kPmdBytes;
  if (off == 0) return std::nullopt;
  if (auto cure = CannotStart(request, *pmem)) return cure;
  pmem->set_data_offset(pmem->data_offset() + kPmdBytes - off);
  return PmdNamespaceCure(
      "a namespace aligned to 2 MiB", *pmem, pmem->size(),
      absl::StrCat("-m fsdax --map ", HasMapInside(*pmem) ? "dev" : "mem",
                   " --align 2M"));
}

std::optional<Cure> CureRawNamespace(const CureRequest& request,
                                     proto::World& world) {
  proto::Pmem* pmem = BlamedPmem(request, world);
  if (pmem == nullptr || !pmem->raw()) return std::nullopt;
  if (auto cure = CannotStart(request, *pmem)) return cure;
  pmem->set_raw(false);
  // Its struct pages lie in it, and it ends on a boundary.
  const uint64_t raw = pmem->size();
  const uint64_t before = raw - pmem->data_offset();
  const std::optional<uint64_t> offset =
      NdPfnDataOffset(pmem->base(), pmem->size(), kPmdBytes, NdPfnMap::kDev);
  const uint64_t end = RoundDown(pmem->base() + pmem->size(), kPmdBytes);
  if (!offset || pmem->base() + *offset >= end) {
    return Cure{.remark = "the namespace is too small for struct pages"};
  }
  pmem->set_data_offset(*offset);
  pmem->set_size(end - pmem->base());
  const uint64_t after = pmem->size() - pmem->data_offset();
  // The last MiB has GPT's second table.
  for (proto::Block& part : *world.mutable_block()) {
    const uint64_t limit = after / 512 - kPmdSectors / 2;
    if (part.partition_of() != pmem->name() || part.start() >= limit) continue;
    part.set_sectors(std::min(part.sectors(), limit - part.start()) /
                     kPageSectors * kPageSectors);
  }
  FitRows(request.session, world);
  Cure cure = PmdNamespaceCure("a namespace with struct pages", *pmem, raw,
                               "-m fsdax --map dev");
  absl::StrAppend(&cure.remark, "; it becomes ", (before - after) / 1024,
                  " KiB smaller");
  return cure;
}

std::optional<Cure> CureBadBlocks(const CureRequest& request,
                                  proto::World& world) {
  proto::Pmem* pmem = BlamedPmem(request, world);
  if (pmem == nullptr || pmem->badblocks_size() == 0) return std::nullopt;
  pmem->clear_badblocks();
  return Cure{.change = "no bad blocks",
              .steps = {{CureStage::kNamespace, pmem->name(),
                         absl::StrCat("ndctl clear-errors ",
                                      NamespaceWord(pmem->name())),
                         "", CureTool::kClearErrors}},
              .remark = "what stood in the bad blocks is lost: restore it",
              .in_world = true};
}

namespace {

// Where the kernel lays the data of a namespace that is made anew: from the
// first multiple of the new alignment behind its metadata on, to the last one.
// The data began at the first of a smaller one.  False: no page is left.
// Mirrors: nd_pfn_init of drivers/nvdimm/pfn_devs.c (6.1).
bool FitRange(uint64_t align, proto::DevDax::Range* range, uint64_t* lost) {
  const uint64_t start = RoundUp(range->start(), align);
  const uint64_t end = RoundDown(range->start() + range->size(), align);
  if (start >= end) return false;
  *lost = range->size() - (end - start);
  range->set_start(start);
  range->set_size(end - start);
  return true;
}

}  // namespace

std::optional<Cure> CureDevDaxAlign(const CureRequest& request,
                                    proto::World& world) {
  const uint64_t want = uint64_t{4096}
                        << std::max(request.reason.order, request.order);
  for (proto::DevDax& dax : *world.mutable_dax()) {
    if (dax.name() != request.subject.name) continue;
    dax.set_align(want);
    uint64_t lost = 0;
    if (dax.range_size() == 1 && !FitRange(want, dax.mutable_range(0), &lost)) {
      return Cure{.remark = absl::StrCat("the namespace has no whole page of ",
                                         want >> 20, " MiB")};
    }
    Cure cure = RoundedNamespaceCure(
        absl::StrCat("an alignment of ", want >> 20, " MiB"), dax.name(), want,
        absl::StrCat("-m devdax --align ", want >> 20, "M"));
    if (lost != 0) {
      absl::StrAppend(&cure.remark, "; it becomes ", lost / 1024,
                      " KiB smaller");
    }
    absl::StrAppend(&cure.remark, "; ", kNamespaceSizeRemark);
    // That of an hmem or CXL region is the dax region's own.
    absl::StrAppend(&cure.remark,
                    "; one that no namespace has (HMAT, CXL) is made anew with "
                    "daxctl: disable-device, destroy-device, create-device "
                    "--align");
    return cure;
  }
  return std::nullopt;
}

}  // namespace dmdax
