// SPDX-License-Identifier: Apache-2.0
#include "block/machine.h"

#include <cerrno>
#include <ctime>

#include "absl/strings/str_cat.h"
#include "tests/testing.h"

namespace dmdax {
namespace {

using testing::HasSubstr;

PmemOptions Pmem(std::string name, uint64_t base) {
  PmemOptions o;
  o.name = std::move(name);
  o.base = base;
  o.size = 1 << 20;
  return o;
}

BlockOptions Disk(std::string name, uint64_t nr_sectors) {
  BlockOptions o;
  o.name = std::move(name);
  o.nr_sectors = nr_sectors;
  return o;
}

class MachineTest : public testing::Test {
 protected:
  Machine machine_{DefaultKernelProfile()};
};

TEST_F(MachineTest, PmemGetsNumberNodeAndQueue) {
  absl::StatusOr<BlockDevice*> bdev = machine_.AddPmem(Pmem("pmem0", 1 << 20));
  ASSERT_THAT(bdev, IsOk());
  EXPECT_EQ((*bdev)->dev(), (DevT{259, 0}));
  EXPECT_EQ((*bdev)->nr_sectors(), 2048u);
  EXPECT_TRUE((*bdev)->queue().Has(QUEUE_FLAG_DAX));
  EXPECT_EQ((*bdev)->queue().limits().physical_block_size, 4096u);
  EXPECT_EQ((*bdev)->queue().max_sectors(), 2560u);
  EXPECT_THAT(machine_.LookupBdev("/dev/pmem0"), IsOkAndHolds(DevT{259, 0}));
  EXPECT_NE(machine_.FindPmem("pmem0"), nullptr);
  EXPECT_EQ(machine_.FindBlockOptions("pmem0"), nullptr);
}

TEST_F(MachineTest, RawNamespacesAreDaxOnOldKernelsOnly) {
  PmemOptions raw = Pmem("pmem0", 0);
  raw.has_pages = false;
  Machine old(**FindKernelProfile("v4_14"));
  EXPECT_TRUE((*old.AddPmem(raw))->queue().Has(QUEUE_FLAG_DAX));
  EXPECT_FALSE((*machine_.AddPmem(raw))->queue().Has(QUEUE_FLAG_DAX));
}

TEST_F(MachineTest, OverlappingPmemIsNamed) {
  ASSERT_THAT(machine_.AddPmem(Pmem("pmem0", 1 << 20)), IsOk());
  EXPECT_THAT(machine_.AddPmem(Pmem("pmem1", (1 << 20) + 4096)),
              HasErrno(EBUSY, HasSubstr("overlaps 'pmem0' at "
                                        "0x100000-0x1fffff")));
  EXPECT_THAT(machine_.AddPmem(Pmem("pmem1", 2 << 20)), IsOk());
}

TEST_F(MachineTest, OnlyWhatOverlapsIsRefused) {
  ASSERT_THAT(machine_.AddPmem(Pmem("b", 4 << 20)), IsOk());
  ASSERT_THAT(machine_.AddPmem(Pmem("a", 8 << 20)), IsOk());
  PmemOptions wide = Pmem("c", 2 << 20);
  wide.size = 16 << 20;
  EXPECT_THAT(machine_.AddPmem(wide), HasErrno(EBUSY, HasSubstr("'a'")));
  wide.size = 6 << 20;
  EXPECT_THAT(machine_.AddPmem(wide), HasErrno(EBUSY, HasSubstr("'b'")));
  wide.size = 2 << 20;
  EXPECT_THAT(machine_.AddPmem(wide), IsOk());
  EXPECT_THAT(machine_.AddPmem(Pmem("d", 5 << 20)), IsOk());
  ASSERT_THAT(machine_.Remove("b"), IsOk());
  EXPECT_THAT(machine_.AddPmem(Pmem("b", 4 << 20)), IsOk());
}

TEST_F(MachineTest, FreedNumbersAreDealtOutAgain) {
  for (const char* name : {"sda", "sdb", "sdc"}) {
    ASSERT_THAT(machine_.AddBlock(Disk(name, 8)), IsOk());
  }
  ASSERT_THAT(machine_.Remove("sdb"), IsOk());
  EXPECT_EQ((*machine_.AddBlock(Disk("sdd", 8)))->dev(), (DevT{259, 1}));
  EXPECT_EQ((*machine_.AddBlock(Disk("sde", 8)))->dev(), (DevT{259, 3}));
}

// Each used to be compared with all others: minutes.
TEST_F(MachineTest, AHundredThousandDisks) {
  constexpr uint32_t kDisks = 50'000;
  const clock_t start = clock();
  for (uint32_t i = 0; i < kDisks; ++i) {
    const uint64_t base = uint64_t{i} << 20;
    ASSERT_THAT(machine_.AddPmem(Pmem(absl::StrCat("pmem", i), base)), IsOk());
    ASSERT_THAT(machine_.AddBlock(Disk(absl::StrCat("sd", i), 8)), IsOk());
  }
  EXPECT_EQ(machine_.FindBdevByName("sd49999")->dev(),
            (DevT{259, 2 * kDisks - 1}));
  EXPECT_LT((clock() - start) / CLOCKS_PER_SEC, 20);
}

TEST_F(MachineTest, NamesAndNumbersAreUnique) {
  ASSERT_THAT(machine_.AddPmem(Pmem("pmem0", 0)), IsOk());
  EXPECT_THAT(machine_.AddBlock(Disk("pmem0", 8)), HasErrno(EEXIST));
  BlockOptions same = Disk("sda", 8);
  same.dev = DevT{259, 0};
  EXPECT_THAT(machine_.AddBlock(same), HasErrno(EEXIST));
  same.dev = DevT{4096, 0};
  EXPECT_THAT(machine_.AddBlock(same), HasErrno(EINVAL));
  for (const char* bad : {"", "a/b", "a b",
                          "0123456789012345678901234567890"
                          "1"}) {
    EXPECT_THAT(machine_.AddBlock(Disk(bad, 8)), HasErrno(EINVAL)) << bad;
  }
}

TEST_F(MachineTest, DisksHaveOneTo2To54Sectors) {
  EXPECT_THAT(machine_.AddBlock(Disk("a", 0)), HasErrno(EINVAL));
  EXPECT_THAT(machine_.AddBlock(Disk("a", uint64_t{1} << 54)),
              HasErrno(EINVAL));
  EXPECT_THAT(machine_.AddBlock(Disk("a", (uint64_t{1} << 54) - 1)), IsOk());
}

TEST_F(MachineTest, PartitionsLieInsideTheirDisk) {
  ASSERT_THAT(machine_.AddPmem(Pmem("pmem0", 0)), IsOk());
  BlockOptions part = Disk("pmem0p1", 1024);
  part.partition_of = "pmem0";
  part.start_sect = sector_t{1025};
  EXPECT_THAT(machine_.AddBlock(part), HasErrno(EINVAL, HasSubstr("1024")));
  part.start_sect = sector_t{~uint64_t{0}};
  EXPECT_THAT(machine_.AddBlock(part), HasErrno(EINVAL));
  part.start_sect = sector_t{1024};
  EXPECT_THAT(machine_.AddBlock(part), IsOk());
  BlockOptions nested = Disk("p", 8);
  nested.partition_of = "pmem0p1";
  EXPECT_THAT(machine_.AddBlock(nested), HasErrno(ENOENT));
}

TEST_F(MachineTest, WhatIsInUseStays) {
  ASSERT_THAT(machine_.AddPmem(Pmem("pmem0", 0)), IsOk());
  BlockOptions part = Disk("pmem0p1", 8);
  part.partition_of = "pmem0";
  ASSERT_THAT(machine_.AddBlock(part), IsOk());
  EXPECT_THAT(machine_.Remove("pmem0"), HasErrno(EBUSY, HasSubstr("pmem0p1")));
  BlockDevice* bdev = machine_.FindBdevByName("pmem0p1");
  ASSERT_THAT(bdev->Open(FMODE_READ, nullptr), IsOk());
  EXPECT_THAT(machine_.Remove("pmem0p1"), HasErrno(EBUSY));
  bdev->Close(FMODE_READ);
  EXPECT_THAT(machine_.Remove("pmem0p1"), IsOk());
  EXPECT_THAT(machine_.Remove("pmem0"), IsOk());
  EXPECT_THAT(machine_.Remove("pmem0"), HasErrno(ENOENT));
  EXPECT_THAT(machine_.LookupBdev("/dev/pmem0"), HasErrno(ENOENT));
  EXPECT_TRUE(machine_.BlockDevices().empty());
}

TEST_F(MachineTest, FreedNumbersAreUsedAgain) {
  ASSERT_THAT(machine_.AddPmem(Pmem("pmem0", 0)), IsOk());
  ASSERT_THAT(machine_.AddPmem(Pmem("pmem1", 1 << 20)), IsOk());
  ASSERT_THAT(machine_.Remove("pmem0"), IsOk());
  absl::StatusOr<BlockDevice*> again = machine_.AddPmem(Pmem("pmem2", 0));
  ASSERT_THAT(again, IsOk());
  EXPECT_EQ((*again)->dev(), (DevT{259, 0}));
}

TEST_F(MachineTest, DevicesOwnedElsewhereComeAndGo) {
  BlockDevice dm(DevT{254, 3}, "dm-3", 8, nullptr);
  machine_.AddDisk(&dm);
  machine_.AddNode("/dev/mapper/home", dm.dev());
  EXPECT_EQ(machine_.FindBdev(DevT{254, 3}), &dm);
  EXPECT_EQ(machine_.FindBdevByName("dm-3"), &dm);
  EXPECT_THAT(machine_.LookupBdev("/dev/mapper/home"), IsOk());
  machine_.RemoveNode("/dev/mapper/home");
  machine_.DelDisk(&dm);
  EXPECT_EQ(machine_.FindBdev(DevT{254, 3}), nullptr);
  EXPECT_TRUE(machine_.Nodes().empty());
  EXPECT_THAT(machine_.Remove("dm-3"), HasErrno(ENOENT));
}

}  // namespace
}  // namespace dmdax
