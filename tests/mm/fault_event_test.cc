// SPDX-License-Identifier: Apache-2.0
#include "mm/fault_event.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/kernel_profile.h"
#include "mm/fault_reason.h"

namespace dmdax {
namespace {

using testing::ElementsAre;

TraceStep Step(TraceFunction function, int depth, const char* target,
               int64_t ret) {
  TraceStep step{};
  step.function = function;
  step.depth = depth;
  step.target = target;
  step.event_has_row = function == TraceFunction::kTargetDirectAccess;
  step.len = sector_t{524288};
  step.pgoff = pgoff_t{4608};
  step.nr_pages = 512;
  step.ret = ret;
  return step;
}

std::vector<TraceStep> Chain() {
  return {Step(TraceFunction::kDmDaxDirectAccess, 0, "", 512),
          Step(TraceFunction::kTargetDirectAccess, 1, "linear", 512),
          Step(TraceFunction::kPmemDaxDirectAccess, 2, "", 125952)};
}

TEST(FaultEventTest, StepsNestAndReturnInOrder) {
  FaultRecorder recorder;
  recorder.AddSteps(Chain());
  std::vector<std::string> lines;
  for (const FaultEvent& event : recorder.events()) {
    lines.push_back(FaultEventText(DefaultKernelProfile().fault, event));
  }
  EXPECT_THAT(lines,
              ElementsAre("dm_da: pgoff=4608 nr=512 mode=0",
                          "linear_da: begin=0 len=524288 pgoff=4608 nr=512",
                          "pmem_da: pgoff=4608 nr=512 mode=0",
                          "pmem_da_ret: ret=125952", "linear_da_ret: ret=512",
                          "dm_da_ret: ret=512"));
}

TEST(FaultEventTest, FormatsChangeWithTheKernel) {
  FaultEvent event(FaultEventKind::kIomapIterDstmap);
  event.dev = DevT{254, 0};
  event.ino = 12;
  event.addr = ~uint64_t{0};
  event.length = 4096;
  EXPECT_EQ(FaultEventText((*FindKernelProfile("v6_1"))->fault, event),
            "iomap_iter_dstmap: dev 254:0 ino 0xc bdev 0:0 addr "
            "0xffffffffffffffff offset 0x0 length 0x1000 type HOLE flags");
  EXPECT_EQ(FaultEventText((*FindKernelProfile("v7_2"))->fault, event),
            "iomap_iter_dstmap: dev 254:0 ino 0xc bdev 0:0 addr "
            "0xffffffffffffffff offset 0x0 length 0x1000 type HOLE (0x0) "
            "flags  (0x0)");
}

TEST(FaultFlagTextTest, AFlagWithoutANameIsANumber) {
  EXPECT_EQ(FaultFlagText(FAULT_FLAG_WRITE | FAULT_FLAG_ORIG_PTE_VALID),
            "WRITE|0x800");
  EXPECT_EQ(VmFaultText(VM_FAULT_MAJOR | VM_FAULT_NOPAGE), "MAJOR|NOPAGE");
  EXPECT_EQ(VmFaultText(0), "");
}

TEST(ShortRunReasonTest, NamesTheLevelWhoseLimitItWas) {
  std::vector<TraceStep> steps = Chain();
  steps[0].device = "dm-0";
  steps[0].name = "vg-home";
  steps[0].clip = RunClip::kMaxSectors;
  steps[0].clip_sectors = 2560;
  const FaultReason reason = ShortRunReason(steps, 512, 320);
  EXPECT_EQ(reason.code, FaultReasonCode::kRunMaxSectors);
  EXPECT_EQ(FaultReasonText(reason),
            "the queue's max_sectors of vg-home (dm-0) allows 320 pages a "
            "request, 512 are needed");
}

// The volume begins on a boundary of a partition that begins at 1 MiB.
TEST(MisalignedReasonTest, ThePartitionBelowATargetIsALevel) {
  std::vector<TraceStep> steps = Chain();
  steps[0].pgoff = steps[1].pgoff = pgoff_t{512};
  steps[1].lower = "259:2";
  steps[1].lower_name = "pmem0p1";
  steps[1].lower_sector = sector_t{(512 + 512) * 8};
  steps[2].pgoff = pgoff_t{512 + 512 + 256};
  const FaultReason reason =
      MisalignedReason(steps, pgoff_t{512}, 0, pfn_t{0x100500}, 512);
  EXPECT_EQ(reason.code, FaultReasonCode::kPfnPartition);
  EXPECT_EQ(FaultReasonText(reason),
            "the partition pmem0p1 starts 256 pages past a multiple of 512 "
            "pages");
  // What the target adds comes first.
  steps[1].lower_sector = sector_t{(512 + 256) * 8};
  EXPECT_EQ(MisalignedReason(steps, pgoff_t{512}, 0, pfn_t{0x100500}, 512).code,
            FaultReasonCode::kPfnTarget);
}

TEST(MisalignedReasonTest, NamesTheTargetBeforeTheExtent) {
  std::vector<TraceStep> steps = Chain();
  steps[1].device = "dm-0";
  steps[1].name = "vg-home";
  steps[0].pgoff = steps[1].pgoff = pgoff_t{512};
  steps[2].pgoff = pgoff_t{768};  // linear moved it by 1 MiB
  const FaultReason reason =
      MisalignedReason(steps, pgoff_t{512}, 0, pfn_t{0x100300}, 512);
  EXPECT_EQ(reason.code, FaultReasonCode::kPfnTarget);
  EXPECT_EQ(FaultReasonText(reason),
            "target linear [0 +524288] of vg-home (dm-0) moves pages by 256 "
            "more than a multiple of 512");
  // Nobody below moves it: the extent was off.
  steps[2].pgoff = pgoff_t{512 + 1};
  steps[0].pgoff = steps[1].pgoff = pgoff_t{513};
  EXPECT_EQ(MisalignedReason(steps, pgoff_t{513}, 0, pfn_t{0x100201}, 512).code,
            FaultReasonCode::kPfnExtent);
}

}  // namespace
}  // namespace dmdax
