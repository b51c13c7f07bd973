// SPDX-License-Identifier: Apache-2.0
//
// Building and changing the two worlds.  Comparing them is in
// compare_worlds.cc.
#include "tests/property/random_stack.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace dmdax::property {
namespace {

const KernelProfile& ProfileFor(uint64_t seed) {
  const absl::Span<const KernelProfile> all = AllKernelProfiles();
  return all[seed % all.size()];
}

bool RefusedForType(const absl::Status& s) {
  return absl::StrContains(s.message(), "can't change device type");
}

}  // namespace

RandomStack::RandomStack(uint64_t seed)
    : dice_(seed),
      machine_(ProfileFor(seed)),
      ctl_(machine_),
      naive_(machine_.profile().release.major,
             machine_.profile().release.minor),
      aligned_(dice_.Percent(60)),
      depth_(static_cast<int>(dice_.Range(1, 8))),
      next_base_(dice_.OneOf({0, 1, 1 << 20, uint64_t{1} << 38}) * kPageSize) {
  Say(absl::StrCat("kernel ", machine_.profile().name));
}

void RandomStack::AddOnePmem(int number) {
  const std::string name = absl::StrCat("pmem", number);
  NaivePmem naive;
  naive.base = next_base_ + dice_.Range(0, 600) * kPageSize;
  naive.data_offset = dice_.OneOf({0, 0, 1, 512, 2080}) * kPageSize;
  naive.sectors = dice_.Range(40, 700) * kPageSectors;
  naive.has_pages = dice_.Percent(95);
  const uint64_t size = naive.data_offset + naive.sectors * kSectorSize;
  next_base_ = naive.base + size;
  absl::Status s = machine_
                       .AddPmem({.name = name,
                                 .base = naive.base,
                                 .size = size,
                                 .data_offset = naive.data_offset,
                                 .has_pages = naive.has_pages})
                       .status();
  Say(absl::StrCat("pmem ", name, " base ", naive.base, " size ", size,
                   " data_offset ", naive.data_offset, " has_pages ",
                   naive.has_pages, s.ok() ? "" : "  refused!"));
  if (dice_.Percent(15)) {
    naive.bad.resize(naive.sectors);
    const uint64_t begin = dice_.Range(0, naive.sectors - 1);
    const uint64_t len = std::min(dice_.Range(1, 100), naive.sectors - begin);
    std::fill_n(naive.bad.begin() + static_cast<int64_t>(begin), len, true);
    machine_.FindPmem(name)->SetBadblocks(sector_t{begin}, len);
    Say(absl::StrCat("bad sectors of ", name, ": ", begin, " + ", len));
  }
  naive_.AddPmem(name, naive);
  if (dice_.Percent(35)) {
    AddPartitions(name, naive.sectors);
  } else {
    memory_.push_back({name, naive.sectors});
  }
}

// A disk of which partitions are in use can not be used whole as well.
void RandomStack::AddPartitions(const std::string& whole, uint64_t sectors) {
  uint64_t start = 0;
  for (int i = 1; i <= 2; ++i) {
    start += dice_.Range(0, 70);
    uint64_t len = dice_.Range(64, sectors / 2 - 71);
    if (aligned_ || dice_.Percent(60)) {
      start = (start + 7) / 8 * 8;
      len = len / 8 * 8;
    }
    const std::string name = absl::StrCat(whole, "p", i);
    absl::Status s = machine_
                         .AddBlock({.name = name,
                                    .nr_sectors = len,
                                    .partition_of = whole,
                                    .start_sect = sector_t{start}})
                         .status();
    Say(absl::StrCat("partition ", name, " start ", start, " sectors ", len,
                     s.ok() ? "" : "  refused!"));
    naive_.AddPartition(name, whole, start, len);
    memory_.push_back({name, len});
    start += len;
  }
}

void RandomStack::AddMemory() {
  const int pmems = static_cast<int>(dice_.Range(1, 4));
  for (int i = 0; i < pmems; ++i) AddOnePmem(i);
  if (dice_.Percent(10)) {
    (void)machine_.AddBlock({.name = "loop0", .nr_sectors = 1000});
    Say("disk loop0 sectors 1000");
    naive_.AddDisk("loop0", 1000);
    memory_.push_back({"loop0", 1000});
  }
}

// What lies right below is likelier, so that stacks get their height.
std::vector<LegChoice> RandomStack::ChoicesBelow(int level) const {
  std::vector<LegChoice> choices = memory_;
  for (LegChoice& c : choices) c.weight = level == 1 ? 4 : 1;
  for (const Mapped& m : mapped_) {
    if (m.level >= level) continue;
    choices.push_back(
        {m.disk, naive_.Size(m.disk), m.level == level - 1 ? 24u : 1u});
  }
  return choices;
}

