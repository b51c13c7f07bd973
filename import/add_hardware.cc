// SPDX-License-Identifier: Apache-2.0
//
// AddHardware: disks and partitions, and devices that only tables name.
#include <algorithm>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "import/build_world.h"
#include "import/guess.h"

namespace dmdax {
namespace {

constexpr uint64_t kFirstSector = 2048;  // where partitioning tools begin

class Hardware {
 public:
  Hardware(Facts* facts, proto::World* world) : facts_(*facts), world_(*world) {
    for (const proto::Pmem& p : world->pmem()) done_.insert(p.name());
  }

  void Run() {
    for (const auto& [name, disk] : facts_.disks) {
      if (!IsPartition(disk)) AddDisk(disk);
    }
    for (const auto& [name, disk] : facts_.disks) {
      if (IsPartition(disk)) AddPartition(disk);
    }
  }

 private:
  static bool IsPartition(const Disk& disk) {
    return disk.parent.has_value() || (disk.type && disk.type->value == "part");
  }

  static uint64_t Queue(const Disk& disk, const std::string& attribute) {
    auto it = disk.queue.find(attribute);
    return it == disk.queue.end() || !it->second ? 0 : it->second->value;
  }

  uint64_t SectorsOf(const Disk& disk) {
    const SizeRange& range = disk.size->value;
    // /proc/partitions rounds to KiB.
    if (!range.exact() && range.most - range.least > 512 &&
        IsPmemName(disk.parent ? disk.parent->value : disk.name)) {
      facts_.Note(disk.size->place,
                  absl::StrCat("the size of ", disk.name, " is ",
                               range.ToString(), ": ", range.Likeliest(),
                               " taken (lsblk -b says it exactly)"));
    }
    return range.Likeliest() / 512;
  }

  void AddDisk(const Disk& disk) {
    if (done_.contains(disk.name)) return;
    if (!disk.size) {
      // Of a pmem it is said with its place.
      constexpr absl::string_view kNoSize = "no input says its size";
      if (facts_.below.contains(absl::StrCat("/dev/", disk.name))) {
        facts_.LeaveOut(disk.place, disk.name, kNoSize);
      } else if (!IsPmemName(disk.name)) {
        facts_.Note(disk.place,
                    absl::StrCat(disk.name, ": ", kNoSize, ": left out"));
      }
      return;
    }
    // A loop or zram device without anything behind it.
    if (disk.size->value.most < 512) return;
    if (disk.mode && disk.mode->value == "sector") {
      facts_.Note(disk.mode->place,
                  absl::StrCat(disk.name,
                               " is in sector mode: a disk without "
                               "DAX"));
    }
    proto::Block* block = NewBlock(disk);
    block->set_read_only(disk.read_only && disk.read_only->value);
    SayUnmodelled(disk, block);
    block->set_sectors(SectorsOf(disk));
    const uint64_t physical = Queue(disk, "physical_block_size");
    const uint64_t logical = Queue(disk, "logical_block_size");
    if (logical != 0) {
      block->set_logical_block_size(static_cast<uint32_t>(logical));
    }
    if (physical != 0 && physical != logical) {
      block->set_physical_block_size(static_cast<uint32_t>(physical));
    }
    AddQueue(disk, physical, block);
  }

  // "md" of "md127"; "": its name is not that of a driver which stands on other
  // devices.
  static std::string StackingDriver(absl::string_view name) {
    for (absl::string_view driver : {"md", "bcache", "drbd"}) {
      absl::string_view rest = name;
      if (!absl::ConsumePrefix(&rest, driver)) continue;
      absl::ConsumePrefix(&rest, "_d");
      if (!rest.empty() &&
          absl::ascii_isdigit(static_cast<unsigned char>(rest[0]))) {
        return std::string(driver);
      }
    }
    return "";
  }

