// SPDX-License-Identifier: Apache-2.0
#include "tests/conformance/oracle_guest.h"

#include <algorithm>
#include <cstdlib>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "dm/device_mapper.h"

namespace dmdax::conformance {
namespace {

absl::Status AddPmem(Session& session, const std::string& name, uint64_t base,
                     uint64_t size, bool has_pages, std::optional<DevT> dev) {
  PmemOptions options;
  options.name = name;
  options.base = base;
  options.size = size;
  options.has_pages = has_pages;
  options.backing = PmemBacking::kAnonymous;
  return session.machine->AddPmem(options, dev).status();
}

uint64_t Hex(const Json& text) {
  return strtoull(text.get<std::string>().c_str(), nullptr, 16);
}

// brd's RAM disks: /dev/ram0 .. ram15, 16 MiB, no DAX, and of the block
// layer's limits the default.
absl::Status AddRamDisks(Session& session) {
  constexpr uint32_t kRamdiskMajor = 1;
  constexpr uint32_t kSafeMaxSectors = 255;  // BLK_SAFE_MAX_SECTORS
  for (uint32_t i = 0; i < 16; ++i) {
    BlockOptions options;
    options.name = absl::StrCat("ram", i);
    options.nr_sectors = 32768;
    options.dev = DevT{kRamdiskMajor, i};
    options.limits.physical_block_size = kPageSize;
    options.limits.io_min = kPageSize;
    options.limits.max_sectors = kSafeMaxSectors;
    options.limits.max_hw_sectors = kSafeMaxSectors;
    if (session.machine->profile().brd_frees_discarded) {
      options.limits.discard_granularity = kPageSize;
      options.limits.max_discard_sectors = ~uint32_t{0};
      options.limits.max_hw_discard_sectors = ~uint32_t{0};
    }
    absl::Status s = session.machine->AddBlock(options).status();
    if (!s.ok()) return s;
  }
  return absl::OkStatus();
}

// Loop devices without a file.
absl::Status AddEmptyLoops(Session& session) {
  constexpr uint32_t kLoopMajor = 7;
  for (uint32_t i = 0; i < 8; ++i) {
    BlockOptions options;
    options.name = absl::StrCat("loop", i);
    options.empty = true;
    options.dev = DevT{kLoopMajor, i};
    options.limits = EmptyLoopLimits(session.machine->profile());
    // One that never had a file; since 6.11 drivers say that a disk rotates.
    options.queue_flags = session.machine->profile().max_sectors_rule ==
                                  MaxSectorsRule::kValidated
                              ? unsigned{QUEUE_FLAG_NONROT}
                              : 0u;
    absl::Status s = session.machine->AddBlock(options).status();
    if (!s.ok()) return s;
  }
  return absl::OkStatus();
}

// Names of the devices under (or over) a dm device, sorted.
Json Sorted(std::vector<std::string> names) {
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

Json Links(const Session& session, BlockDevice& disk, bool slaves) {
  std::vector<std::string> names;
  for (BlockDevice* bdev : session.machine->BlockDevices()) {
    if (bdev->dev().major_nr != session.ctl->major()) continue;
    auto md = session.ctl->FindMinor(bdev->dev().minor_nr);
    for (const DmDev* dev : md->TableDevices()) {
      if (slaves && bdev == &disk) names.push_back(dev->bdev->name());
      if (!slaves && dev->bdev == &disk) names.push_back(bdev->name());
    }
  }
  return Sorted(std::move(names));
}

Json DescribeQueue(BlockDevice& disk) {
  const QueueLimits l = disk.queue().limits();
  const RequestQueue& q = disk.queue();
  return {
      {"dax", q.Has(QUEUE_FLAG_DAX) ? 1 : 0},
      {"logical_block_size", l.logical_block_size},
      {"physical_block_size", l.physical_block_size},
      {"minimum_io_size", l.io_min},
      {"optimal_io_size", l.io_opt},
      {"max_sectors_kb", l.max_sectors / 2},
      {"max_hw_sectors_kb", l.max_hw_sectors / 2},
      {"max_segments", l.max_segments},
      {"chunk_sectors", l.chunk_sectors},
      {"discard_granularity", l.discard_granularity},
      {"discard_max_bytes", uint64_t{l.max_discard_sectors} * kSectorSize},
      {"write_zeroes_max_bytes",
       uint64_t{l.max_write_zeroes_sectors} * kSectorSize},
      {"rotational", q.Has(QUEUE_FLAG_NONROT) ? 0 : 1},
      {"write_cache", q.Has(QUEUE_FLAG_WC) ? "write back" : "write through"},
      {"fua", q.Has(QUEUE_FLAG_FUA) ? 1 : 0},
      {"io_poll", q.Has(QUEUE_FLAG_POLL) ? 1 : 0},
      {"stable_writes", q.Has(QUEUE_FLAG_STABLE_WRITES) ? 1 : 0},
      {"zoned", "none"},
  };
}

// What sysfs has of the queue of a mapped device: nothing before its first
// table that fits, on kernels that add the disk earlier than that.
Json DescribeMdQueue(const Session& session, MappedDevice& md) {
  const KernelProfile& profile = session.machine->profile();
  if (!md.has_queue()) return Json::object();
  Json d = DescribeQueue(md.disk());
  if (md.type() == DM_TYPE_REQUEST_BASED ||
      profile.max_sectors_rule == MaxSectorsRule::kStacked) {
    // A request queue has two times the default depth.
    d["nr_requests"] = md.type() == DM_TYPE_REQUEST_BASED ? 256 : 128;
  }
  return d;
}

}  // namespace

absl::StatusOr<Session> GuestFromEnv(const Json& env,
                                     const KernelProfile& profile) {
  Session session = NewSession(profile, 0);
  // Only a case's own `sleep` takes time.
  session.machine->FreezeClock();
  // Files and devices that it has, and not every Linux.
  for (const char* file :
       {"/init", "/lib64", "/usr/sbin/dmsetup", "/sys/module/dm_mod",
        "/dev/ttyS0", "/dev/ndctl0", "/dev/nmem0", "/dev/rtc0", "/dev/input"}) {
    session.machine->AddCharNode(file);
  }
  for (const Json& p : env["env"]["pmem"]) {
    absl::Status s = AddPmem(session, p["name"], Hex(p["resource"]), p["size"],
                             p["mode"] != "raw",
                             ScanMajorMinor(p["dev"].get<std::string>()));
    if (!s.ok()) return s;
  }
  if (absl::Status s = AddRamDisks(session); !s.ok()) return s;
  if (absl::Status s = AddEmptyLoops(session); !s.ok()) return s;
  return session;
}

absl::StatusOr<Session> GuestFromCase(const Json& env, const Json& pmem,
                                      const KernelProfile& profile) {
  Session session = NewSession(profile, 0);
  for (const auto& [name, p] : pmem.items()) {
    std::optional<DevT> dev;
    for (const Json& known : env["env"]["pmem"]) {
      if (known["name"] == name) {
        dev = ScanMajorMinor(known["dev"].get<std::string>());
      }
    }
    if (p[0].is_null()) {
      // A BTT namespace is an ordinary disk with 4096-byte blocks.
      BlockOptions btt;
      btt.name = name;
      btt.nr_sectors = p[1].get<uint64_t>() / kSectorSize;
      btt.limits = BttLimits(profile, kPageSize);
      absl::Status s = session.machine->AddBlock(btt).status();
      if (!s.ok()) return s;
      continue;
    }
    absl::Status s =
        AddPmem(session, name, Hex(p[0]), p[1], p[2] != "raw", dev);
    if (!s.ok()) return s;
  }
  if (absl::Status s = AddRamDisks(session); !s.ok()) return s;
  if (absl::Status s = AddEmptyLoops(session); !s.ok()) return s;
  return session;
}

QueueLimits LoopLimits(uint32_t block_size) {
  QueueLimits limits;
  limits.logical_block_size = block_size;
  limits.physical_block_size = block_size;
  limits.io_min = block_size;
  // A file on tmpfs: holes are punched in pages, as much at once as fits.
  constexpr uint32_t kMaxSectors = ~uint32_t{0} >> kSectorShift;
  limits.max_sectors = 2560;
  limits.max_hw_sectors = 2560;
  limits.discard_granularity = kPageSize;
  limits.max_discard_sectors = kMaxSectors;
  limits.max_hw_discard_sectors = kMaxSectors;
  limits.max_write_zeroes_sectors = kMaxSectors;
  return limits;
}

QueueLimits EmptyLoopLimits(const KernelProfile&) {
  QueueLimits limits;
  limits.max_sectors = 2560;
  limits.max_hw_sectors = 2560;
  return limits;
}

QueueLimits BttLimits(const KernelProfile& profile, uint32_t sector_size) {
  QueueLimits limits;
  limits.logical_block_size = sector_size;
  limits.physical_block_size = sector_size;
  limits.io_min = sector_size;
  limits.max_sectors = profile.blk_def_max_sectors;
  limits.max_hw_sectors = ~uint32_t{0};
  return limits;
}

void HoldMounted(BlockDevice& bdev) {
  static constexpr char kSuperBlock[] = "super block";
  (void)bdev.Open(FMODE_READ | FMODE_WRITE | FMODE_EXCL, kSuperBlock);
}

std::string MissingTarget(const std::string& table, const Json& env,
                          const KernelProfile& profile) {
  for (absl::string_view line : absl::StrSplit(table, '\n')) {
    std::istringstream words{std::string(line)};
    std::string start, length, type;
    if (!(words >> start >> length >> type)) continue;
    if (FindTargetType(type, profile) != nullptr) continue;
    for (const Json& target : env["env"]["targets"]) {
      if (target[0] == type) return absl::StrCat("target ", type);
    }
  }
  return "";
}

Json DescribeDevs(const Session& session) {
  Json devs = Json::object();
  for (BlockDevice* bdev : session.machine->BlockDevices()) {
    if (bdev->dev().major_nr != session.ctl->major()) continue;
    auto md = session.ctl->FindMinor(bdev->dev().minor_nr);
    DmIoctl io{.dev = md->dev().HugeEncode()};
    if (!session.ctl->DevStatus(io).ok()) continue;
    Json d = DescribeMdQueue(session, *md);
    const QueueLimits l = bdev->queue().limits();
    d["name"] = io.name;
    d["uuid"] = io.uuid;
    d["suspended"] = md->suspended() ? "1" : "0";
    d["dev"] = bdev->dev().ToString();
    d["size"] = bdev->nr_sectors();
    d["ro"] = bdev->read_only() ? "1" : "0";
    d["alignment_offset"] =
        l.misaligned ? "-1" : absl::StrCat(l.alignment_offset);
    d["slaves"] = Links(session, *bdev, true);
    d["holders"] = Links(session, *bdev, false);
    devs[bdev->name()] = d;
  }
  return devs;
}

Json SysfsAttribute(const Session& session, BlockDevice& bdev,
                    absl::string_view attribute) {
  const Json devs = DescribeDevs(session);
  Json known;
  if (auto mapped = devs.find(bdev.name()); mapped != devs.end()) {
    known = *mapped;
  } else {
    known = DescribeQueue(bdev);
    known["dev"] = bdev.dev().ToString();
    known["size"] = bdev.nr_sectors();
    known["ro"] = bdev.read_only() ? "1" : "0";
    known["alignment_offset"] =
        absl::StrCat(bdev.queue().limits().alignment_offset);
  }
  for (absl::string_view directory : {"queue/", "dm/"}) {
    (void)absl::ConsumePrefix(&attribute, directory);
  }
  auto value = known.find(std::string(attribute));
  if (value == known.end() || value->is_array()) return {};
  return value->is_string() ? *value : Json(value->dump());
}

}  // namespace dmdax::conformance
