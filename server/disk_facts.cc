// SPDX-License-Identifier: Apache-2.0
#include "server/disk_facts.h"

#include <linux/loop.h>

#include <algorithm>
#include <limits>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "block/nd_name.h"
#include "block/partitions/partition_table.h"
#include "dm/mapped_device.h"

namespace dmdax {
namespace {

constexpr char kTop[] = "sys/devices/virtual/block/";

// Puts entries below one directory.
class Folder {
 public:
  Folder(std::string path, std::vector<TreeEntry>* out)
      : path_(std::move(path)), out_(*out) {
    out_.push_back({.path = path_, .kind = TreeEntry::kDirectory, .text = ""});
  }
  template <typename T>
  void Text(absl::string_view name, const T& value) {
    Add(name, TreeEntry::kText, absl::StrCat(value, "\n"));
  }
  void Link(absl::string_view name, std::string to) {
    Add(name, TreeEntry::kLink, std::move(to));
  }
  // One that a write changes.
  template <typename T>
  void Setting(absl::string_view name, const T& value) {
    Text(name, value);
    out_.back().writable = true;
  }
  Folder Sub(absl::string_view name) {
    return Folder(absl::StrCat(path_, "/", name), &out_);
  }

 private:
  void Add(absl::string_view name, TreeEntry::Kind kind, std::string text) {
    out_.push_back({.path = absl::StrCat(path_, "/", name),
                    .kind = kind,
                    .text = std::move(text)});
  }

