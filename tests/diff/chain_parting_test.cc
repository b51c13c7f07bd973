// SPDX-License-Identifier: Apache-2.0
#include "tools/diff/chain_parting.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace dmdax {
namespace {

TraceStep Mapped(const std::string& name, uint64_t pgoff, int64_t nr_pages) {
  return {.function = TraceFunction::kDmDaxDirectAccess,
          .device = name,
          .name = name,
          .pgoff = pgoff_t(pgoff),
          .nr_pages = nr_pages};
}

TraceStep Target(const std::string& type, uint64_t pgoff, int64_t nr_pages) {
  return {.function = TraceFunction::kTargetDirectAccess,
          .target = type,
          .pgoff = pgoff_t(pgoff),
          .nr_pages = nr_pages};
}

TraceStep Pmem(const std::string& name, uint64_t pgoff, int64_t nr_pages) {
  TraceStep step = Mapped(name, pgoff, nr_pages);
  step.function = TraceFunction::kPmemDaxDirectAccess;
  return step;
}

size_t Parting(const std::vector<TraceStep>& a,
               const std::vector<TraceStep>& b) {
  return PartingStep(a, b,
                     [](const TraceStep&, const TraceStep&) { return false; });
}

TEST(ChainPartingTest, TheTargetThatSendsElsewhere) {
  const std::vector<TraceStep> a = {Mapped("a", 8, 1), Target("striped", 8, 1),
                                    Pmem("pmem0", 4, 1)};
  EXPECT_EQ(Parting(a, {Mapped("b", 8, 1), Target("mine", 8, 1),
                        Pmem("pmem1", 4, 1)}),
            1u);
  EXPECT_EQ(Parting(a, {Mapped("b", 8, 1), Target("mine", 8, 1),
                        Pmem("pmem0", 5, 1)}),
            1u);
}

TEST(ChainPartingTest, TheLevelThatClips) {
  EXPECT_EQ(Parting({Mapped("a", 0, 512), Target("striped", 0, 320)},
                    {Mapped("a", 0, 512), Target("striped", 0, 512)}),
            0u);
}

TEST(ChainPartingTest, TheLastThatBothCameTo) {
  // The same is asked of the same memory, which answers otherwise.
  const std::vector<TraceStep> a = {Mapped("a", 0, 1), Target("linear", 0, 1),
                                    Pmem("pmem0", 4, 1)};
  EXPECT_EQ(Parting(a, a), 2u);
  // One finds no row, and one refuses.
  EXPECT_EQ(Parting(a, {Mapped("a", 0, 1)}), 0u);
  EXPECT_EQ(Parting(a, {Mapped("a", 0, 1), Target("linear", 0, 1)}), 1u);
}

TEST(ChainPartingTest, ADeviceInBetweenMayStandForAnother) {
  const std::vector<TraceStep> a = {Mapped("a", 0, 1), Target("linear", 0, 1),
                                    Mapped("x", 0, 1), Target("linear", 0, 1),
                                    Pmem("pmem0", 0, 1)};
  std::vector<TraceStep> b = a;
  b[2].name = "y";
  b[4].pgoff = pgoff_t(1);
  EXPECT_EQ(Parting(a, b), 1u);
  const auto same = [](const TraceStep& x, const TraceStep& y) {
    return x.target == "linear" && y.target == "linear";
  };
  EXPECT_EQ(PartingStep(a, b, same), 3u);
}

}  // namespace
}  // namespace dmdax
