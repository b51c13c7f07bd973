// SPDX-License-Identifier: Apache-2.0
//
// DiskFacts: all that /sys and /proc say of a block device.
//
//   std::optional<DiskFacts> facts = FactsOf(session, DevT{254, 0});
//   for (const TreeEntry& e : EntriesOf(*facts)) ...
//   // "sys/devices/virtual/block/dm-0/size", kText, "2048\n"
//
// Facts that are equal have the same entries, so that who keeps a tree up to
// date compares facts and not texts.  Who holds a disk is no fact of its own: a
// disk may have thousands of holders, each of which names it among its slaves.
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
  std::vector<std::string> slaves;  // each once, in order

  friend bool operator==(const DiskFacts&, const DiskFacts&) = default;
};

// Nothing: no such device is registered.
std::optional<DiskFacts> FactsOf(const Session& session, DevT dev);

// Below sys; a directory comes before what is in it.  All but the links to who
// holds the disk.
std::vector<TreeEntry> EntriesOf(const DiskFacts& facts);
// The directory that all of them but a few links are in.
std::string DirectoryOf(const DiskFacts& facts);
// The link to a device that holds the disk.
TreeEntry HolderEntry(const DiskFacts& facts, const std::string& holder);

// What uname -r prints on the machine.
std::string OsRelease(const Session& session);
// /proc/devices, /proc/misc and /proc/sys/kernel/osrelease.
std::vector<TreeEntry> ProcEntries(const Session& session);
// /proc/iomem: where the persistent memory is, by its namespaces.
TreeEntry IomemEntry(const Session& session);
// The first line of /proc/partitions, and that of a device: "" if it has none.
inline constexpr char kPartitionsHead[] = "major minor  #blocks  name\n\n";
std::string PartitionsLine(const DiskFacts& facts);

}  // namespace dmdax

#endif  // DMDAX_SERVER_DISK_FACTS_H_
