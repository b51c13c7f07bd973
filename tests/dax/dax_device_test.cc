// SPDX-License-Identifier: Apache-2.0
#include "dax/dax_device.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cerrno>
#include <limits>
#include <thread>
#include <vector>

#include "dax/dax_fast_path.h"
#include "tests/testing.h"

namespace dmdax {
namespace {

using testing::HasSubstr;

// Answers what it is told to, and remembers how it was asked.
class FakeOps : public DaxOperations {
 public:
  DaxAccess DirectAccess(pgoff_t pgoff, int64_t nr_pages, DaxAccessMode mode,
                         Trace*) override {
    ++calls;
    last_pgoff = pgoff;
    last_nr = nr_pages;
    last_mode = mode;
    return answer;
  }
  int ZeroPageRange(pgoff_t, uint64_t, Trace*) override { return zero_answer; }
  size_t RecoveryWrite(pgoff_t, uint64_t,
                       absl::Span<const char> bytes) override {
    return bytes.size();
  }

  DaxAccess answer{.ret = 100, .pfn = pfn_t{7}};
  int zero_answer = 0;
  std::atomic<int> calls{0};
  pgoff_t last_pgoff{};
  int64_t last_nr = 0;
  DaxAccessMode last_mode = DaxAccessMode::kAccess;
};

class DaxDeviceTest : public testing::Test {
 protected:
  int64_t Ask(DaxDevice* dev, int64_t nr,
              DaxAccessMode mode = DaxAccessMode::kAccess) {
    return DaxDirectAccess(dev, pgoff_t{3}, nr, mode, nullptr).ret;
  }

