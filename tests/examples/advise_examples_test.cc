// SPDX-License-Identifier: Apache-2.0
//
// The examples of tools/advise/ and tools/replay/.
#include <sstream>

#include "tests/examples/examples.h"
#include "tests/testing.h"
#include "tools/advise/advise.h"
#include "tools/advise/layout.h"
#include "tools/advise/site.h"
#include "tools/advise/trial.h"
#include "tools/advise/wish.h"
#include "tools/replay/access_log.h"
#include "tools/replay/replay_table.h"

namespace dmdax {
namespace {

class AdviseExamples : public testing::Test {
 protected:
  AdviseExamples() {
    for (int i = 0; i < 2; ++i) {
      proto::Pmem* pmem = world.add_pmem();
      pmem->set_name(i == 0 ? "pmem0" : "pmem1");
      pmem->set_base((uint64_t{4} << 30) + (uint64_t{8} << 30) * i);
      pmem->set_size(uint64_t{4} << 30);
    }
  }
  proto::World world;
};

TEST_F(AdviseExamples, Wish){
#include "tests/examples/tools/advise/wish.inc"
}

TEST_F(AdviseExamples, Layout) {
#include "tests/examples/tools/advise/layout.inc"
  EXPECT_EQ(plan.unmet, "");
}

TEST_F(AdviseExamples, Site) {
  uint64_t bytes = 0;
  const auto Use = [&](const std::string&, uint64_t n) { bytes += n; };
#include "tests/examples/tools/advise/site.inc"
  EXPECT_EQ(bytes, uint64_t{4} << 30);
  EXPECT_EQ(site->vg, "vg");
}

TEST_F(AdviseExamples, Advise) {
  const auto advise = [&]() -> absl::Status {
#include "tests/examples/tools/advise/advise.inc"
    EXPECT_TRUE(advice->given);
    EXPECT_EQ(advice->lvm.size(), 3u);
    return absl::OkStatus();
  };
  EXPECT_THAT(advise(), IsOk());
}

TEST_F(AdviseExamples, Trial) {
  const Site site = *FindSite(world, {});
  const AdviceWish wish{.size = uint64_t{1} << 30, .stripes = 2};
  const LayoutPlan plan = PlanLayout(
      site.legs, {.size = wish.size, .stripes = 2, .align = 2 << 20});
  std::vector<std::string> lines;
  const auto Use = [&](const std::vector<std::string>& s) { lines = s; };
#include "tests/examples/tools/advise/trial.inc"
  EXPECT_TRUE(on.holds);
  // 6.1 needs the queue's line for stripes.
  EXPECT_EQ(lines.size(), 1u);
}

TEST(ReplayExamples, AccessLog) {
  std::istringstream in("fio version 2 iolog\n/f read 0 4096\n");
  std::string line;
  uint64_t accesses = 0;
  const auto add = [&](const LoggedAccess&) { ++accesses; };
  const auto read = [&]() -> absl::Status {
#include "tests/examples/tools/replay/access_log.inc"
    return absl::OkStatus();
  };
  EXPECT_THAT(read(), IsOk());
  EXPECT_EQ(accesses, 1u);
}

TEST(ReplayExamples, ReplayTable) {
#include "tests/examples/tools/replay/replay_table.inc"
  EXPECT_EQ(table.accesses(), 1u);
}

}  // namespace
}  // namespace dmdax
