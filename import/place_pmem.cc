// SPDX-License-Identifier: Apache-2.0
//
// PlacePmem: the physical addresses of persistent memory.
//
// They come from, in this order: sysfs' `resource` of the device under the
// disk; the range of its namespace in /proc/iomem, with the space in front of
// the data computed as nd_pfn_init() of drivers/nvdimm/pfn_devs.c does; or
// nowhere, and an aligned place is chosen, which the notes say.
#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/round_up.h"
#include "block/nd_name.h"
#include "import/bare_regions.h"
#include "import/build_world.h"
#include "import/guess.h"
#include "import/namespace_rule.h"
#include "import/nd_pfn.h"
#include "import/pmem_badblocks.h"

namespace dmdax {
namespace {

constexpr uint64_t kGiB = uint64_t{1} << 30;
constexpr uint64_t kSubsection = uint64_t{2} << 20;
constexpr uint64_t kPage = 4096;

// Whether data of that size may end on 2 MiB if it begins there, as
// nd_pfn_init() has it from 5.3 on.  Other data may begin on any page.
bool MayBeSizeOfRule(const SizeRange& data) {
  return RoundUp(data.least, kSubsection) <= data.most;
}

// Of a namespace of which only the sizes are known: the one offset by which the
// rule leaves data of that size, whatever its map and align are.  Nothing: none
// does, or more than one.
std::optional<uint64_t> OffsetBySizes(uint64_t start, uint64_t raw,
                                      const SizeRange& data) {
  const bool is_known = data.most - data.least < kPage;
  if (start % kSubsection != 0 || !is_known || !MayBeSizeOfRule(data)) {
    return std::nullopt;
  }
  std::optional<uint64_t> only;
  for (const NdPfnMap map : {NdPfnMap::kDev, NdPfnMap::kMem}) {
    for (const uint64_t align : {kSubsection, kGiB}) {
      const uint64_t room = NdPfnRoom(start, raw, align, map);
      if (room == 0 || room < data.least || data.most < room) continue;
      const std::optional<uint64_t> offset =
          NdPfnDataOffset(start, raw, align, map);
      if (only && only != offset) return std::nullopt;
      only = offset;
    }
  }
  return only;
}

class Placer {
 public:
  Placer(Facts* facts, proto::World* world)
      : facts_(*facts), world_(*world), bare_(facts_) {
    for (const IomemRange& r : facts_.iomem) ranges_.try_emplace(r.name, &r);
    // What the boot line says of memory that e820 calls persistent, where
    // /proc/iomem is not there: region N is the Nth, and its namespace.
    for (const MemmapRange& m : facts_.memmap) {
      boot_line_.push_back({m.place, m.start, m.start + (m.size - 1),
                            absl::StrCat("namespace", boot_line_.size(), ".0"),
                            1});
    }
    for (const IomemRange& r : boot_line_) {
      if (facts_.iomem.empty() || bare_.Begins(r.start)) {
        ranges_.try_emplace(r.name, &r);
      }
    }
  }

  absl::Status Run() {
    for (auto& [name, disk] : facts_.disks) {
      if (!IsPmemName(name) && disk.unknown.empty()) continue;
      const std::string mode = disk.mode ? disk.mode->value : "";
      if (mode == "sector") continue;
      if (!disk.size) {
        facts_.LeaveOut(disk.place, name,
                        "no input says its size (lsblk -b, ndctl list)");
        continue;
      }
      if (absl::Status s = Add(disk); !s.ok()) return s;
    }
    for (auto& [name, dax] : facts_.dax) {
      if (absl::Status s = AddDax(dax); !s.ok()) return s;
    }
    return Choose();
  }

