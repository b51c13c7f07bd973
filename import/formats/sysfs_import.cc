// SPDX-License-Identifier: Apache-2.0
//
// Copies of sysfs, told by their path: .../block/<disk>/..., with or without
// links followed, and the devices of the nvdimm bus (pfn0.1, namespace0.0).
#include <algorithm>
#include <iterator>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/round_up.h"
#include "import/formats/lsblk_row.h"
#include "import/import_format.h"

namespace dmdax {
namespace {

using Parts = std::vector<absl::string_view>;

constexpr absl::string_view kQueueAttributes[] = {
    "logical_block_size",  "physical_block_size", "minimum_io_size",
    "optimal_io_size",     "max_sectors_kb",      "chunk_sectors",
    "discard_granularity", "discard_max_bytes",   "write_zeroes_max_bytes",
    "rotational",          "stable_writes"};

// Where the disk's name is in the path; 0: nowhere.
size_t DiskAt(const Parts& parts) {
  for (size_t i = parts.size() - 1; i > 0; --i) {
    if (parts[i - 1] == "block" && i + 1 < parts.size()) return i;
  }
  return 0;
}

bool IsNd(absl::string_view part) {
  for (absl::string_view kind : {"pfn", "namespace", "btt", "dax"}) {
    absl::string_view rest = part;
    if (absl::ConsumePrefix(&rest, kind) && !rest.empty() &&
        absl::ascii_isdigit(static_cast<unsigned char>(rest[0])) &&
        absl::StrContains(rest, ".")) {
      return true;
    }
  }
  return false;
}

bool IsNdAttribute(absl::string_view name) {
  return name == "resource" || name == "size" || name == "mode" ||
         name == "align" || name == "namespace" || name == "force_raw";
}

bool IsQueueAttribute(absl::string_view name) {
  return name == "dax" || name == "write_cache" ||
         std::find(std::begin(kQueueAttributes), std::end(kQueueAttributes),
                   name) != std::end(kQueueAttributes);
}

// Whether parts[i] and what follows is an attribute that Attribute reads.
bool IsDiskAttribute(const Parts& parts, size_t i) {
  const absl::string_view first = parts[i];
  if (i + 1 == parts.size()) {
    return first == "dev" || first == "size" || first == "badblocks";
  }
  if (i + 3 == parts.size() && (first == "slaves" || first == "holders")) {
    return parts[i + 2] == "dev";
  }
  if (i + 2 != parts.size()) return false;
  const absl::string_view second = parts[i + 1];
  if (first == "queue") return IsQueueAttribute(second);
  if (first == "dm") return second == "name" || second == "uuid";
  if (first == "device") return IsNdAttribute(second);
  // Of a partition.
  return absl::StartsWith(first, parts[i - 1]) &&
         (second == "dev" || second == "size" || second == "start");
}

bool Detect(const ImportInput& input) {
  const Parts parts = absl::StrSplit(input.path, '/', absl::SkipEmpty());
  // sysfs has no larger ones.
  if (parts.size() < 2 || input.text.size() > 4096) return false;
  // A file of another kind may lie below a folder called block.
  if (const size_t at = DiskAt(parts); at != 0 && parts[0] != "dev") {
    return IsDiskAttribute(parts, at + 1);
  }
  return IsNd(parts[parts.size() - 2]) && IsNdAttribute(parts.back());
}

class Attribute {
 public:
  Attribute(const ImportInput& input, Facts* facts)
      : place_{&input, 1, 1},
        text_(absl::StripAsciiWhitespace(input.text)),
        facts_(facts) {}

