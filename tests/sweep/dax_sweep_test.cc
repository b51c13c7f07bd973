// SPDX-License-Identifier: Apache-2.0
//
// What random worlds do not show of sweeps: how few faults they take.
#include "process/sweep/dax_sweep.h"

#include <cerrno>

#include "base/kernel_profile.h"
#include "tests/dm_testing.h"

namespace dmdax {
namespace {

constexpr uint64_t kTiB = uint64_t{1} << 40;

class DaxSweepTest : public DmTest {
 protected:
  // A file over all of `disk`, by xfs, which has no limit that matters here.
  absl::StatusOr<DaxSweep> Sweep(const std::string& disk, int order) {
    user_ =
        std::make_unique<UserSpace>(machine(), DefaultKernelProfile().fault);
    BlockDevice& bdev = *machine().FindBdevByName(disk);
    MountPoint* mount =
        *user_->Mount({.path = "/mnt",
                       .request = {.type = "xfs", .options = "dax=always"},
                       .claim = DeviceClaim::kShared},
                      bdev);
    const uint64_t bytes = bdev.nr_sectors() * kSectorSize;
    EXPECT_THAT(mount->AddFile({.name = "f", .extents = {{.length = bytes}}}),
                IsOk());
    return SweepDax(
        *user_,
        {.file = *user_->Open("/mnt/f"), .size = bytes, .order = order});
  }

  void AddPmem(const std::string& name, uint64_t base, uint64_t size,
               bool has_pages = true) {
    EXPECT_THAT(
        machine().AddPmem(
            {.name = name, .base = base, .size = size, .has_pages = has_pages}),
        IsOk());
  }

 private:
  std::unique_ptr<UserSpace> user_;
};

TEST_F(DaxSweepTest, AHundredTebibytesTakeOneFaultARow) {
  AddPmem("big", kTiB, 101 * kTiB);
  constexpr uint64_t kRow = 209715200;  // 100 GiB
  std::vector<DmTargetSpec> rows;
  for (uint64_t i = 0; i < 1024; ++i) {
    rows.push_back(Row(i * kRow, kRow, "linear",
                       absl::StrCat("/dev/big ", (i * 7 % 1024) * kRow)));
  }
  ASSERT_THAT(Create("d", rows), IsOk());
  for (int order : {0, 9}) {
    const absl::StatusOr<DaxSweep> sweep = Sweep("dm-0", order);
    ASSERT_THAT(sweep, IsOk());
    EXPECT_EQ(sweep->slots, 100 * kTiB >> (12 + order));
    EXPECT_EQ(sweep->asked, 1024u);
    EXPECT_EQ(sweep->faults, 1u);
    ASSERT_EQ(sweep->NrRanges(), 1u);
    EXPECT_EQ(sweep->totals[0].outcome.order, 9);
  }
}

TEST_F(DaxSweepTest, AStripeTakesOnePeriod) {
  AddPmem("big", kTiB, 101 * kTiB);
  // Two legs of 2 MiB chunks, one of them off a 2 MiB boundary.
  constexpr uint64_t kWidth = 50 * kTiB / kSectorSize;
  ASSERT_THAT(
      Create("d",
             {Row(0, 2 * kWidth, "striped",
                  absl::StrCat("2 4096 /dev/big 0 /dev/big ", kWidth + 2048))}),
      IsOk());
  RequestQueue& queue = Md("d").disk().queue();
  QueueLimits limits = queue.limits();
  limits.max_sectors = 8192;
  queue.SetLimits(limits);
  const absl::StatusOr<DaxSweep> sweep = Sweep("dm-0", 9);
  ASSERT_THAT(sweep, IsOk());
  EXPECT_EQ(sweep->asked, 2u);
  ASSERT_EQ(sweep->blocks.size(), 1u);
  EXPECT_EQ(sweep->blocks[0].repeat, 2u);
  EXPECT_EQ(sweep->NrRanges(), sweep->slots);
  ASSERT_EQ(sweep->totals.size(), 2u);
  EXPECT_EQ(sweep->totals[0].outcome.order, 9);
  EXPECT_EQ(sweep->totals[0].slots, sweep->slots / 2);
  EXPECT_EQ(sweep->totals[1].outcome.reason.code, FaultReasonCode::kPfnTarget);
  EXPECT_EQ(sweep->totals[1].slots, sweep->slots / 2);
}

TEST_F(DaxSweepTest, AnEmptyFileHasNoSlots) {
  UserSpace user(machine(), DefaultKernelProfile().fault);
  MountPoint* mount =
      *user.Mount({.path = "/mnt", .request = {.options = "dax=always"}},
                  *machine().FindBdevByName("pmem0"));
  ASSERT_THAT(mount->AddFile({.name = "f"}), IsOk());
  const absl::StatusOr<DaxSweep> sweep =
      SweepDax(user, {.file = *user.Open("/mnt/f"), .order = 9});
  ASSERT_THAT(sweep, IsOk());
  EXPECT_EQ(sweep->slots, 0u);
  EXPECT_EQ(sweep->NrRanges(), 0u);
}

// A fault that nobody records named no level for memory without pages.
TEST_F(DaxSweepTest, MemoryWithoutPagesIsNamed) {
  Boot("v4_14");
  AddPmem("raw", 16ull << 30, 16 << 20, /*has_pages=*/false);
  const FaultProfile& faults = (*FindKernelProfile("v4_14"))->fault;
  UserSpace user(machine(), faults);
  absl::StatusOr<MountPoint*> mount =
      user.Mount({.path = "/mnt", .request = {.options = "dax"}},
                 *machine().FindBdevByName("raw"));
  ASSERT_THAT(mount, IsOk());
  ASSERT_THAT(
      (*mount)->AddFile({.name = "f", .extents = {{.length = 4 << 20}}}),
      IsOk());
  const absl::StatusOr<DaxSweep> sweep = SweepDax(
      user, {.file = *user.Open("/mnt/f"), .size = 4 << 20, .order = 9});
  ASSERT_THAT(sweep, IsOk());
  const FaultReason& reason = sweep->totals[0].outcome.reason;
  EXPECT_EQ(reason.code, FaultReasonCode::kPfnNoDevmap);
  ASSERT_TRUE(reason.level.has_value());
  EXPECT_EQ(reason.level.device(), "raw");
}

}  // namespace
}  // namespace dmdax