 private:
  absl::Status Add(const Disk& disk) {
    proto::Pmem* pmem = world_.add_pmem();
    pmem->set_name(disk.name);
    if (disk.dev) pmem->set_dev(disk.dev->value.ToString());
    pmem->set_size(SizeOf(disk));
    pmem->set_read_only(disk.read_only && disk.read_only->value);
    const bool no_dax = disk.dax && !disk.dax->value;
    // Where a mode is said, what contradicts it is told when it has loaded.
    if (disk.mode ? disk.mode->value == "raw" : no_dax) {
      pmem->set_raw(true);
      if (!disk.mode) {
        facts_.Note(disk.dax->place,
                    absl::StrCat(disk.name,
                                 " has no DAX: taken for a raw "
                                 "namespace, without struct pages"));
      }
    }
    if (auto n = disk.queue.find("logical_block_size");
        n != disk.queue.end() && n->second && n->second->value != 512) {
      pmem->set_logical_block_size(static_cast<uint32_t>(n->second->value));
    }
    if (const Namespace* space = SpaceOf(disk)) {
      if (space->sector_size == 4096) pmem->set_logical_block_size(4096);
      if (space->persistence_domain == "cpu_cache") {
        pmem->set_no_write_cache(true);
      }
    }
    AddBadBlocks(disk, SpaceOf(disk), &facts_, pmem);
    if (const auto off = facts_.disabled.find(SpaceName(disk));
        off != facts_.disabled.end()) {
      facts_.Guess(
          off->second,
          MakeGuess(proto::Guess::DAX, disk.name,
                    absl::StrCat(off->second.ToString(), " says that ",
                                 off->first, " is disabled; ",
                                 disk.place.ToString(), " has ", disk.name),
                    disk.name, "ndctl list and lsblk of one moment"));
    }
    if (FromSysfs(disk, pmem)) return CheckPlace(disk, *pmem);
    if (!FromIomem(disk, pmem)) {
      to_choose_.push_back({world_.pmem_size() - 1, disk.place});
    }
    return absl::OkStatus();
  }

  // EINVAL: sysfs has it outside of its namespace in /proc/iomem, which is
  // another machine's, or of another boot.
  absl::Status CheckPlace(const Disk& disk, const proto::Pmem& pmem) const {
    const IomemRange* const range = Range(SpaceName(disk));
    if (facts_.iomem.empty() || range == nullptr ||
        (range->start <= pmem.base() && pmem.base() <= range->end)) {
      return absl::OkStatus();
    }
    const auto& nd = facts_.nd.at(facts_.nd_of_disk.at(disk.name));
    return range->place.Error(absl::StrFormat(
        "%s is at 0x%x; %s says that %s is at 0x%x", range->name, range->start,
        nd.at("resource").place.ToString(), disk.name, pmem.base()));
  }

  static std::string SpaceName(const Disk& disk) {
    return disk.space ? disk.space->value : NdName("namespace", disk.name);
  }

  const Namespace* SpaceOf(const Disk& disk) const {
    auto it = facts_.namespaces.find(SpaceName(disk));
    return it == facts_.namespaces.end() ? nullptr : &it->second;
  }

  // A multiple of the page size.
  uint64_t SizeOf(const Disk& disk) {
    const SizeRange& range = disk.size->value;
    const uint64_t size = RoundDown(range.Likeliest(), kPage);
    if (!range.exact() && range.most - range.least > 512) {
      facts_.Note(
          disk.size->place,
          absl::StrCat("the size of ", disk.name, " is ", range.ToString(),
                       ": ", size, " taken (lsblk -b says it exactly)"));
    }
    return size;
  }

  static std::optional<uint64_t> Hex(const NdAttributes& nd,
                                     const std::string& key) {
    auto it = nd.find(key);
    uint64_t value;
    if (it == nd.end() || !absl::SimpleHexAtoi(it->second.value, &value)) {
      return std::nullopt;
    }
    return value;
  }

  bool FromSysfs(const Disk& disk, proto::Pmem* pmem) {
    auto link = facts_.nd_of_disk.find(disk.name);
    if (link == facts_.nd_of_disk.end()) return false;
    auto nd = facts_.nd.find(link->second);
    if (nd == facts_.nd.end()) return false;
    // That of a pfn device is where its data begins.
    const std::optional<uint64_t> resource = Hex(nd->second, "resource");
    if (!resource || *resource == 0 || *resource % kPage != 0) return false;
    pmem->set_base(*resource);
    return true;
  }

  const IomemRange* Range(const std::string& name) const {
    const auto it = ranges_.find(name);
    return it == ranges_.end() ? nullptr : it->second;
  }

