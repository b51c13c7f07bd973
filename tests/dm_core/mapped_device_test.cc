// SPDX-License-Identifier: Apache-2.0
//
// The life of a mapped device (dm-core.md 2 to 4) and its DAX side (10).
#include "dm/mapped_device.h"

#include <atomic>
#include <cerrno>
#include <thread>

#include "tests/dm_testing.h"

namespace dmdax {
namespace {

const DmTargetSpec kOnPmem0 = Row(0, 2048, "linear", "/dev/pmem0 0");
const DmTargetSpec kOnPmem1 = Row(0, 4096, "linear", "/dev/pmem1 0");

class MappedDeviceTest : public DmTest {
 protected:
  int64_t Ask(absl::string_view name, uint64_t pgoff, int64_t nr = 1) {
    return DaxDirectAccess(&Md(name).dax_dev(), pgoff_t{pgoff}, nr,
                           DaxAccessMode::kAccess, nullptr)
        .ret;
  }
  uint64_t Pfn(absl::string_view name, uint64_t pgoff) {
    auto run = DaxTranslate(Md(name).dax_dev(), pgoff_t{pgoff}, 1);
    return run.ok() ? run->pfn.value() : 0;
  }
};

TEST_F(MappedDeviceTest, ANewDeviceIsEmptyAndNotSuspended) {
  ASSERT_THAT(New("d0"), IsOk());
  EXPECT_FALSE(Md("d0").suspended());
  EXPECT_EQ(Md("d0").live_table(), nullptr);
  EXPECT_EQ(Md("d0").type(), DM_TYPE_NONE);
  EXPECT_EQ(Md("d0").disk().nr_sectors(), 0u);
  EXPECT_EQ(machine().FindBdev(DevT{254, 0}), nullptr)
      << "no disk before the first load";
  EXPECT_EQ(Ask("d0", 0), -EIO);
}

TEST_F(MappedDeviceTest, TheDiskAppearsAtTheFirstLoadOrEarlier) {
  ASSERT_THAT(New("d0"), IsOk());
  ASSERT_THAT(Load("d0", {kOnPmem0}), IsOk());
  EXPECT_EQ(machine().FindBdev(DevT{254, 0}), &Md("d0").disk());
  EXPECT_EQ(Md("d0").disk().nr_sectors(), 0u) << "its size comes at resume";
  EXPECT_EQ(Ask("d0", 0), -EIO);
  Boot("v5_10");
  ASSERT_THAT(New("d0"), IsOk());
  EXPECT_EQ(machine().FindBdev(DevT{254, 0}), &Md("d0").disk());
}

TEST_F(MappedDeviceTest, ResumeMakesTheTableLive) {
  ASSERT_THAT(Create("d0", {kOnPmem0}), IsOk());
  EXPECT_EQ(Md("d0").disk().nr_sectors(), 2048u);
  EXPECT_EQ(Pfn("d0", 0), 0x100000u);
  EXPECT_EQ(Ask("d0", 255, 8), 1) << "the row ends";
  EXPECT_EQ(Ask("d0", 256), -EIO);
}

TEST_F(MappedDeviceTest, SuspendDoesNotGateDax) {
  ASSERT_THAT(Create("d0", {kOnPmem0}), IsOk());
  ASSERT_THAT(Suspend("d0"), IsOk());
  EXPECT_TRUE(Md("d0").suspended());
  EXPECT_EQ(Pfn("d0", 0), 0x100000u);
  EXPECT_THAT(Suspend("d0"), IsOk()) << "twice is a success";
  EXPECT_THAT(Resume("d0"), IsOk());
  EXPECT_FALSE(Md("d0").suspended());
}

TEST_F(MappedDeviceTest, ResumeWithoutATable) {
  ASSERT_THAT(New("d0"), IsOk());
  EXPECT_THAT(Resume("d0"), IsOk()) << "never suspended: nothing to do";
  ASSERT_THAT(Suspend("d0"), IsOk());
  EXPECT_THAT(Resume("d0"), HasErrno(EINVAL));
}

TEST_F(MappedDeviceTest, TheOldTableAnswersUntilTheSwap) {
  ASSERT_THAT(Create("d0", {kOnPmem0}), IsOk());
  ASSERT_THAT(Load("d0", {kOnPmem1}), IsOk());
  EXPECT_EQ(Pfn("d0", 0), 0x100000u);
  EXPECT_EQ(Md("d0").disk().nr_sectors(), 2048u);
  ASSERT_THAT(Resume("d0"), IsOk());
  EXPECT_EQ(Pfn("d0", 0), 0x200000u);
  EXPECT_EQ(Md("d0").disk().nr_sectors(), 4096u);
  EXPECT_EQ(machine().FindBdevByName("pmem0")->openers(), 0)
      << "the old table closed its device";
}

TEST_F(MappedDeviceTest, ReadOnlyIsThatOfTheTable) {
  ASSERT_THAT(New("d0"), IsOk());
  ASSERT_THAT(Load("d0", {kOnPmem0}, DM_READONLY_FLAG), IsOk());
  EXPECT_FALSE(Md("d0").disk().read_only()) << "until the resume";
  ASSERT_THAT(Resume("d0"), IsOk());
  EXPECT_TRUE(Md("d0").disk().read_only());
  ASSERT_THAT(Load("d0", {kOnPmem0}), IsOk());
  ASSERT_THAT(Resume("d0"), IsOk());
  EXPECT_FALSE(Md("d0").disk().read_only());
}

TEST_F(MappedDeviceTest, OneOpenPerDeviceAndMode) {
  ASSERT_THAT(Create("d0", {kOnPmem0, Row(2048, 8, "linear", "259:0 8")}),
              IsOk());
  BlockDevice* pmem0 = machine().FindBdevByName("pmem0");
  EXPECT_EQ(pmem0->openers(), 1);
  ASSERT_THAT(Load("d0", {kOnPmem0}), IsOk());
  EXPECT_EQ(pmem0->openers(), 1) << "live and inactive table share it";
  ASSERT_THAT(Load("d0", {kOnPmem0}, DM_READONLY_FLAG), IsOk());
  EXPECT_EQ(pmem0->openers(), 2) << "another mode";
  ASSERT_THAT(New("d1"), IsOk());
  ASSERT_THAT(Load("d1", {kOnPmem0}), IsOk());
  EXPECT_EQ(pmem0->openers(), 3) << "another mapped device";
}

TEST_F(MappedDeviceTest, WhatIsStackedUponIsOpen) {
  ASSERT_THAT(Create("low", {kOnPmem0}), IsOk());
  ASSERT_THAT(Create("top", {Row(0, 8, "linear", "/dev/mapper/low 0")}),
              IsOk());
  EXPECT_EQ(Md("low").open_count(), 1);
  EXPECT_THAT(Remove("low"), HasErrno(EBUSY));
  EXPECT_THAT(Remove("top"), IsOk());
  EXPECT_EQ(Md("low").open_count(), 0);
  EXPECT_THAT(Remove("low"), IsOk());
}

TEST_F(MappedDeviceTest, DeferredRemovalHappensAtTheLastClose) {
  ASSERT_THAT(Create("low", {kOnPmem0}), IsOk());
  ASSERT_THAT(Create("top", {Row(0, 8, "linear", "/dev/mapper/low 0")}),
              IsOk());
  EXPECT_THAT(Remove("low", DM_DEFERRED_REMOVE), IsOk());
  EXPECT_TRUE(Info("low").flags & DM_DEFERRED_REMOVE);
  EXPECT_EQ(Ask("top", 0), 1);
  ASSERT_THAT(Remove("top"), IsOk());
  EXPECT_EQ(ctl().FindDevice("low"), nullptr);
}

TEST_F(MappedDeviceTest, ARemovedDeviceIsDead) {
  ASSERT_THAT(Create("d0", {kOnPmem0}), IsOk());
  const std::shared_ptr<MappedDevice> held = ctl().FindDevice("d0");
  ASSERT_THAT(Remove("d0"), IsOk());
  EXPECT_EQ(DaxDirectAccess(&held->dax_dev(), pgoff_t{0}, 1,
                            DaxAccessMode::kAccess, nullptr)
                .ret,
            -ENXIO);
  EXPECT_THAT(held->Open(), HasErrno(ENXIO));
  EXPECT_EQ(machine().FindBdev(DevT{254, 0}), nullptr);
}

TEST_F(MappedDeviceTest, AStripesRunEndsAtItsChunk) {
  ASSERT_THAT(Create("d0", {Row(0, 8192, "striped",
                                "2 4096 /dev/pmem0 0 /dev/pmem1 0")}),
              IsOk());
  EXPECT_EQ(Ask("d0", 0, 512), 320) << "max_sectors before the chunk";
  EXPECT_EQ(Ask("d0", 500, 512), 12) << "the chunk";
  EXPECT_EQ(Pfn("d0", 512), 0x200000u);
  Boot("v4_14");
  ASSERT_THAT(Create("d0", {Row(0, 8192, "striped",
                                "2 4096 /dev/pmem0 0 /dev/pmem1 0")}),
              IsOk());
  EXPECT_EQ(Ask("d0", 0, 512), 512) << "no max_sectors in 4.14";
}

TEST_F(MappedDeviceTest, APageThatARowsEndCutsHasNoAddress) {
  ASSERT_THAT(Create("d0", {Row(0, 12, "linear", "/dev/pmem0 0"),
                            Row(12, 12, "linear", "/dev/pmem1 0")}),
              IsOk());
  EXPECT_EQ(Ask("d0", 0, 8), 1);
  EXPECT_EQ(Ask("d0", 1, 8), -EIO);
  EXPECT_EQ(Ask("d0", 2, 8), 1);
  EXPECT_EQ(Pfn("d0", 2), 0x200000u) << "sector 4 of pmem1, rounded down";
}

TEST_F(MappedDeviceTest, AskingForNoPagesThroughDmIsERANGE) {
  ASSERT_THAT(Create("d0", {kOnPmem0}), IsOk());
  EXPECT_EQ(Ask("d0", 0, 0), -ERANGE);
}

TEST_F(MappedDeviceTest, ZeroAndRecoveryWriteGoDownTheChain) {
  ASSERT_THAT(Create("d0", {kOnPmem0}), IsOk());
  PmemDevice& pmem0 = *machine().FindPmem("pmem0");
  pmem0.SetBadblocks(sector_t{8}, 8);
  EXPECT_EQ(Ask("d0", 1), -EIO);
  EXPECT_EQ(DaxZeroPageRange(&Md("d0").dax_dev(), pgoff_t{1}, 1), 0);
  EXPECT_EQ(Ask("d0", 1), 1);
  pmem0.SetBadblocks(sector_t{8}, 8);
  const std::string page(4096, 'x');
  EXPECT_EQ(DaxRecoveryWrite(&Md("d0").dax_dev(), pgoff_t{1}, 0, page), 4096u);
  EXPECT_EQ(Ask("d0", 1), 1);
  EXPECT_EQ(DaxZeroPageRange(&Md("d0").dax_dev(), pgoff_t{256}, 1), -EIO);
  EXPECT_EQ(DaxRecoveryWrite(&Md("d0").dax_dev(), pgoff_t{256}, 0, page), 0u);
}

TEST_F(MappedDeviceTest, ATraceShowsWhoWasAskedToZero) {
  ASSERT_THAT(Create("d0", {kOnPmem0}), IsOk());
  ASSERT_THAT(Create("d1", {Row(0, 1024, "linear", "/dev/mapper/d0 16")}),
              IsOk());
  Trace trace;
  EXPECT_EQ(DaxZeroPageRange(&Md("d1").dax_dev(), pgoff_t{1}, 1, &trace), 0);
  ASSERT_EQ(trace.steps().size(), 2u);
  EXPECT_EQ(trace.steps()[0].name, "d1");
  EXPECT_EQ(trace.steps()[0].pgoff, pgoff_t{1});
  EXPECT_EQ(trace.steps()[1].name, "d0");
  EXPECT_EQ(trace.steps()[1].depth, 1);
  EXPECT_EQ(trace.steps()[1].pgoff, pgoff_t{3});
  EXPECT_EQ(trace.steps()[1].nr_pages, 1);
  // One page at a time is all that a device takes.
  EXPECT_EQ(DaxZeroPageRange(&Md("d1").dax_dev(), pgoff_t{1}, 2, &trace), -EIO);
  EXPECT_EQ(trace.steps().size(), 2u);
}

// 6.1 refuses no device that stands on itself; ours must not die of it.
TEST_F(MappedDeviceTest, ADeviceOnItselfIsELOOP) {
  ASSERT_THAT(Create("d0", {kOnPmem0}), IsOk());
  ASSERT_THAT(Load("d0", {Row(0, 2048, "linear", "/dev/mapper/d0 0")}), IsOk());
  ASSERT_THAT(Resume("d0"), IsOk());
  EXPECT_EQ(Ask("d0", 0), -ELOOP);
  EXPECT_THAT(Remove("d0"), HasErrno(EBUSY)) << "it holds itself open";
  Boot("v6_12");
  ASSERT_THAT(Create("d0", {kOnPmem0}), IsOk());
  EXPECT_THAT(Load("d0", {Row(0, 2048, "linear", "/dev/mapper/d0 0")}),
              HasErrno(EINVAL));
}

TEST_F(MappedDeviceTest, GeometryGoesWhenTheSizeChanges) {
  ASSERT_THAT(Create("d0", {kOnPmem0}), IsOk());
  EXPECT_THAT(Md("d0").SetGeometry({1, 1, 1, 2}), HasErrno(EINVAL));
  EXPECT_THAT(Md("d0").SetGeometry({2, 4, 8, 64}), IsOk());
  ASSERT_THAT(Load("d0", {Row(0, 2048, "error")}), IsOk());
  ASSERT_THAT(Resume("d0"), IsOk());
  EXPECT_EQ(Md("d0").geometry(), (HdGeometry{2, 4, 8, 64}));
  ASSERT_THAT(Load("d0", {kOnPmem1}), IsOk());
  ASSERT_THAT(Resume("d0"), IsOk());
  EXPECT_EQ(Md("d0").geometry(), HdGeometry{});
}

TEST_F(MappedDeviceTest, ReadersSeeOneTableOrTheOtherWhileTheySwap) {
  ASSERT_THAT(Create("d0", {kOnPmem0}), IsOk());
  const std::shared_ptr<MappedDevice> md = ctl().FindDevice("d0");
  std::atomic<bool> stop{false};
  std::atomic<int> bad{0}, asked{0};
  std::thread reader([&] {
    while (!stop) {
      auto run = DaxTranslate(md->dax_dev(), pgoff_t{5}, 1);
      if (!run.ok() ||
          (run->pfn != pfn_t{0x100005} && run->pfn != pfn_t{0x200005})) {
        ++bad;
      }
      ++asked;
    }
  });
  for (int i = 0; i < 200; ++i) {
    EXPECT_THAT(Load("d0", {i % 2 ? kOnPmem0 : kOnPmem1}), IsOk());
    EXPECT_THAT(Resume("d0"), IsOk());
  }
  while (asked == 0) std::this_thread::yield();
  stop = true;
  reader.join();
  EXPECT_EQ(bad, 0);
}

// loop_probe() and brd_probe(), by whoever opens a number that no disk has.
TEST_F(MappedDeviceTest, ATableMakesLoopAndRamDisks) {
  const auto on = [&](const std::string& device) {
    return Create(absl::StrCat("on-", device),
                  {Row(0, 8, "linear", absl::StrCat(device, " 0"))});
  };
  EXPECT_THAT(on("7:8"), HasErrno(ENXIO)) << "no driver";
  for (const char* name : {"loop0", "ram0"}) {
    BlockOptions options{.name = name};
    options.empty = options.name == "loop0";
    options.dev = options.empty ? DevT{7, 0} : DevT{1, 0};
    if (!options.empty) options.nr_sectors = 32768;
    ASSERT_THAT(machine().AddBlock(options), IsOk());
  }
  Log();
  ASSERT_THAT(on("7:9"), IsOk());
  EXPECT_THAT(Log(), testing::Contains("block device autoloading is deprecated "
                                       "and will be removed."));
  ASSERT_NE(machine().FindBdevByName("loop9"), nullptr);
  EXPECT_EQ(machine().FindBdevByName("loop9")->nr_sectors(), 0u);
  ASSERT_THAT(on("1:146"), IsOk());
  EXPECT_EQ(machine().FindBdevByName("ram146")->nr_sectors(), 32768u);
  EXPECT_THAT(on("8:240"), HasErrno(ENXIO)) << "a driver that makes none";
}

}  // namespace
}  // namespace dmdax
