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
  absl::StatusOr<DaxSweep> Sweep(const std::string& disk, int order,
                                 FileExtent extent = {},
                                 SweepRequest request = {}) {
    user_ =
        std::make_unique<UserSpace>(machine(), DefaultKernelProfile().fault);
    BlockDevice& bdev = *machine().FindBdevByName(disk);
    MountPoint* mount =
        *user_->Mount({.path = "/mnt",
                       .request = {.type = "xfs", .options = "dax=always"},
                       .claim = DeviceClaim::kShared},
                      bdev);
    const uint64_t bytes = bdev.nr_sectors() / 8 * kPageSize;
    extent.length = bytes;
    EXPECT_THAT(mount->AddFile({.name = "f", .extents = {extent}}), IsOk());
    request.file = *user_->Open("/mnt/f");
    request.size = bytes;
    request.order = order;
    return SweepDax(*user_, request);
  }

  void Unmount() { user_.reset(); }

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

// Chunks that end within pages, and a row that begins within one: what repeats
// is asked once, however large the stripe.
TEST_F(DaxSweepTest, AStripeOffItsPagesTakesOnePeriod) {
  AddPmem("big", kTiB, 101 * kTiB);
  struct {
    uint64_t chunk, begin, most_asked;
  } const stripes[] = {{1, 0, 1},        {4, 0, 1},        {12, 0, 10000},
                       {9, 0, 40000},    {100, 0, 300000}, {128, 11, 10000},
                       {4096, 13, 10000}};
  for (const auto& [chunk, begin, most_asked] : stripes) {
    SCOPED_TRACE(absl::StrCat(chunk, " from ", begin));
    const uint64_t width = kTiB / kSectorSize / (8 * chunk) * 8 * chunk;
    std::vector<DmTargetSpec> rows;
    if (begin != 0) rows.push_back(Row(0, begin, "linear", "/dev/big 0"));
    rows.push_back(Row(begin, 2 * width, "striped",
                       absl::StrCat("2 ", chunk, " /dev/big 8 /dev/big ",
                                    width / 8 * 8 + 4096)));
    if (begin != 0) {
      // A device without DAX on its last page has none.
      rows.push_back(
          Row(begin + 2 * width, 16 - begin % 8, "linear", "/dev/big 0"));
    }
    ASSERT_THAT(Create("d", rows), IsOk());
    const absl::StatusOr<DaxSweep> sweep = Sweep("dm-0", 0);
    ASSERT_TRUE(sweep.ok()) << sweep.status();
    EXPECT_LE(sweep->asked, most_asked);
    EXPECT_GE(sweep->slots, 2 * (width / 8) - 1);
    Unmount();
    ASSERT_THAT(Remove("d"), IsOk());
  }
}

// Both legs of each stripe are the stripe below: its pages have 2^40 ways down.
TEST_F(DaxSweepTest, StripesOnStripesEnd) {
  std::string below = "/dev/pmem0";
  for (int level = 0; level < 40; ++level) {
    const std::string name = absl::StrCat("d", level);
    ASSERT_THAT(
        Create(name, {Row(0, 1024, "striped",
                          absl::StrCat("2 8 ", below, " 0 ", below, " 512"))}),
        IsOk());
    below = absl::StrCat("/dev/mapper/", name);
  }
  const absl::StatusOr<DaxSweep> sweep = Sweep("dm-39", 0);
  ASSERT_THAT(sweep, IsOk());
  EXPECT_EQ(sweep->slots, 128u);
}

// Its legs are the halves of the device below, themselves or through volumes:
// no two of 2^40 ways are the same, and there is one piece all the same.
TEST_F(DaxSweepTest, StripesOfHalvesAreOnePiece) {
  AddPmem("big", kTiB, kTiB);
  constexpr uint64_t kHalf = kTiB / kSectorSize / 2;
  for (bool volumes : {false, true}) {
    SCOPED_TRACE(volumes);
    std::string below = "/dev/big", last;
    const int levels = volumes ? 20 : 40;
    for (int level = 0; level < levels; ++level) {
      const std::string name = absl::StrCat("d", level);
      std::string legs = absl::StrCat(below, " 0 ", below, " ", kHalf);
      if (volumes) {
        ASSERT_THAT(Create(name + "a", {Row(0, kHalf, "linear",
                                            absl::StrCat(below, " 0"))}),
                    IsOk());
        ASSERT_THAT(Create(name + "b", {Row(0, kHalf, "linear",
                                            absl::StrCat(below, " ", kHalf))}),
                    IsOk());
        legs =
            absl::StrCat("/dev/mapper/", name, "a 0 /dev/mapper/", name, "b 0");
      }
      ASSERT_THAT(Create(name, {Row(0, 2 * kHalf, "striped",
                                    absl::StrCat("2 8 ", legs))}),
                  IsOk());
      below = absl::StrCat("/dev/mapper/", name);
      last = Md(name).disk().name();
    }
    uint64_t pieces = 0;
    DaxForEachPiece(machine().FindBdevByName(last)->host_dax_dev(), pgoff_t(0),
                    kTiB / kPageSize, 512, [&](const DaxPiece& piece) {
                      ++pieces;
                      EXPECT_EQ(piece.single, DaxPiece::Pages::kFrames);
                    });
    EXPECT_EQ(pieces, 1u);
    for (int level = levels - 1; level >= 0; --level) {
      for (const char* of : {"", "a", "b"}) {
        if (!volumes && *of != 0) continue;
        ASSERT_THAT(Remove(absl::StrCat("d", level, of)), IsOk());
      }
    }
  }
}

TEST_F(DaxSweepTest, MoreThanMayBeAskedIsRefused) {
  // A write of shared blocks makes copies, which are asked for one by one.
  const FileExtent shared{.shared = true};
  SweepRequest request{.most_asked = 100};
  request.access.write = true;
  const absl::StatusOr<DaxSweep> sweep = Sweep("pmem0", 0, shared, request);
  EXPECT_EQ(ErrnoOf(sweep.status()), EFBIG);
  EXPECT_THAT(std::string(sweep.status().message()),
              testing::HasSubstr("a limit of dmdax: more than 100 pages of "
                                 "/mnt/f would have to be asked one by one"));
  request.most_asked = uint64_t{1} << 24;
  EXPECT_THAT(Sweep("pmem0", 0, shared, request), IsOk());
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