  bool FromIomem(const Disk& disk, proto::Pmem* pmem) {
    const IomemRange* range = Range(SpaceName(disk));
    if (range == nullptr) range = bare_.Of(*pmem);
    if (range == nullptr || range->start % kPage != 0) return false;
    const uint64_t raw = range->end - range->start + 1;
    const uint64_t data = pmem->size();
    if (raw < data) {
      facts_.Note(range->place,
                  absl::StrCat(range->name, " has ", raw, " bytes, fewer than ",
                               disk.name, " with ", data, ": not used"));
      return false;
    }
    pmem->set_base(range->start);
    if (raw == data) return true;
    const Namespace* space = SpaceOf(disk);
    const std::optional<uint64_t> rule =
        space == nullptr
            ? OffsetBySizes(range->start, raw, disk.size->value)
            : RuleOffsetFor(*space, range->start, raw, disk.size->value);
    uint64_t offset = RoundDown(raw - data, kPage);
    if (rule && *rule + data <= raw) {
      offset = *rule;
    } else {
      facts_.Guess(
          range->place,
          MakeGuess(
              proto::Guess::PMD, disk.name,
              absl::StrCat("no input says where the data of ", disk.name,
                           " begins"),
              absl::StrFormat("0x%x bytes into %s, so that both end "
                              "together,",
                              offset, range->name),
              space == nullptr ? "ndctl list -N" : "a copy of /sys/block"));
    }
    pmem->set_data_offset(offset);
    pmem->set_size(offset + data);
    return true;
  }

  // EINVAL: two inputs have it of two sizes.
  absl::Status AddDax(const DaxChar& dax) {
    if (dax.mode && dax.mode->value == "system-ram") {
      facts_.has_system_ram = true;
      facts_.Note(dax.place, absl::StrCat(dax.name,
                                          " is system memory: left "
                                          "out"));
      return absl::OkStatus();
    }
    proto::DevDax* out = world_.add_dax();
    out->set_name(dax.name);
    if (const uint64_t align = dax.align ? dax.align->value : dax.space_align;
        align != 0) {
      out->set_align(align);
    }
    for (const auto& [start, size] : dax.ranges) {
      proto::DevDax::Range* r = out->add_range();
      r->set_start(start);
      r->set_size(size);
    }
    if (out->range_size() > 0) return CheckSize(dax, *out, dax.ranges_place);
    // It may have several, of one name.
    for (const IomemRange& r : facts_.iomem) {
      if (r.name != dax.name) continue;
      proto::DevDax::Range* range = out->add_range();
      range->set_start(r.start);
      range->set_size(r.end - r.start + 1);
    }
    if (const IomemRange* r = Range(dax.name); out->range_size() > 0) {
      return CheckSize(dax, *out, r->place);
    }
    if (PlaceInSpace(dax, out)) return absl::OkStatus();
    if (!dax.size) {
      world_.mutable_dax()->RemoveLast();
      facts_.LeaveOut(dax.place, dax.name, "no input says its size");
      return absl::OkStatus();
    }
    dax_to_choose_.push_back({world_.dax_size() - 1, dax.place});
    return absl::OkStatus();
  }

  static absl::Status CheckSize(const DaxChar& dax, const proto::DevDax& placed,
                                const Place& place) {
    uint64_t size = 0;
    for (const auto& range : placed.range()) size += range.size();
    if (!dax.size ||
        (dax.size->value.least <= size && size <= dax.size->value.most)) {
      return absl::OkStatus();
    }
    return place.Error(absl::StrCat(
        dax.name, " has ", size, " bytes; ", dax.size->place.ToString(),
        " says its size is ", dax.size->value.ToString()));
  }

  // Of a namespace that is one device: its range, behind the info block and the
  // memory map.
  bool PlaceInSpace(const DaxChar& dax, proto::DevDax* out) {
    const IomemRange* const range = Range(dax.space);
    const auto space = facts_.namespaces.find(dax.space);
    if (range == nullptr || space == facts_.namespaces.end() || !dax.size) {
      return false;
    }
    for (const auto& [name, other] : facts_.dax) {
      if (name != dax.name && other.space == dax.space) return false;
    }
    const uint64_t raw = range->end - range->start + 1;
    const uint64_t data = dax.size->value.Likeliest();
    if (raw < data) return false;
    const std::optional<uint64_t> rule =
        RuleOffset(space->second, range->start, raw);
    const uint64_t start =
        range->start + (rule && *rule + data <= raw ? *rule : raw - data);
    const uint64_t align = out->align() == 0 ? kSubsection : out->align();
    if (start % align != 0 || data % align != 0) return false;
    proto::DevDax::Range* const placed = out->add_range();
    placed->set_start(start);
    placed->set_size(data);
    return true;
  }