  // What stands on other devices, and what nobody knows.
  void SayUnmodelled(const Disk& disk, proto::Block* block) {
    const std::string driver = StackingDriver(disk.name);
    const auto below = facts_.below.find(absl::StrCat("/dev/", disk.name));
    if (driver.empty() && below == facts_.below.end()) return;
    proto::Unmodelled* out = block->mutable_unmodelled();
    const bool said = disk.type && disk.type->value != "disk";
    out->set_driver(said ? disk.type->value : driver);
    for (const std::string& device : DevicesBelow(facts_, disk.name)) {
      out->add_device(device);
    }
    if (out->driver().empty()) {
      out->set_why("no input says by which driver");
      facts_.Guess(disk.place,
                   MakeGuess(proto::Guess::NO_DAX, disk.name,
                             absl::StrCat("no input says by which driver ",
                                          disk.name, " is made"),
                             "one without DAX", "lsblk -J -b -O"));
    } else if (out->device_size() == 0) {
      out->set_why("a driver without DAX; no input says what it stands on");
    }
  }

  void AddQueue(const Disk& disk, uint64_t physical, proto::Block* block) {
    proto::Queue queue;
    const auto u32 = [](uint64_t n) {
      return static_cast<uint32_t>(std::min<uint64_t>(n, UINT32_MAX));
    };
    const uint64_t io_min = Queue(disk, "minimum_io_size");
    if (io_min != physical) queue.set_minimum_io_size(u32(io_min));
    queue.set_optimal_io_size(u32(Queue(disk, "optimal_io_size")));
    queue.set_chunk_sectors(u32(Queue(disk, "chunk_sectors")));
    queue.set_rotational(Queue(disk, "rotational") != 0);
    queue.set_write_cache(Queue(disk, "write_cache") != 0);
    queue.set_stable_writes(Queue(disk, "stable_writes") != 0);
    if (queue.ByteSizeLong() > 0) *block->mutable_queue() = queue;
  }

  proto::Block* NewBlock(const Disk& disk) {
    proto::Block* block = world_.add_block();
    block->set_name(disk.name);
    if (disk.dev) block->set_dev(disk.dev->value.ToString());
    done_.insert(disk.name);
    return block;
  }

  // Whether it lies on persistent memory decides whether anybody misses it.
  void LeaveOutPartition(const Disk& disk, const std::string& parent,
                         const std::string& why) {
    if (IsPmemName(parent)) {
      facts_.LeaveOut(disk.place, disk.name, why);
    } else {
      facts_.Note(disk.place, absl::StrCat(disk.name, ": ", why, ": left out"));
    }
  }

  void AddPartition(const Disk& disk) {
    const std::string parent = disk.parent ? disk.parent->value : "";
    if (!done_.contains(parent)) {
      LeaveOutPartition(
          disk, parent,
          absl::StrCat("a partition of ",
                       parent.empty() ? "an unknown disk" : parent,
                       ", which is not there"));
      return;
    }
    if (!disk.size) {
      LeaveOutPartition(disk, parent, "no input says its size");
      return;
    }
    proto::Block* block = NewBlock(disk);
    block->set_read_only(disk.read_only && disk.read_only->value);
    block->set_partition_of(parent);
    block->set_sectors(SectorsOf(disk));
    uint64_t& next = next_start_[parent];
    next = std::max(next, kFirstSector);
    if (disk.start) {
      block->set_start(disk.start->value);
    } else {
      block->set_start(next);
      // Nobody misses it of a disk that is no persistent memory.
      if (IsPmemName(parent)) {
        facts_.Guess(
            disk.place,
            MakeGuess(
                proto::Guess::DAX, disk.name,
                absl::StrCat("no input says where ", disk.name, " begins"),
                absl::StrCat("sector ", next),
                absl::StrCat("lsblk -o +START, sfdisk -d /dev/", parent,
                             ", a copy of /sys/block/", parent)));
      }
    }
    next = (block->start() + block->sectors() + kFirstSector - 1) /
           kFirstSector * kFirstSector;
  }

  Facts& facts_;
  proto::World& world_;
  std::set<std::string> done_;
  std::map<std::string, uint64_t> next_start_;
};

}  // namespace

void AddHardware(Facts* facts, proto::World* world) {
  Hardware(facts, world).Run();
}

}  // namespace dmdax