  absl::Status Read(const Parts& parts) {
    if (text_.empty()) return absl::OkStatus();
    const size_t at = DiskAt(parts);
    if (at == 0) {
      facts_->nd[std::string(parts[parts.size() - 2])]
                [std::string(parts.back())] = {std::string(text_), place_};
      return absl::OkStatus();
    }
    const std::string disk(parts[at]);
    if (at >= 2 && IsNd(parts[at - 2])) {
      facts_->nd_of_disk[disk] = std::string(parts[at - 2]);
    }
    if (absl::Status s = Bus(parts, at); !s.ok()) return s;
    const std::string rest = absl::StrJoin(
        parts.begin() + static_cast<ptrdiff_t>(at) + 1, parts.end(), "/");
    if (parts.size() == at + 4) {
      // block/md0/slaves/pmem0/dev, block/pmem0/holders/md0/dev
      const std::string here = absl::StrCat("/dev/", disk);
      const std::string there = absl::StrCat("/dev/", parts[at + 2]);
      if (parts[at + 1] == "slaves") facts_->below[here].insert(there);
      if (parts[at + 1] == "holders") facts_->below[there].insert(here);
      return absl::OkStatus();
    }
    if (absl::StartsWith(disk, "dm-")) return OfMapped(disk, rest);
    if (absl::StartsWith(disk, "ram")) return absl::OkStatus();
    if (parts.size() == at + 3 && absl::StartsWith(parts[at + 1], disk)) {
      return OfPartition(disk, std::string(parts[at + 1]),
                         std::string(parts[at + 2]));
    }
    return OfDisk(disk, rest);
  }

 private:
  // ".../virtio2/ndbus0/region0/namespace0.0/block/pmem0/size"
  absl::Status Bus(const Parts& parts, size_t at) {
    bool nd = false, virtio = false;
    for (size_t i = 0; i < at; ++i) {
      nd |= absl::StartsWith(parts[i], "ndbus");
      virtio |= absl::StartsWith(parts[i], "virtio");
    }
    const std::string disk(parts[at]);
    if (!nd || !absl::StartsWith(disk, "pmem")) return absl::OkStatus();
    return Facts::Say(facts_->DiskNamed(disk, place_).virtio, virtio, place_,
                      disk, "bus (whether virtio)");
  }

  absl::StatusOr<uint64_t> Number() const {
    uint64_t n;
    const bool ok = absl::StartsWith(text_, "0x")
                        ? absl::SimpleHexAtoi(text_, &n)
                        : absl::SimpleAtoi(text_, &n);
    if (ok) return n;
    return place_.Error(
        absl::StrCat("a number is expected, not ", Quoted(text_)));
  }

  absl::Status Sectors(Said<SizeRange>& slot, const std::string& whose) const {
    absl::StatusOr<uint64_t> n = Number();
    if (!n.ok()) return n.status();
    constexpr uint64_t kMost = uint64_t{1} << 54;
    if (*n > kMost) return place_.Error("more than 2^54 sectors");
    return Facts::SaySize(slot, SizeRange::Exactly(*n * 512), place_, whose);
  }

  // What the device under a disk says of its data is the disk's size: that of
  // an info block and a memory map is none of it.
  // Mirrors: size_show of drivers/nvdimm/pfn_devs.c (6.1), pmem_attach_disk.
  absl::Status Bytes(Disk& disk, const std::string& whose) const {
    absl::StatusOr<uint64_t> n = Number();
    if (!n.ok()) return n.status();
    return Facts::SaySize(disk.size, SizeRange::Exactly(RoundDown(*n, 512)),
                          place_, whose);
  }

  absl::Status Dev(Said<DevT>& slot, const std::string& whose) const {
    absl::StatusOr<DevT> dev = ReadDev(text_, place_);
    if (!dev.ok()) return dev.status();
    return Facts::Say(slot, *dev, place_, whose, "number");
  }

  absl::Status Queue(absl::string_view attribute, const std::string& whose,
                     std::map<std::string, Said<uint64_t>>* queue) const {
    if (attribute == "write_cache") {
      return Facts::Say((*queue)["write_cache"],
                        uint64_t{text_ == "write back"}, place_, whose,
                        attribute);
    }
    for (absl::string_view known : kQueueAttributes) {
      if (attribute != known) continue;
      absl::StatusOr<uint64_t> n = Number();
      if (!n.ok()) return n.status();
      return Facts::Say((*queue)[std::string(known)], *n, place_, whose, known);
    }
    return absl::OkStatus();
  }

