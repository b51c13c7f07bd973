// SPDX-License-Identifier: Apache-2.0
//
// The examples of block/.
#include <string>
#include <vector>

#include "block/absent_objects.h"
#include "block/blk_request_module.h"
#include "block/changed_devices.h"
#include "block/disk_bytes.h"
#include "block/disk_files.h"
#include "block/machine.h"
#include "block/nd_name.h"
#include "block/queue_sysfs.h"
#include "tests/examples/examples.h"

namespace dmdax {
namespace {

class BlockExamples : public testing::Test {
 protected:
  const KernelProfile& profile = DefaultKernelProfile();
  Machine hardware{profile};
  KernelLog& log = hardware.log();
  BlockDevice* disk =
      hardware.AddPmem({.name = "pmem0", .base = 1ull << 32, .size = 1 << 29})
          .value();
};

TEST_F(BlockExamples, AbsentObjects) {
  struct OneDisk final : AbsentObjects {
    bool Has(By, absl::string_view) override { return true; }
    void Need(By, absl::string_view name) override {
      needed = std::string(name);
    }
    void NeedAll() override {}
    void NeedUserSpace() override {}
    std::string needed;
  } one_disk;
  AbsentObjects* const absent = &one_disk;
#include "tests/examples/block/absent_objects.inc"
  EXPECT_EQ(one_disk.needed, "pmem1");
}

TEST_F(BlockExamples, BlkRequestModule) {
  Machine& machine = hardware;
  BlockOptions loop0 = {.name = "loop0", .dev = DevT{7, 0}};
  loop0.empty = true;
  ASSERT_THAT(machine.AddBlock(loop0), IsOk());
#include "tests/examples/block/blk_request_module.inc"
  ASSERT_NE(bdev, nullptr);
  EXPECT_EQ(bdev->name(), "loop9");
}

TEST_F(BlockExamples, BlockDevice) {
  BlockDevice* bdev = disk;
#include "tests/examples/block/block_device.inc"
  EXPECT_NE(dax, nullptr);
}

TEST_F(BlockExamples, ChangedDevices) {
  Machine& machine = hardware;
  int all = 0;
  std::vector<BlockDevice*> some;
  const auto look = [&] {
    const auto LookAtAll = [&] { ++all; };
    const auto LookAt = [&](BlockDevice* bdev) { some.push_back(bdev); };
#include "tests/examples/block/changed_devices.inc"
  };
  look();
  machine.SetBlockCapacity(*disk, 8);
  look();
  EXPECT_EQ(all, 1);
  EXPECT_EQ(some, std::vector<BlockDevice*>{disk});
}

TEST_F(BlockExamples, DiskBytes) {
#include "tests/examples/block/disk_bytes.inc"
  EXPECT_EQ(got[511], 'x');
}

TEST_F(BlockExamples, DiskFiles) {
  [[maybe_unused]] const auto make = [](DiskFiles* files) {
#include "tests/examples/block/disk_files.inc"
  };
}

TEST_F(BlockExamples, Machine){
#include "tests/examples/block/machine.inc"
}

TEST_F(BlockExamples, NdName){
#include "tests/examples/block/nd_name.inc"
}

TEST_F(BlockExamples, QueueLimits) {
  BlockDevice& leg = *disk;
  const sector_t start{1};
#include "tests/examples/block/queue_limits.inc"
  EXPECT_EQ(t.logical_block_size, 512);
}

TEST_F(BlockExamples, QueueSysfs) {
  BlockDevice& bdev = *disk;
  QueueLimits limits = bdev.queue().limits();
  limits.max_hw_sectors = 16384;
  bdev.queue().SetLimits(limits);
#include "tests/examples/block/queue_sysfs.inc"
  EXPECT_EQ(bdev.queue().max_sectors(), 8192);
}

}  // namespace
}  // namespace dmdax
