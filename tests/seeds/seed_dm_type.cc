// SPDX-License-Identifier: Apache-2.0
//
// Seed 003: when is a mapped device DAX, and who looks it up.
#include "absl/strings/str_cat.h"
#include "tests/seeds/lab.h"
#include "tests/seeds/row.h"

namespace dmdax::seeds {
namespace {

constexpr const char* kDmKernels[] = {"v4_14", "v5_10", "v6_1", "v6_12",
                                      "v7_2"};

// What the kernel has logged, each line once.
std::string LogWords(DmLab& lab) {
  std::string words;
  std::string last;
  for (const std::string& line : lab.Log()) {
    if (line != last) absl::StrAppend(&words, "; log: ", line);
    last = line;
  }
  return words;
}

std::string AllTargetsAndAllLegs() {
  const std::pair<const char*, const char*> tables[] = {
      {"pmem + pmem",
       "0 2048 linear /dev/pmem0 0\n"
       "2048 2048 linear /dev/pmem1 0\n"},
      {"pmem + loop",
       "0 2048 linear /dev/pmem0 0\n"
       "2048 2048 linear /dev/loop0 0\n"},
      {"pmem + error", "0 2048 linear /dev/pmem0 0\n2048 8 error\n"},
      {"pmem + zero", "0 2048 linear /dev/pmem0 0\n2048 8 zero\n"},
      {"crypt",
       "0 2048 crypt aes-xts-plain64 "
       "0123456789abcdef0123456789abcdef"
       "0123456789abcdef0123456789abcdef 0 /dev/pmem0 0\n"},
      {"striped pmem loop", "0 4096 striped 2 8 /dev/pmem0 0 /dev/loop0 0\n"},
      {"striped pmem pmem", "0 4096 striped 2 8 /dev/pmem0 0 /dev/pmem1 0\n"},
  };
  std::string said;
  for (const char* kernel : kDmKernels) {
    DmLab lab(kernel);
    absl::StrAppend(&said, kernel, ":\n");
    int i = 0;
    for (const auto& [what, table] : tables) {
      const std::string name = absl::StrCat("d", i++);
      const absl::Status s = lab.Create(name, table);
      absl::StrAppend(&said, "  ", what, ": ",
                      s.ok() ? lab.Type(name) : Words(s), "\n");
    }
  }
  return said;
}

std::string TypeIsDeterminedAndKept() {
  std::string said;
  const char* dax = "0 2048 linear /dev/pmem0 0\n";
  const char* bio = "0 2048 linear /dev/loop0 0\n";
  for (const char* kernel : kDmKernels) {
    DmLab lab(kernel);
    (void)lab.Create("dax", dax);
    (void)lab.Create("bio", bio);
    const std::string to_dax = Words(lab.Load("bio", dax));
    const std::string to_bio = Words(lab.Load("dax", bio));
    const std::string log = LogWords(lab);
    absl::StrAppend(&said, kernel, ": dax ", lab.Type("dax"), "; bio ",
                    lab.Type("bio"), "\n  bio -> dax: ", to_dax,
                    "\n  dax -> bio: ", to_bio, log, "\n");
  }
  return said;
}

std::string TypeIsSetByTheFirstLoad() {
  DmLab lab("v6_1");
  DmIoctl io{.name = "d"};
  (void)lab.ctl->DevCreate(io);
  std::string said =
      absl::StrCat("created: type ", static_cast<int>(lab.Md("d").type()));
  (void)lab.Load("d", "0 2048 linear /dev/pmem0 0\n");
  absl::StrAppend(&said, "\nloaded, not resumed: type ",
                  static_cast<int>(lab.Md("d").type()));
  // A table without devices is whatever the device is already.
  absl::StrAppend(&said,
                  "\nthen a zero table: ", Words(lab.Load("d", "0 8 zero\n")));
  const absl::Status resumed = lab.Resume("d");
  absl::StrAppend(&said, "\nresumed: ", Words(resumed), ", type ",
                  static_cast<int>(lab.Md("d").type()), "\n");
  return said;
}

std::string WhoAsksDaxSupported() {
  std::string said;
  for (const char* kernel : kDmKernels) {
    DmLab lab(kernel);
    PmemOptions raw{
        .name = "pmem2", .base = uint64_t{3} << 32, .size = 64 << 20};
    raw.has_pages = false;
    (void)lab.machine->AddPmem(raw);
    lab.Log();
    absl::StrAppend(&said, kernel, ":\n");
    const std::pair<const char*, const char*> tables[] = {
        {"whole pages", "0 2048 linear /dev/pmem0 0\n"},
        {"from sector 1", "0 2040 linear /dev/pmem0 1\n"},
        {"no struct pages", "0 2048 linear /dev/pmem2 0\n"},
    };
    int i = 0;
    for (const auto& [what, table] : tables) {
      const std::string name = absl::StrCat("d", i++);
      const absl::Status s = lab.Create(name, table);
      const std::string log = LogWords(lab);
      absl::StrAppend(&said, "  ", what, ": ",
                      s.ok() ? lab.Type(name) : Words(s), log, "\n");
    }
  }
  return said;
}

std::string EveryDeviceOwnsADaxDevice() {
  std::string said;
  for (const char* kernel : kDmKernels) {
    DmLab lab(kernel);
    DmIoctl io{.name = "d"};
    (void)lab.ctl->DevCreate(io);
    absl::StrAppend(&said, kernel,
                    ": without a table: ", lab.Access("d", 0, 1));
    (void)lab.Create("bio", "0 2048 linear /dev/loop0 0\n");
    DaxDevice* by_bdev =
        FsDaxGetByBdev(lab.Md("bio").disk(), *lab.profile, lab.machine->log());
    absl::StrAppend(&said, "; fs_dax_get_by_bdev of a bio device: ",
                    by_bdev == nullptr ? "NULL" : "its dax_device", "\n");
  }
  return said;
}

std::string AllocDaxAtCreation() {
  DmLab lab("v6_1");
  DmIoctl io{.name = "d"};
  const absl::Status created = lab.ctl->DevCreate(io);
  DaxDevice& dax_dev = lab.Md("d").dax_dev();
  return absl::StrCat(
      "DM_DEV_CREATE: ", Words(created), ", ", lab.Md("d").disk().name(),
      "\ndax_device: ", dax_dev.alive() ? "alive" : "dead",
      ", its host disk's: ",
      lab.Md("d").disk().host_dax_dev() == &dax_dev ? "yes" : "no",
      ", operations: ", dax_dev.ops() != nullptr ? "dm_dax_ops" : "none",
      "\nemulated: alloc_dax() can not fail here\n");
}

std::string OneDaxDevicePerTableDevice() {
  DmLab lab("v6_1");
  (void)lab.Create("d",
                   "0 2048 linear /dev/pmem0 0\n"
                   "2048 2048 linear /dev/pmem0 4096\n"
                   "4096 2048 linear /dev/pmem1 0\n");
  std::string said;
  for (const DmDev* dev : lab.Md("d").TableDevices()) {
    absl::StrAppend(
        &said, dev->name, ": dax_dev ",
        dev->dax_dev == dev->bdev->host_dax_dev() ? "the disk's" : "another",
        "\n");
  }
  return said;
}

std::string PartitionsWholeDisk() {
  std::string said;
  for (const char* kernel : kDmKernels) {
    absl::StrAppend(&said, kernel, ":\n");
    for (const uint64_t start : {2048, 2049}) {
      DmLab lab(kernel);
      (void)lab.machine->AddBlock({.name = "pmem0p1",
                                   .nr_sectors = 8192,
                                   .partition_of = "pmem0",
                                   .start_sect = sector_t(start)});
      lab.Log();
      const absl::Status s = lab.Create("d", "0 8192 linear /dev/pmem0p1 0\n");
      const std::string log = LogWords(lab);
      absl::StrAppend(&said, "  partition from sector ", start, ": ",
                      s.ok() ? lab.Type("d") : Words(s),
                      "; page 0: ", lab.Access("d", 0, 1), log, "\n");
    }
  }
  return said;
}

}  // namespace

absl::Span<const SeedRow> DmTypeRows() {
  static constexpr SeedRow kRows[] = {
      {"3.1", "capability: all targets, every leg", AllTargetsAndAllLegs},
      {"3.2", "table_load: the type is determined, and kept",
       TypeIsDeterminedAndKept},
      {"3.3", "mapped_device->type: set by the first load",
       TypeIsSetByTheFirstLoad},
      {"3.4", "device_not_dax_capable: who asks what", WhoAsksDaxSupported},
      {"3.5", "every dm device owns a dax_dev", EveryDeviceOwnsADaxDevice},
      {"3.6", "DM_DEV_CREATE: alloc_dev, alloc_dax", AllocDaxAtCreation},
      {"3.7", "dm_dev->dax_dev: one for each table_device",
       OneDaxDevicePerTableDevice},
      {"3.8", "dm_get_device: how a leg's dax_device is looked up",
       PartitionsWholeDisk},
  };
  return kRows;
}

}  // namespace dmdax::seeds