  FakeOps ops_;
  DaxDevice dev_{DefaultKernelProfile(), "pmem0", &ops_};
};

TEST_F(DaxDeviceTest, TheWrapperChecksInTheKernelsOrder) {
  EXPECT_EQ(Ask(nullptr, -1), -EOPNOTSUPP);
  DaxDevice dead(DefaultKernelProfile(), "dead", &ops_);
  dead.Kill();
  EXPECT_EQ(Ask(&dead, -1), -ENXIO) << "dead comes before negative";
  DaxDevice no_ops(DefaultKernelProfile(), "dax0.0", nullptr);
  EXPECT_EQ(Ask(&no_ops, 1), -EOPNOTSUPP);
  EXPECT_EQ(Ask(&dev_, -1), -EINVAL);
  EXPECT_EQ(ops_.calls, 0);
}

TEST_F(DaxDeviceTest, OldKernelsReturnANegativeCountItself) {
  for (const char* kernel : {"v4_14", "v5_10"}) {
    DaxDevice old(**FindKernelProfile(kernel), "pmem0", &ops_);
    EXPECT_EQ(Ask(&old, -7), -7) << kernel;
  }
}

TEST_F(DaxDeviceTest, TheAnswerIsClampedToWhatWasAsked) {
  EXPECT_EQ(Ask(&dev_, 8), 8);
  EXPECT_EQ(Ask(&dev_, 100), 100);
  EXPECT_EQ(Ask(&dev_, 512), 100);
  EXPECT_EQ(Ask(&dev_, std::numeric_limits<int64_t>::max()), 100);
  EXPECT_EQ(ops_.last_pgoff, pgoff_t{3});
  EXPECT_EQ(ops_.last_nr, std::numeric_limits<int64_t>::max());
}

TEST_F(DaxDeviceTest, NothingAvailableIsERANGE) {
  ops_.answer.ret = 0;
  EXPECT_EQ(Ask(&dev_, 1), -ERANGE);
}

TEST_F(DaxDeviceTest, AskingForNothingIsNoError) {
  EXPECT_EQ(Ask(&dev_, 0), 0);
}

TEST_F(DaxDeviceTest, ErrorsAndModePassThrough) {
  ops_.answer.ret = -EHWPOISON;
  EXPECT_EQ(Ask(&dev_, 1, DaxAccessMode::kRecoveryWrite), -EHWPOISON);
  EXPECT_EQ(ops_.last_mode, DaxAccessMode::kRecoveryWrite);
}

TEST_F(DaxDeviceTest, ZeroPageRangeTakesOnePageOfALiveDevice) {
  EXPECT_EQ(DaxZeroPageRange(&dev_, pgoff_t{0}, 1), 0);
  EXPECT_EQ(DaxZeroPageRange(&dev_, pgoff_t{0}, 2), -EIO);
  EXPECT_EQ(DaxZeroPageRange(&dev_, pgoff_t{0}, 0), -EIO);
  EXPECT_EQ(DaxZeroPageRange(nullptr, pgoff_t{0}, 1), -EOPNOTSUPP);
  ops_.zero_answer = -EHWPOISON;
  EXPECT_EQ(DaxZeroPageRange(&dev_, pgoff_t{0}, 1), -EIO);
  dev_.Kill();
  EXPECT_EQ(DaxZeroPageRange(&dev_, pgoff_t{0}, 2), -ENXIO);
}

TEST_F(DaxDeviceTest, RecoveryWriteWithoutTheOperationWritesNothing) {
  EXPECT_EQ(DaxRecoveryWrite(&dev_, pgoff_t{0}, 0, "bytes"), 5u + 1);
  EXPECT_EQ(DaxRecoveryWrite(nullptr, pgoff_t{0}, 0, "bytes"), 0u);
  DaxDevice no_ops(DefaultKernelProfile(), "dax0.0", nullptr);
  EXPECT_EQ(DaxRecoveryWrite(&no_ops, pgoff_t{0}, 0, "bytes"), 0u);
}

TEST_F(DaxDeviceTest, KillAndRun) {
  EXPECT_TRUE(dev_.alive());
  dev_.Kill();
  EXPECT_FALSE(dev_.alive());
  dev_.Run();
  EXPECT_EQ(Ask(&dev_, 1), 1);
}

TEST_F(DaxDeviceTest, SynchronousStaysOnceSet) {
  EXPECT_FALSE(dev_.synchronous());
  dev_.SetSynchronous();
  EXPECT_TRUE(dev_.synchronous());
  dev_.SetWriteCache(true);
  EXPECT_TRUE(dev_.write_cache());
  dev_.SetWriteCache(false);
  EXPECT_FALSE(dev_.write_cache());
}

TEST_F(DaxDeviceTest, TranslateSaysWhichPageOfWhichDevice) {
  const absl::StatusOr<DaxRun> run = DaxTranslate(dev_, pgoff_t{3}, 8);
  ASSERT_THAT(run, IsOk());
  EXPECT_EQ(run->pfn, pfn_t{7});
  EXPECT_EQ(run->nr_pages, 8);
  EXPECT_EQ(run->phys(), 7u * 4096);
  ops_.answer.ret = -EIO;
  EXPECT_THAT(DaxTranslate(dev_, pgoff_t{3}, 8),
              HasErrno(EIO, "pmem0: page 3: -EIO"));
  EXPECT_THAT(DaxTranslate(dev_, pgoff_t{3}, 0),
              HasErrno(EINVAL, HasSubstr("at least 1 page")));
}

TEST_F(DaxDeviceTest, KillWaitsForWhoeverSawItAlive) {
  std::atomic<bool> stop{false}, killed{false};
  std::atomic<int> late{0}, asked{0};
  std::thread reader([&] {
    while (!stop) {
      DaxReadLock lock;
      const bool was_killed = killed;
      if (Ask(&dev_, 1) == 1 && was_killed) ++late;
      ++asked;
    }
  });
  while (asked == 0) std::this_thread::yield();
  dev_.Kill();
  killed = true;
  stop = true;
  reader.join();
  EXPECT_EQ(late, 0);
}

// The leaf of a frame is looked for by halves; the obvious search judges.
TEST(DaxFastPath, FindsTheLeafOfEveryFrame) {
  for (size_t n = 1; n <= 9; ++n) {
    std::vector<DaxLeaf> leaves;
    for (size_t i = 0; i < n; ++i) {
      leaves.push_back({.first = i * i * 10,
                        .pfn = i * i * 10,
                        .pfn_flags = static_cast<uint32_t>(i)});
    }
    DaxFastPath path;
    path.leaves = leaves.data();
    path.nr_leaves = n;
    for (uint64_t pfn = 0; pfn < 900; ++pfn) {
      size_t leaf = n - 1;
      while (pfn < leaves[leaf].first) --leaf;
      ASSERT_EQ(path.At({1, pfn}).pfn_flags, leaf) << n << " leaves, " << pfn;
    }
  }
}

// Runs that a directory leads to, some of them errors, against a walk of all.
TEST(DaxFastPath, FindsTheRunOfEveryPage) {
  const ExtentEntry<uint32_t> entries[] = {{0, 100},
                                           {3, DaxRuns::kSpecial},
                                           {4, 500},
                                           {9, 200},
                                           {12, DaxRuns::kSpecial}};
  const uint16_t slots[] = {0, 2, 2};
  const DaxRuns runs{
      .pages = 12, .slots = slots, .entries = entries, .shift = 2};
  for (uint64_t page = 0; page < runs.pages; ++page) {
    const ExtentEntry<uint32_t>* run = entries;
    while (run[1].start <= page) ++run;
    ASSERT_EQ(runs.Find(page), run) << page;
    if (run->value == DaxRuns::kSpecial) continue;
    const DaxFrames frames = DaxRuns::FramesAt(run, page, 2);
    EXPECT_EQ(frames.pfn, run->value + (page - run->start)) << page;
    EXPECT_EQ(frames.ret, std::min<int64_t>(2, run[1].start - page)) << page;
  }
}

// Chunks of powers of two and others, against chunks dealt out one by one.
TEST(DaxFastPath, FindsTheChunkOfEveryPage) {
  for (uint64_t chunk : {2, 3, 8, 24}) {
    for (uint64_t legs : {1, 2, 3, 4, 7}) {
      const uint64_t period = chunk * legs;
      std::vector<uint64_t> base, moved;
      for (uint64_t leg = 0; leg < legs; ++leg) {
        base.push_back(1000000 * (legs - leg));
        moved.push_back(base[leg] - leg * chunk);
      }
      const bool shifts =
          std::has_single_bit(chunk) && std::has_single_bit(legs);
      DaxStripes stripes{
          .pages = 10 * period,
          .period = period,
          .chunk = chunk,
          .by_period = ~uint64_t{0} / period + 1,
          .by_chunk = ~uint64_t{0} / chunk + 1,
          .gain = chunk - period,
          .moved = moved.data(),
          .period_log2 = static_cast<uint8_t>(std::countr_zero(period)),
          .chunk_log2 = static_cast<uint8_t>(std::countr_zero(chunk))};
      for (uint64_t page = 0; page < stripes.pages; ++page) {
        const uint64_t number = page / chunk, in = page % chunk;
        const uint64_t pfn = base[number % legs] + number / legs * chunk + in;
        for (bool by_shifts : {false, true}) {
          if (by_shifts && !shifts) continue;
          stripes.shifts = by_shifts;
          const DaxFrames frames = stripes.At(page, 5);
          ASSERT_EQ(frames.pfn, pfn) << chunk << " x " << legs << ": " << page;
          ASSERT_EQ(frames.ret, std::min<int64_t>(5, chunk - in))
              << chunk << " x " << legs << ": " << page;
        }
      }
    }
  }
}

}  // namespace
}  // namespace dmdax
