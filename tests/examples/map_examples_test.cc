// SPDX-License-Identifier: Apache-2.0
//
// The examples of dm/map/, and of what builds a map.
#include "dm/compile_order.h"
#include "dm/compiled_map_build.h"
#include "dm/map/compiled_map.h"
#include "dm/map/extent_table.h"
#include "dm/map/stripe_kernels.h"
#include "tests/dm_testing.h"
#include "tests/examples/examples.h"

namespace dmdax {
namespace {

// dm-0: a row on each of two devices.
class MapExamples : public DmTest {
 protected:
  MappedDevice& MakeDevice() {
    EXPECT_THAT(Create("d0", {Row(0, 2048, "linear", "/dev/pmem0 0"),
                              Row(2048, 8192, "linear", "/dev/pmem1 0")}),
                IsOk());
    return Md("d0");
  }
  MappedDevice& md = MakeDevice();
  const DmTable& table = *md.live_table();
  static constexpr size_t n = 3;
  uint64_t pages[n] = {0, 17, 40};
  uint64_t pfns[n] = {};
};

TEST_F(MapExamples, BatchKernels) {
#include "tests/examples/dm/map/batch_kernels.inc"
  EXPECT_THAT(pfns, testing::ElementsAre(1000, 1017, 1040));
}

TEST_F(MapExamples, CompileOrder) {
  std::vector<MappedDevice*> restored = {&md};
#include "tests/examples/dm/compile_order.inc"
}

TEST_F(MapExamples, CompiledMapBuild) {
#include "tests/examples/dm/compiled_map_build.inc"
  ASSERT_NE(map, nullptr);
  EXPECT_EQ(map->nr_extents(), 2);
}

TEST_F(MapExamples, CompiledMap) {
  DaxAccess used{};
  const auto Use = [&](DaxAccess access) { used = access; };
#include "tests/examples/dm/map/compiled_map.inc"
  EXPECT_EQ(used.pfn, pfn_t{0x200000});
}

TEST_F(MapExamples, DaxExtent) {
  const uint64_t end = 1280;
#include "tests/examples/dm/map/dax_extent.inc"
  ASSERT_EQ(n, 2);
  EXPECT_EQ(extents[0], (DaxExtent{.pfn = 0x100000, .pages = 256}));
}

TEST_F(MapExamples, ExtentTable){
#include "tests/examples/dm/map/extent_table.inc"
}

TEST_F(MapExamples, RunSearch) {
  if (!CanSearchRuns<uint32_t>(BestSimd())) {
    GTEST_SKIP() << "this processor has no AVX-512";
  }
  NarrowExtents extents;
  extents.Add(0, 1000);
  extents.Add(16, 5000);
  extents.Add(40, NarrowExtents::kSpecial);
  extents.Finish(64);
  const uint16_t slots[1] = {};
  const uint32_t shift = 6;
  std::vector<uint64_t> asked;
  const auto AskTheChain = [&](uint64_t page) { asked.push_back(page); };
#include "tests/examples/dm/map/run_search.inc"
  EXPECT_EQ(pfns[1], 5001);
  EXPECT_THAT(asked, testing::ElementsAre(40));
}

TEST_F(MapExamples, StripeKernels) {
  const StripePeriod period{.period = Reciprocal(32),
                            .granule = Reciprocal(16),
                            .advance = 16,
                            .base = {1000, 5000}};
#include "tests/examples/dm/map/stripe_kernels.inc"
  EXPECT_EQ(pfn, 5001);
  EXPECT_EQ(run, 15);
  EXPECT_THAT(pfns, testing::ElementsAre(1000, 5001, 1024));
}

TEST_F(MapExamples, StripePeriod) {
#include "tests/examples/dm/map/stripe_period.inc"
}

}  // namespace
}  // namespace dmdax
