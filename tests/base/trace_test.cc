// SPDX-License-Identifier: Apache-2.0
#include "base/trace.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <set>

namespace dmdax {
namespace {

TraceStep Target(const char* type) {
  return {.function = TraceFunction::kTargetDirectAccess, .target = type};
}

TEST(TraceTest, StepsStandInOrderOfEntryWithTheirDepth) {
  Trace trace;
  const size_t dm = trace.Enter(
      {.function = TraceFunction::kDmDaxDirectAccess, .device = "dm-0"});
  const size_t linear = trace.Enter(Target("linear"));
  const size_t pmem =
      trace.Enter({.function = TraceFunction::kPmemDaxDirectAccess});
  trace.Leave(pmem, 100, pfn_t{7});
  trace.Leave(linear, 8, pfn_t{7});
  trace.step(dm).clip = RunClip::kTargetEnd;
  trace.Leave(dm, 8, pfn_t{7});

  ASSERT_EQ(trace.steps().size(), 3u);
  EXPECT_EQ(trace.steps()[0].depth, 0);
  EXPECT_EQ(trace.steps()[1].depth, 1);
  EXPECT_EQ(trace.steps()[2].depth, 2);
  EXPECT_EQ(trace.steps()[0].device, "dm-0");
  EXPECT_EQ(trace.steps()[0].clip, RunClip::kTargetEnd);
  EXPECT_EQ(trace.steps()[2].ret, 100);
  EXPECT_EQ(trace.steps()[1].pfn, pfn_t{7});
}

TEST(TraceTest, DepthComesBackAfterASibling) {
  Trace trace;
  const size_t first = trace.Enter(Target("linear"));
  trace.Leave(first, -EIO, pfn_t{});
  trace.Enter(Target("linear"));
  EXPECT_EQ(trace.steps()[1].depth, 0);
}

TEST(TraceTest, FunctionsHaveTheirKernelNames) {
  EXPECT_EQ(KernelFunctionName({.function = TraceFunction::kDmDaxDirectAccess}),
            "dm_dax_direct_access");
  EXPECT_EQ(
      KernelFunctionName({.function = TraceFunction::kDmDaxZeroPageRange}),
      "dm_dax_zero_page_range");
  EXPECT_EQ(
      KernelFunctionName({.function = TraceFunction::kPmemDaxDirectAccess}),
      "pmem_dax_direct_access");
  EXPECT_EQ(KernelFunctionName(Target("linear")), "linear_dax_direct_access");
  TraceStep striped = Target("striped");
  striped.target_function = "stripe_dax_direct_access";
  EXPECT_EQ(KernelFunctionName(striped), "stripe_dax_direct_access");
  EXPECT_EQ(KernelFunctionName(Target("log-writes")),
            "log_writes_dax_direct_access");
}

TEST(TraceTest, EventsHaveTheirRecordedNames) {
  EXPECT_EQ(KernelEventName({.function = TraceFunction::kDmDaxDirectAccess}),
            "dm_da");
  EXPECT_EQ(KernelEventName({.function = TraceFunction::kDmDaxZeroPageRange}),
            "dm_zero");
  EXPECT_EQ(KernelEventName({.function = TraceFunction::kPmemDaxDirectAccess}),
            "pmem_da");
  EXPECT_EQ(KernelEventName(Target("log-writes")), "logwrites_da");
  TraceStep striped = Target("striped");
  striped.target_event = "stripe_da";
  EXPECT_EQ(KernelEventName(striped), "stripe_da");
}

TEST(TraceTest, EveryClipHasItsWords) {
  std::set<std::string> texts;
  for (RunClip clip :
       {RunClip::kNone, RunClip::kTargetEnd, RunClip::kMaxIoLen,
        RunClip::kMaxSectors, RunClip::kDeviceEnd, RunClip::kBadBlocks}) {
    EXPECT_EQ(RunClipText(clip).empty(), clip == RunClip::kNone);
    texts.insert(RunClipText(clip));
  }
  EXPECT_EQ(texts.size(), 6u);
}

}  // namespace
}  // namespace dmdax
