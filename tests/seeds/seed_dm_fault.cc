// SPDX-License-Identifier: Apache-2.0
//
// Seed 003: a file on a mapped device, touched.
#include <sys/mman.h>

#include "absl/strings/str_cat.h"
#include "tests/seeds/lab.h"
#include "tests/seeds/row.h"

namespace dmdax::seeds {
namespace {

// fs/dax.c asks for the sector that iomap_begin gave; the device answers.
std::string FileToSectorToFrame() {
  std::string said;
  for (const char* kernel : {"v5_10", "v6_1"}) {
    DmLab lab(kernel);
    (void)lab.Create("d", "0 32768 linear /dev/pmem0 4096\n");
    FileLab file(kernel, "ext4", &lab.Md("d").dax_dev());
    file.Extent(0, 4 << 20, 1 << 20);
    (void)file.Map();
    const std::string touch = file.TouchWords(k4K, false);
    absl::StrAppend(&said, kernel, ": ", touch, "\n",
                    Words(*file.profile, file.recorder));
  }
  return said;
}

// A file with 2 MiB at 2 MiB of `table`, touched at its start.
std::string TouchOn(const char* kernel, const char* table, bool write) {
  DmLab lab(kernel);
  (void)lab.Create("d", table);
  FileLab file(kernel, "ext4", &lab.Md("d").dax_dev());
  file.Extent(0, k2M, k2M);
  (void)file.Map();
  return file.TouchWords(0, write);
}

// What dax_iomap_pfn makes of the device's answer.
std::string FrameChecks() {
  std::string said;
  for (const char* kernel : {"v4_14", "v5_10", "v6_1"}) {
    absl::StrAppend(&said, kernel, ":\n  leg from sector 1: ",
                    TouchOn(kernel, "0 32768 linear /dev/pmem0 1\n", false),
                    "\n  leg from sector 8: ",
                    TouchOn(kernel, "0 32768 linear /dev/pmem0 8\n", false),
                    "\n");
  }
  return said;
}

std::string HugePagesThroughDm() {
  std::string said;
  const std::pair<const char*, const char*> tables[] = {
      {"linear from 4096", "0 65536 linear /dev/pmem0 4096\n"},
      {"linear from 4104", "0 65536 linear /dev/pmem0 4104\n"},
      {"striped, chunk 4096",
       "0 65536 striped 2 4096 /dev/pmem0 0 /dev/pmem1 0\n"},
      {"striped, chunk 2048",
       "0 65536 striped 2 2048 /dev/pmem0 0 /dev/pmem1 0\n"},
  };
  for (const char* kernel : {"v4_14", "v5_10", "v6_1", "v6_12", "v7_2"}) {
    absl::StrAppend(&said, kernel, ":\n");
    for (const auto& [what, table] : tables) {
      absl::StrAppend(&said, "  ", what, ": ", TouchOn(kernel, table, true),
                      "\n");
    }
  }
  return said;
}

std::string PoisonThroughDm() {
  std::string said;
  for (const char* kernel : {"v4_14", "v6_1", "v6_12", "v7_2"}) {
    DmLab lab(kernel);
    (void)lab.Create("d", "0 65536 linear /dev/pmem0 4096\n");
    // The fourth page of the file lies here.
    lab.machine->FindPmem("pmem0")->SetBadblocks(sector_t(4096 + 4096 + 24), 1);
    FileLab file(kernel, "ext4", &lab.Md("d").dax_dev());
    file.Extent(0, k2M, 1 << 20);
    (void)file.Map();
    const std::string beside = file.TouchWords(0, false);
    const std::string on_it = file.TouchWords(3 * k4K, false);
    absl::StrAppend(
        &said, kernel, ": page 512, 8 asked: ", lab.Access("d", 512, 8),
        "; 1 asked: ", lab.Access("d", 512, 1),
        "\n  touched beside it: ", beside, "\n  touched on it: ", on_it, "\n");
  }
  return said;
}

// write(2) goes in by DAX_RECOVERY_WRITE, a mode since 6.0.
std::string RecoveryHeals() {
  std::string said = PoisonThroughDm();
  for (const char* kernel : {"v6_1", "v6_12"}) {
    DmLab lab(kernel);
    (void)lab.Create("d", "0 65536 linear /dev/pmem0 4096\n");
    lab.machine->FindPmem("pmem0")->SetBadblocks(sector_t(4096 + 4096 + 24), 1);
    DaxDevice* dax_dev = &lab.Md("d").dax_dev();
    const std::string bytes(k4K, 'x');
    DaxReadLock lock;
    const int64_t pages =
        DaxDirectAccess(dax_dev, pgoff_t(515), 1, DaxAccessMode::kRecoveryWrite,
                        nullptr)
            .ret;
    const size_t written = DaxRecoveryWrite(dax_dev, pgoff_t(515), 0, bytes);
    absl::StrAppend(&said, kernel, ": recovery of the page: ", pages, " page, ",
                    written, " bytes written; then page 512, ",
                    "8 asked: ", lab.Access("d", 512, 8), "\n");
  }
  return said;
}

std::string SynchronousLegs() {
  std::string said;
  for (const char* kernel : {"v4_14", "v5_10", "v6_1"}) {
    DmLab lab(kernel);
    PmemOptions virtio{
        .name = "pmem2", .base = uint64_t{3} << 32, .size = 64 << 20};
    virtio.synchronous = false;
    (void)lab.machine->AddPmem(virtio);
    (void)lab.Create("sync",
                     "0 32768 linear /dev/pmem0 0\n"
                     "32768 32768 linear /dev/pmem1 0\n");
    (void)lab.Create("async",
                     "0 32768 linear /dev/pmem0 0\n"
                     "32768 32768 linear /dev/pmem2 0\n");
    for (const char* name : {"sync", "async"}) {
      FileLab file(kernel, "ext4", &lab.Md(name).dax_dev());
      file.Extent(0, k2M, k2M);
      absl::StrAppend(&said, kernel, ": ", name, ": mmap MAP_SYNC: ",
                      Words(file.Map(MAP_SHARED_VALIDATE | MAP_SYNC)), "\n");
    }
  }
  return said;
}

}  // namespace

absl::Span<const SeedRow> DmFaultRows() {
  static constexpr SeedRow kRows[] = {
      {"3.10", "dax_iomap_pte_fault: iomap_begin gives the sector",
       FileToSectorToFrame},
      {"3.11", "dax_iomap_pfn: what it checks", FrameChecks},
      {"3.16", "PMD through dm", HugePagesThroughDm},
      {"3.17", "poison through dm", RecoveryHeals},
      {"3.18", "synchronous: all legs or no MAP_SYNC", SynchronousLegs},
  };
  return kRows;
}

}  // namespace dmdax::seeds
