// SPDX-License-Identifier: Apache-2.0
//
// DmTest: a fixture with a small machine and its device-mapper.
//
//   pmem0  259:0  64 MiB at 0x100000000       pmem1  259:1  64 MiB, 0x200000000
//   sda    8:0    64 MiB, no DAX              sdb    8:16   64 MiB, 4 KiB
//   blocks
//
//   class FooTest : public DmTest {};
//   TEST_F(FooTest, Loads) {
//     ASSERT_THAT(Create("d0", {Row(0, 2048, "linear", "/dev/pmem0 0")}),
//                 IsOk());
//     EXPECT_EQ(Table("d0"), "0 2048 linear 259:0 0\n");
//   }
#ifndef DMDAX_TESTS_DM_TESTING_H_
#define DMDAX_TESTS_DM_TESTING_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "dm/dm_ioctl.h"
#include "tests/testing.h"

namespace dmdax {

inline DmTargetSpec Row(uint64_t start, uint64_t length, std::string type,
                        std::string params = "") {
  return {sector_t{start}, length, std::move(type), std::move(params)};
}

// The machine above, with its kernel's log emptied.
inline std::unique_ptr<Machine> SmallMachine(const KernelProfile& profile) {
  auto machine = std::make_unique<Machine>(profile);
  for (uint64_t i : {0, 1}) {
    PmemOptions pmem;
    pmem.name = absl::StrCat("pmem", i);
    pmem.base = (i + 1) << 32;
    pmem.size = 64 << 20;
    EXPECT_THAT(machine->AddPmem(pmem), IsOk());
  }
  for (uint32_t i : {0, 1}) {
    BlockOptions disk;
    disk.name = i == 0 ? "sda" : "sdb";
    disk.nr_sectors = (64 << 20) / kSectorSize;
    disk.dev = DevT{8, i * 16};
    disk.limits.logical_block_size = i == 0 ? 512 : 4096;
    disk.limits.physical_block_size = disk.limits.logical_block_size;
    disk.limits.io_min = disk.limits.physical_block_size;
    disk.limits.max_sectors = profile.blk_def_max_sectors;
    disk.limits.max_hw_sectors = profile.blk_def_max_sectors;
    EXPECT_THAT(machine->AddBlock(disk), IsOk());
  }
  machine->log().TakeNew();
  return machine;
}

class DmTest : public testing::Test {
 protected:
  explicit DmTest(absl::string_view kernel = "v6_1") { Boot(kernel); }

  // A fresh machine with another kernel.
  void Boot(absl::string_view kernel) {
    ctl_.reset();
    machine_ = SmallMachine(**FindKernelProfile(kernel));
    ctl_ = std::make_unique<DmCtl>(*machine_);
  }

  DmCtl& ctl() { return *ctl_; }
  Machine& machine() { return *machine_; }
  std::vector<std::string> Log() { return machine_->log().TakeNew(); }
  MappedDevice& Md(absl::string_view name) { return *ctl_->FindDevice(name); }

  absl::Status New(absl::string_view name, absl::string_view uuid = "") {
    DmIoctl io{.name = std::string(name), .uuid = std::string(uuid)};
    return ctl_->DevCreate(io);
  }
  absl::Status Load(absl::string_view name,
                    const std::vector<DmTargetSpec>& rows, uint32_t flags = 0) {
    DmIoctl io{.flags = flags, .name = std::string(name)};
    return ctl_->TableLoad(io, rows);
  }
  absl::Status Suspend(absl::string_view name) {
    DmIoctl io{.flags = DM_SUSPEND_FLAG, .name = std::string(name)};
    return ctl_->DevSuspend(io);
  }
  absl::Status Resume(absl::string_view name) {
    DmIoctl io{.name = std::string(name)};
    return ctl_->DevSuspend(io);
  }
  absl::Status Remove(absl::string_view name, uint32_t flags = 0) {
    DmIoctl io{.flags = flags, .name = std::string(name)};
    return ctl_->DevRemove(io);
  }
  // Creates, loads, resumes, and makes the node that udev would make.
  absl::Status Create(absl::string_view name,
                      const std::vector<DmTargetSpec>& rows) {
    if (absl::Status s = New(name); !s.ok()) return s;
    if (absl::Status s = Load(name, rows); !s.ok()) return s;
    if (absl::Status s = Resume(name); !s.ok()) return s;
    machine_->AddNode(absl::StrCat("/dev/mapper/", name), Md(name).dev());
    return absl::OkStatus();
  }
  DmIoctl Info(absl::string_view name, uint32_t flags = 0) {
    DmIoctl io{.flags = flags, .name = std::string(name)};
    EXPECT_THAT(ctl_->DevStatus(io), IsOk());
    return io;
  }
  // As `dmsetup table` (or with other flags, status) prints it.
  std::string Table(absl::string_view name,
                    uint32_t flags = DM_STATUS_TABLE_FLAG) {
    DmIoctl io{.flags = flags, .name = std::string(name)};
    std::vector<DmTargetSpec> rows;
    EXPECT_THAT(ctl_->TableStatus(io, &rows), IsOk());
    std::string text;
    for (const DmTargetSpec& row : rows) {
      absl::StrAppend(&text, row.sector_start.value(), " ", row.length, " ",
                      row.target_type, row.params.empty() ? "" : " ",
                      row.params, "\n");
    }
    return text;
  }

 private:
  std::unique_ptr<Machine> machine_;
  std::unique_ptr<DmCtl> ctl_;
};

}  // namespace dmdax

#endif  // DMDAX_TESTS_DM_TESTING_H_
