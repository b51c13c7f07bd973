// SPDX-License-Identifier: Apache-2.0
//
// DiskFacts: all that /sys and /proc say of a block device.
//
//   std::vector<DiskFacts> all = FactsOf(session);
//   for (const TreeEntry& e : EntriesOf(all[0])) ...
//   // "sys/devices/virtual/block/dm-0/size", kText, "2048\n"
//
// Facts that are equal have the same entries, so that who keeps a tree up to
// date compares facts and not texts.
//
// Mirrors: block/genhd.c, block/blk-sysfs.c, block/partitions/core.c,
// drivers/md/dm-sysfs.c, drivers/block/loop.c, mm/backing-dev.c (6.1): names
// and form of the files. Attributes that say nothing of this machine
// (statistics, schedulers) have the value of an idle disk.
// Threading: pure functions of the session.
#ifndef DMDAX_SERVER_DISK_FACTS_H_
#define DMDAX_SERVER_DISK_FACTS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/dev_t.h"
#include "block/block_device.h"
#include "block/machine.h"
#include "server/tree_entry.h"
#include "state/session.h"

namespace dmdax {

struct DiskFacts {
  std::string name;  // "dm-0"
  DevT dev;
  uint64_t sectors = 0;
  bool read_only = false;
  bool dax = false, write_cache = false, fua = false, rotational = false;
  uint32_t ra_pages = 0;
  QueueLimits limits;
  // A partition's; "" is a disk.
  std::string whole;
  uint64_t start = 0;
  struct Mapped {
    std::string name, uuid;
    bool suspended = false;
    friend bool operator==(const Mapped&, const Mapped&) = default;
  };
  std::optional<Mapped> mapped;     // a mapped device
  std::optional<LoopBacking> loop;  // a loop device with a file in it
  std::vector<std::string> slaves, holders;

  friend bool operator==(const DiskFacts&, const DiskFacts&) = default;
};

// Of all devices that are registered, by number.
std::vector<DiskFacts> FactsOf(const Session& session);

// Below sys; a directory comes before what is in it.
std::vector<TreeEntry> EntriesOf(const DiskFacts& facts);

// One of them: the link to a device that holds the disk.
TreeEntry HolderEntry(const DiskFacts& facts, const std::string& holder);
// Whether nothing but who holds it is different.
bool DifferInHolders(const DiskFacts& a, const DiskFacts& b);

// /proc/devices, /proc/misc and /proc/partitions.
std::vector<TreeEntry> ProcEntries(const std::vector<DiskFacts>& all,
                                   uint32_t dm_major);

}  // namespace dmdax

#endif  // DMDAX_SERVER_DISK_FACTS_H_