  const std::string path_;
  std::vector<TreeEntry>& out_;
};

uint64_t Kb(uint64_t sectors) { return sectors / 2; }
uint64_t Bytes(uint64_t sectors) { return sectors << kSectorShift; }

void QueueFiles(const DiskFacts& f, Folder q) {
  const QueueLimits& l = f.limits;
  q.Text("add_random", 0);
  q.Text("chunk_sectors", l.chunk_sectors);
  q.Text("dax", f.dax ? 1 : 0);
  q.Text("discard_granularity", l.discard_granularity);
  q.Text("discard_max_bytes", Bytes(l.max_discard_sectors));
  q.Text("discard_max_hw_bytes", Bytes(l.max_hw_discard_sectors));
  q.Text("discard_zeroes_data", 0);
  q.Text("dma_alignment", l.dma_alignment);
  q.Text("fua", f.fua ? 1 : 0);
  q.Text("hw_sector_size", l.logical_block_size);
  q.Text("io_poll", 0);
  q.Text("iostats", 1);
  q.Text("logical_block_size", l.logical_block_size);
  q.Text("max_hw_sectors_kb", Kb(l.max_hw_sectors));
  q.Text("max_integrity_segments", 0);
  q.Setting("max_sectors_kb", Kb(l.max_sectors));
  q.Text("max_segment_size", 65536);
  q.Text("max_segments", l.max_segments);
  q.Text("minimum_io_size", l.io_min);
  q.Text("nomerges", 0);
  q.Text("nr_requests", 128);
  q.Text("nr_zones", 0);
  q.Text("optimal_io_size", l.io_opt);
  q.Text("physical_block_size", l.physical_block_size);
  q.Setting("read_ahead_kb", uint64_t{f.ra_pages} * 4);
  q.Text("rotational", f.rotational ? 1 : 0);
  q.Text("rq_affinity", 0);
  q.Text("scheduler", "none");
  q.Text("stable_writes", 0);
  q.Text("virt_boundary_mask", 0);
  q.Text("write_cache", f.write_cache ? "write back" : "write through");
  q.Text("write_same_max_bytes", 0);
  q.Text("write_zeroes_max_bytes", Bytes(l.max_write_zeroes_sectors));
  q.Text("zone_append_max_bytes", 0);
  q.Text("zoned", "none");
}

void LoopFiles(const LoopBacking& loop, Folder out) {
  const auto flag = [&](uint32_t bit) {
    return (loop.flags & bit) != 0 ? 1 : 0;
  };
  out.Text("autoclear", flag(LO_FLAGS_AUTOCLEAR));
  out.Text("backing_file", loop.path);
  out.Text("dio", flag(LO_FLAGS_DIRECT_IO));
  out.Text("offset", loop.offset);
  out.Text("partscan", flag(LO_FLAGS_PARTSCAN));
  out.Text("sizelimit", loop.sizelimit);
}

constexpr char kIdle[] =
    "       0        0        0        0        0        0        0        0   "
    "     0        0        0        0        0        0        0        0     "
    "   0";

// From sys/block, sys/class/block or sys/dev/block.
std::string LinkTo(const DiskFacts& f, int up) {
  std::string to;
  for (int i = 0; i < up; ++i) to += "../";
  return to + DirectoryOf(f).substr(sizeof("sys/") - 1);
}

}  // namespace

std::optional<DiskFacts> FactsOf(const Session& session, DevT dev) {
  BlockDevice* const bdev = session.machine->FindBdev(dev);
  if (bdev == nullptr) return std::nullopt;
  DiskFacts f;
  f.name = bdev->name();
  f.dev = dev;
  f.sectors = bdev->nr_sectors();
  f.read_only = bdev->read_only();
  f.dax = bdev->queue().Has(QUEUE_FLAG_DAX);
  f.write_cache = bdev->queue().Has(QUEUE_FLAG_WC);
  f.fua = bdev->queue().Has(QUEUE_FLAG_FUA);
  f.rotational = !bdev->queue().Has(QUEUE_FLAG_NONROT);
  f.ra_pages = bdev->queue().ra_pages();
  f.limits = bdev->queue().limits();
  const BlockOptions* const options = session.machine->FindBlockOptions(f.name);
  if (options != nullptr) f.loop = options->loop;
  if (bdev->is_partition()) {
    f.whole = bdev->whole().name();
    f.start = bdev->start_sect().value();
  }
  if (dev.major_nr != session.ctl->major()) return f;
  session.ctl->ForDevice(dev.minor_nr, [&](const HashCell& cell) {
    if (&cell.md->disk() != bdev) return;
    f.mapped = {cell.name, cell.uuid, cell.md->suspended()};
    for (const DmDev* below : cell.md->TableDevices()) {
      f.slaves.push_back(below->bdev->name());
    }
    std::sort(f.slaves.begin(), f.slaves.end());
    f.slaves.erase(std::unique(f.slaves.begin(), f.slaves.end()),
                   f.slaves.end());
  });
  return f;
}

std::string DirectoryOf(const DiskFacts& f) {
  return f.whole.empty() ? absl::StrCat(kTop, f.name)
                         : absl::StrCat(kTop, f.whole, "/", f.name);
}

TreeEntry HolderEntry(const DiskFacts& f, const std::string& holder) {
  const char* const up = f.whole.empty() ? "../../" : "../../../";
  return {.path = absl::StrCat(DirectoryOf(f), "/holders/", holder),
          .kind = TreeEntry::kLink,
          .text = up + holder};
}

std::vector<TreeEntry> EntriesOf(const DiskFacts& f) {
  std::vector<TreeEntry> out;
  const std::string number = f.dev.ToString();
  const bool disk = f.whole.empty();
  Folder top(DirectoryOf(f), &out);
  top.Text("alignment_offset", f.limits.alignment_offset);
  top.Text("dev", number);
  top.Text("discard_alignment", f.limits.discard_alignment);
  top.Text("inflight", "       0        0");
  top.Text("ro", f.read_only ? 1 : 0);
  top.Text("size", f.sectors);
  top.Text("stat", kIdle);
  top.Setting("uevent",
              absl::StrCat("MAJOR=", f.dev.major_nr, "\nMINOR=", f.dev.minor_nr,
                           "\nDEVNAME=", f.name,
                           "\nDEVTYPE=", disk ? "disk" : "partition"));
  top.Link("subsystem",
           disk ? "../../../../class/block" : "../../../../../class/block");
  top.Sub("holders");
  if (disk) {
    top.Text("capability", 0);
    // Of a mapped device no partition has a number.
    top.Text("ext_range", f.mapped ? 1 : kMostPartitions);
    top.Text("hidden", 0);
    top.Text("range", 1);
    top.Text("removable", 0);
    Folder slaves = top.Sub("slaves");
    for (const std::string& name : f.slaves) {
      slaves.Link(name, absl::StrCat("../../", name));
    }
    QueueFiles(f, top.Sub("queue"));
    top.Link("bdi", absl::StrCat("../../bdi/", number));
    Folder bdi(absl::StrCat("sys/devices/virtual/bdi/", number), &out);
    bdi.Setting("read_ahead_kb", uint64_t{f.ra_pages} * 4);
    bdi.Text("min_ratio", 0);
    bdi.Text("max_ratio", 100);
    bdi.Text("stable_pages_required", 0);
    out.push_back({.path = absl::StrCat("sys/class/bdi/", number),
                   .kind = TreeEntry::kLink,
                   .text = absl::StrCat("../../devices/virtual/bdi/", number)});
    out.push_back({.path = absl::StrCat("sys/block/", f.name),
                   .kind = TreeEntry::kLink,
                   .text = LinkTo(f, 1)});
  } else {
    top.Text("partition",
             f.name.substr(f.name.find_last_not_of("0123456789") + 1));
    top.Text("start", f.start);
  }
  if (f.loop) LoopFiles(*f.loop, top.Sub("loop"));
  if (f.mapped) {
    Folder dm = top.Sub("dm");
    dm.Text("name", f.mapped->name);
    dm.Text("uuid", f.mapped->uuid);
    dm.Text("suspended", f.mapped->suspended ? 1 : 0);
    dm.Text("rq_based_seq_io_merge_deadline", 0);
    dm.Text("use_blk_mq", 1);
  }
  out.push_back({.path = absl::StrCat("sys/class/block/", f.name),
                 .kind = TreeEntry::kLink,
                 .text = LinkTo(f, 2)});
  out.push_back({.path = absl::StrCat("sys/dev/block/", number),
                 .kind = TreeEntry::kLink,
                 .text = LinkTo(f, 2)});
  return out;
}

std::string OsRelease(const Session& session) {
  return session.release.empty()
             ? absl::StrCat(session.machine->profile().release.ToString(), ".0")
             : session.release.substr(0, session.release.find(' '));
}

std::vector<TreeEntry> ProcEntries(const Session& session) {
  return {
      {.path = "proc/devices",
       .kind = TreeEntry::kText,
       .text = absl::StrFormat("Character devices:\n 10 misc\n\nBlock "
                               "devices:\n  7 loop\n  8 sd\n259 blkext\n%3d "
                               "device-mapper\n",
                               session.ctl->major())},
      {.path = "proc/misc",
       .kind = TreeEntry::kText,
       .text = "236 device-mapper\n237 loop-control\n"},
      {.path = "proc/sys/kernel/osrelease",
       .kind = TreeEntry::kText,
       .text = absl::StrCat(OsRelease(session), "\n")},
  };
}

TreeEntry IomemEntry(const Session& session) {
  TreeEntry entry{.path = "proc/iomem", .kind = TreeEntry::kText, .text = ""};
  for (const PmemDevice* pmem :
       session.machine->PmemsIn(0, std::numeric_limits<uint64_t>::max())) {
    const uint64_t start = pmem->options().base;
    const std::string range =
        absl::StrFormat("%08x-%08x", start, start + pmem->options().size - 1);
    absl::StrAppend(&entry.text, range, " : Persistent Memory (legacy)\n");
    const std::string& name = pmem->options().name;
    if (!absl::StartsWith(name, "pmem")) continue;
    absl::StrAppend(&entry.text, "  ", range, " : ", NdName("namespace", name),
                    "\n");
  }
  return entry;
}

std::string PartitionsLine(const DiskFacts& f) {
  if (f.sectors == 0) return "";
  return absl::StrFormat("%4d  %7d %10d %s\n", f.dev.major_nr, f.dev.minor_nr,
                         f.sectors / 2, f.name);
}

}  // namespace dmdax