std::string RandomStack::AddMapped(int level) {
  const size_t number = mapped_.size();
  Mapped m{.disk = absl::StrCat("dm-", number),
           .dm_name = absl::StrCat("L", level, "_", number),
           .level = level};
  DmIoctl io{.name = m.dm_name};
  if (absl::Status s = ctl_.DevCreate(io); !s.ok()) {
    return absl::StrCat("create: ", s.message());
  }
  Say(absl::StrCat("create ", m.dm_name, " as ", m.disk));
  m.md = ctl_.FindDevice(m.dm_name);
  naive_.CreateMapped(m.disk);
  mapped_.push_back(std::move(m));
  std::string difference = Reload(mapped_.back());
  if (difference.empty() && dice_.Percent(aligned_ ? 99 : 96)) {
    difference = Resume(mapped_.back());
  }
  return difference;
}

std::string RandomStack::Build() {
  AddMemory();
  for (int level = 1; level <= depth_; ++level) {
    const uint64_t count = dice_.Range(1, level == depth_ ? 1 : 3);
    for (uint64_t i = 0; i < count; ++i) {
      if (std::string d = AddMapped(level); !d.empty()) return d;
    }
  }
  return "";
}

std::string RandomStack::Reload(Mapped& m) {
  const std::vector<RandomRow> rows =
      DrawTable(dice_, ChoicesBelow(m.level), aligned_);
  const std::string text = NaiveText(rows);
  const bool by_number = dice_.Percent(50);
  DmIoctl io{.name = m.dm_name};
  absl::Status s = ctl_.TableLoad(
      io, Specs(rows, [&](const auto& disk) {
        return by_number ? machine_.FindBdevByName(disk)->dev().ToString()
                         : absl::StrCat("/dev/", disk);
      }));
  Say(absl::StrCat("load ", m.dm_name, s.ok() ? "" : " (refused)", "\n", text));
  if (naive_.predicts_type() &&
      naive_.RefusesType(m.disk, text) != RefusedForType(s)) {
    return absl::StrCat("type of the table: dmdax says '", s.message(), "'");
  }
  if (!RefusedForType(s) && naive_.Load(m.disk, text) != s.ok()) {
    return absl::StrCat("load: dmdax says '", s.message(),
                        "', the walker the opposite");
  }
  DrawMaxSectors(m, false);
  return "";
}

std::string RandomStack::Resume(Mapped& m) {
  DmIoctl io{.name = m.dm_name};
  const absl::Status s = ctl_.DevSuspend(io);
  Say(absl::StrCat("resume ", m.dm_name, s.ok() ? "" : " (refused)"));
  if (naive_.Resume(m.disk) != s.ok()) {
    return absl::StrCat("resume: dmdax says '", s.message(),
                        "', the walker the opposite");
  }
  m.resumed |= s.ok();
  DrawMaxSectors(m, dice_.Percent(40));
  return "";
}

std::string RandomStack::SuspendAndResume(Mapped& m) {
  DmIoctl io{.flags = DM_SUSPEND_FLAG, .name = m.dm_name};
  if (absl::Status s = ctl_.DevSuspend(io); !s.ok()) {
    return absl::StrCat("suspend: ", s.message());
  }
  Say(absl::StrCat("suspend ", m.dm_name));
  // A suspended device answers as ever.
  if (std::string d = CompareDevice(m); !d.empty()) return d;
  return Resume(m);
}

// How the limits stack is another test's matter: the walker is told.
void RandomStack::DrawMaxSectors(Mapped& m, bool change) {
  RequestQueue& queue = m.md->disk().queue();
  if (change) {
    QueueLimits limits = queue.limits();
    limits.max_sectors = static_cast<uint32_t>(dice_.Percent(aligned_ ? 2 : 10)
                                                   ? dice_.Range(1, 15)
                                                   : dice_.Range(8, 1500));
    queue.SetLimits(limits);
  }
  naive_.SetMaxSectors(m.disk, queue.max_sectors());
  Say(absl::StrCat("max_sectors of ", m.disk, " is ", queue.max_sectors()));
}

std::string RandomStack::Change() {
  Mapped& m = mapped_[dice_.Range(0, mapped_.size() - 1)];
  if (!m.resumed && dice_.Percent(70)) return Resume(m);
  if (dice_.Percent(15)) {
    DrawMaxSectors(m, true);
    return "";
  }
  if (m.resumed && dice_.Percent(15)) return SuspendAndResume(m);
  std::string difference = Reload(m);
  // An inactive table changes nothing.
  if (difference.empty()) difference = CompareDevice(m);
  if (difference.empty()) difference = Resume(m);
  return difference;
}

std::string RandomStack::script() const {
  std::string all;
  for (const std::string& line : script_) absl::StrAppend(&all, line, "\n");
  return all;
}

}  // namespace dmdax::property
