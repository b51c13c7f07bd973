// SPDX-License-Identifier: Apache-2.0
#include "block/block_device.h"

#include <cerrno>
#include <optional>

#include "tests/testing.h"

namespace dmdax {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr unsigned kExclusive = FMODE_READ | FMODE_WRITE | FMODE_EXCL;

class NoOps : public DaxOperations {
 public:
  DaxAccess DirectAccess(pgoff_t, int64_t, DaxAccessMode, Trace*) override {
    return {};
  }
  int ZeroPageRange(pgoff_t, uint64_t, Trace*) override { return 0; }
  size_t RecoveryWrite(pgoff_t, uint64_t, absl::Span<const char>) override {
    return 0;
  }
};

class BlockDeviceTest : public testing::Test {
 protected:
  BlockDeviceTest() { disk_.queue().Set(QUEUE_FLAG_DAX, true); }

  DaxDevice* FsDax(BlockDevice& bdev, absl::string_view kernel = "v6_1") {
    return FsDaxGetByBdev(bdev, **FindKernelProfile(kernel), log_);
  }

  NoOps ops_;
  KernelLog log_;
  DaxDevice dax_{DefaultKernelProfile(), "pmem0", &ops_};
  BlockDevice disk_{DevT{259, 0}, "pmem0", 4096, &dax_};
  BlockDevice part_{DevT{259, 1}, "pmem0p1", disk_, sector_t{1024}, 2048};
};

TEST_F(BlockDeviceTest, OneHolderMayClaimAgainAnotherMayNot) {
  int dm = 0, fs = 0;
  EXPECT_THAT(disk_.Open(kExclusive, &dm), IsOk());
  EXPECT_THAT(disk_.Open(kExclusive, &dm), IsOk());
  EXPECT_THAT(disk_.Open(kExclusive, &fs), HasErrno(EBUSY));
  EXPECT_EQ(disk_.openers(), 2) << "a refused open does not count";
  disk_.Close(kExclusive);
  EXPECT_THAT(disk_.Open(kExclusive, &fs), HasErrno(EBUSY));
  disk_.Close(kExclusive);
  EXPECT_THAT(disk_.Open(kExclusive, &fs), IsOk());
}

TEST_F(BlockDeviceTest, PlainOpensClaimNothing) {
  int dm = 0;
  EXPECT_THAT(disk_.Open(kExclusive, &dm), IsOk());
  EXPECT_THAT(disk_.Open(FMODE_READ, nullptr), IsOk());
  EXPECT_EQ(disk_.openers(), 2);
}

TEST_F(BlockDeviceTest, DiskAndPartitionExcludeEachOther) {
  int dm = 0;
  EXPECT_THAT(part_.Open(kExclusive, &dm), IsOk());
  EXPECT_THAT(disk_.Open(kExclusive, &dm), HasErrno(EBUSY));
  part_.Close(kExclusive);
  EXPECT_THAT(disk_.Open(kExclusive, &dm), IsOk());
  EXPECT_THAT(part_.Open(kExclusive, &dm), HasErrno(EBUSY));
}

TEST_F(BlockDeviceTest, PartitionsDoNotExcludeEachOther) {
  BlockDevice other(DevT{259, 2}, "pmem0p2", disk_, sector_t{3072}, 1024);
  int dm = 0, fs = 0;
  EXPECT_THAT(part_.Open(kExclusive, &dm), IsOk());
  EXPECT_THAT(other.Open(kExclusive, &fs), IsOk());
}

TEST_F(BlockDeviceTest, OperationsMayRefuseAnOpen) {
  struct Refuses : BlockDeviceOperations {
    absl::Status Open() override { return ErrnoError(ENXIO, "going"); }
    void Release() override { ++releases; }
    int releases = 0;
  } refuses;
  BlockDevice md(DevT{254, 0}, "dm-0", 8, nullptr, &refuses);
  EXPECT_THAT(md.Open(kExclusive, &refuses), HasErrno(ENXIO));
  EXPECT_EQ(md.openers(), 0);
  EXPECT_EQ(refuses.releases, 0);
}

TEST_F(BlockDeviceTest, APartitionBorrowsQueueAndDax) {
  EXPECT_TRUE(part_.is_partition());
  EXPECT_EQ(&part_.whole(), &disk_);
  EXPECT_EQ(&part_.queue(), &disk_.queue());
  EXPECT_EQ(part_.host_dax_dev(), &dax_);
  EXPECT_EQ(FsDax(part_), &dax_);
}

TEST_F(BlockDeviceTest, FsDaxNeedsTheQueueFlag) {
  disk_.queue().Set(QUEUE_FLAG_DAX, false);
  EXPECT_EQ(FsDax(disk_), nullptr);
  EXPECT_THAT(log_.TakeNew(), IsEmpty()) << "silently";
  EXPECT_EQ(FsDax(disk_, "v5_10"), &dax_) << "older kernels look later";
}

TEST_F(BlockDeviceTest, FsDaxNeedsWholePagesSince5_16) {
  BlockDevice start(DevT{259, 3}, "pmem0p3", disk_, sector_t{1}, 8);
  BlockDevice size(DevT{259, 4}, "pmem0p4", disk_, sector_t{8}, 9);
  EXPECT_EQ(FsDax(start), nullptr);
  EXPECT_EQ(FsDax(size), nullptr);
  EXPECT_THAT(log_.TakeNew(),
              ElementsAre("pmem0p3: error: unaligned partition for dax",
                          "pmem0p4: error: unaligned partition for dax"));
  EXPECT_EQ(FsDax(start, "v5_10"), &dax_);
}

TEST_F(BlockDeviceTest, FsDaxNeedsALiveDevice) {
  dax_.Kill();
  EXPECT_EQ(FsDax(disk_), nullptr);
  BlockDevice sda(DevT{8, 0}, "sda", 4096, nullptr);
  EXPECT_EQ(FsDax(sda), nullptr);
}

}  // namespace
}  // namespace dmdax