  absl::Status OfMapped(const std::string& kname, absl::string_view rest) {
    KernelDm& dm = facts_->KernelDmNamed(kname, place_);
    if (rest == "dev") return Dev(dm.dev, kname);
    if (rest == "size") return Sectors(dm.size, kname);
    if (rest == "dm/name") {
      return Facts::Say(dm.name, std::string(text_), place_, kname, "dm name");
    }
    if (rest == "dm/uuid") {
      return Facts::Say(dm.uuid, std::string(text_), place_, kname, "uuid");
    }
    if (rest == "queue/dax") {
      return Facts::Say(dm.dax, text_ != "0", place_, kname, "DAX flag");
    }
    if (absl::ConsumePrefix(&rest, "queue/")) {
      return Queue(rest, kname, &dm.queue);
    }
    return absl::OkStatus();
  }

  // "8 16": 16 sectors from sector 8 of the data on, a line each.
  absl::Status BadBlocks(const std::string& name) {
    Disk& disk = facts_->DiskNamed(name, place_);
    for (absl::string_view line :
         absl::StrSplit(text_, '\n', absl::SkipWhitespace())) {
      const std::vector<absl::string_view> words =
          absl::StrSplit(line, absl::ByAnyChar(" \t\r"), absl::SkipEmpty());
      uint64_t start, count;
      if (words.size() != 2 || !absl::SimpleAtoi(words[0], &start) ||
          !absl::SimpleAtoi(words[1], &count) || count == 0) {
        return place_.Error(absl::StrCat(
            "a first sector and a number of sectors are expected, not ",
            Quoted(line)));
      }
      disk.badblocks.emplace(start, count);
    }
    return absl::OkStatus();
  }

  absl::Status OfPartition(const std::string& disk, const std::string& name,
                           absl::string_view rest) {
    if (rest != "dev" && rest != "size" && rest != "start") {
      return absl::OkStatus();
    }
    Disk& part = facts_->DiskNamed(name, place_);
    absl::Status s = Facts::Say(part.parent, disk, place_, name, "disk");
    if (s.ok()) {
      s = Facts::Say(part.type, std::string("part"), place_, name, "type");
    }
    if (!s.ok()) return s;
    if (rest == "dev") return Dev(part.dev, name);
    if (rest == "size") return Sectors(part.size, name);
    absl::StatusOr<uint64_t> n = Number();
    if (!n.ok()) return n.status();
    return Facts::Say(part.start, *n, place_, name, "start");
  }

  absl::Status OfDisk(const std::string& name, absl::string_view rest) {
    if (rest == "dev") return Dev(facts_->DiskNamed(name, place_).dev, name);
    if (rest == "size") {
      return Sectors(facts_->DiskNamed(name, place_).size, name);
    }
    if (rest == "badblocks") return BadBlocks(name);
    if (rest == "queue/dax") {
      return Facts::Say(facts_->DiskNamed(name, place_).dax, text_ != "0",
                        place_, name, "DAX flag");
    }
    if (absl::ConsumePrefix(&rest, "queue/")) {
      return Queue(rest, name, &facts_->DiskNamed(name, place_).queue);
    }
    if (absl::ConsumePrefix(&rest, "device/") && IsNdAttribute(rest) &&
        absl::StartsWith(name, "pmem")) {
      const std::string nd = absl::StrCat("of ", name);
      facts_->nd_of_disk.try_emplace(name, nd);
      facts_->nd[nd][std::string(rest)] = {std::string(text_), place_};
      if (rest == "size") return Bytes(facts_->DiskNamed(name, place_), name);
    }
    return absl::OkStatus();
  }

  const Place place_;
  const absl::string_view text_;
  Facts* const facts_;
};

absl::Status Read(const ImportInput& input, Facts* facts) {
  return Attribute(input, facts)
      .Read(absl::StrSplit(input.path, '/', absl::SkipEmpty()));
}

}  // namespace

extern const ImportFormat kSysfsImport = {"sysfs", "/sys/block/*", Detect, Read,
                                          LastLine::kAny};

}  // namespace dmdax