  // Above all that has a place.
  absl::Status Choose() {
    uint64_t next = 4 * kGiB;
    const auto above = [&](uint64_t end) {
      if (end < UINT64_MAX / 4) next = std::max(next, RoundUp(end, kGiB));
    };
    for (const IomemRange& r : facts_.iomem) {
      // The whole of the address space is no memory.
      if (r.depth == 0 && absl::StrContains(r.name, "RAM")) above(r.end);
      if (absl::StrContains(r.name, "Persistent")) above(r.end);
    }
    for (const proto::Pmem& p : world_.pmem()) above(p.base() + p.size());
    for (const proto::DevDax& d : world_.dax()) {
      for (const auto& r : d.range()) above(r.start() + r.size());
    }
    for (const auto& [index, place] : to_choose_) {
      proto::Pmem& pmem = *world_.mutable_pmem(index);
      pmem.set_base(next);
      Chosen(pmem.name(), next, place);
      above(next + pmem.size());
    }
    for (const auto& [index, place] : dax_to_choose_) {
      proto::DevDax& dax = *world_.mutable_dax(index);
      proto::DevDax::Range* range = dax.add_range();
      range->set_start(next);
      range->set_size(facts_.dax.at(dax.name()).size->value.Likeliest());
      // Its pages are as large as its align, wherever it is.
      facts_.Note(place,
                  absl::StrFormat("no input says where %s is in memory: 0x%x, "
                                  "which is aligned to 1 GiB, taken; to add: "
                                  "/proc/iomem (as root), daxctl list -DM",
                                  dax.name(), next));
      above(next + range->size());
    }
    return absl::OkStatus();
  }

  // Which pages depend on the place: data begins where the namespace's align
  // says, of most on 2 MiB, and ends on such a boundary then.
  void Chosen(const std::string& name, uint64_t base, const Place& place) {
    const Disk& disk = facts_.disks.at(name);
    if (!disk.unknown.empty()) {
      facts_.Guess(
          place,
          MakeGuess(
              proto::Guess::PMD, name,
              absl::StrCat("no input says whether ", disk.dev->value.ToString(),
                           " is a partition, and where that begins"),
              "a whole disk, which is aligned to 1 GiB,",
              "lsblk -J -b -O, a copy of /sys/block"));
      return;
    }
    const Namespace* space = SpaceOf(disk);
    // A region that may have it is off a boundary, and it with that.
    const bool off = bare_.AnyIsOff() || MayBeginAnywhere(space, world_);
    const uint64_t align = space == nullptr ? 0 : space->align;
    const bool odd = align == 0 && disk.size && !disk.size_is_taken &&
                     !MayBeSizeOfRule(disk.size->value);
    const bool small = off || odd || (align != 0 && align < kSubsection);
    std::string besides;
    if (odd && !off) {
      besides = ", and its size is no multiple of 2 MiB";
    } else if (small && !off) {
      besides = absl::StrCat(", and its namespace has align ", align);
    }
    facts_.Guess(
        place,
        MakeGuess(small ? proto::Guess::PMD : proto::Guess::PUD, name,
                  absl::StrCat("no input says where ", name, " is in memory",
                               besides),
                  absl::StrFormat("0x%x, which is aligned to 1 GiB,", base),
                  "/proc/iomem (as root), a copy of /sys/block"));
  }

  Facts& facts_;
  proto::World& world_;
  std::deque<IomemRange> boot_line_;
  const BareRegions bare_;
  // The first of each name.
  std::map<std::string, const IomemRange*> ranges_;
  std::vector<std::pair<int, Place>> to_choose_, dax_to_choose_;
};

}  // namespace

absl::Status SizeByBootLine(Facts* facts) {
  const bool lists_disks = !facts->disks.empty();
  for (size_t i = 0; i < facts->memmap.size(); ++i) {
    const MemmapRange& m = facts->memmap[i];
    const std::string name = absl::StrCat("pmem", i);
    if (lists_disks && !facts->disks.contains(name)) continue;
    Disk& disk = facts->DiskNamed(name, m.place);
    if (disk.size || disk.mode) continue;
    absl::Status s =
        Facts::SaySize(disk.size, SizeRange::Exactly(m.size), m.place, name);
    if (!s.ok()) return s;
  }
  return absl::OkStatus();
}

absl::Status PlacePmem(Facts* facts, proto::World* world) {
  return Placer(facts, world).Run();
}

}  // namespace dmdax
