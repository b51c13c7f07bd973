// SPDX-License-Identifier: Apache-2.0
//
// The examples of tools/diff/ and of what it asks.
#include <iostream>
#include <string>
#include <vector>

#include "state/world_load.h"
#include "tests/examples/examples.h"
#include "tools/dax_query.h"
#include "tools/diff/chain_parting.h"
#include "tools/diff/page_diff.h"
#include "tools/diff/page_runs.h"
#include "tools/diff/step_text.h"

namespace dmdax {
namespace {

class DiffExamples : public testing::Test {
 protected:
  DiffExamples() {
    world.set_kernel("v6_1");
    proto::Pmem* pmem = world.add_pmem();
    pmem->set_name("pmem0");
    pmem->set_base(uint64_t{1} << 32);
    pmem->set_size(512 << 20);
    AddDevice("home", 0);
    AddDevice("fast", 2048);
    session = *LoadWorld(world);
  }
  void AddDevice(const char* name, uint64_t start) {
    proto::MappedDevice* device = world.add_mapped_device();
    device->set_name(name);
    proto::Target* row = device->mutable_table()->add_target();
    row->set_length(8192);
    row->mutable_linear()->set_device("/dev/pmem0");
    row->mutable_linear()->set_start(start);
  }
  DaxQuery Query(const char* name) { return *DaxQuery::Create(session, name); }
  proto::World world;
  Session session;
};

TEST_F(DiffExamples, DaxQuery) {
#include "tests/examples/tools/dax_query.inc"
  EXPECT_EQ(access.ret, 512);
}

TEST_F(DiffExamples, PageRuns) {
  const DaxQuery query = Query("fast");
#include "tests/examples/tools/diff/page_runs.inc"
  EXPECT_THAT(s, IsOk());
  ASSERT_EQ(runs.size(), 1u);
  EXPECT_EQ(runs[0].FrameAt(0), 0x100100);
  EXPECT_EQ(runs[0].AnswerAt(1000, 512), 24);
}

TEST_F(DiffExamples, PageDiff) {
  const DaxQuery a = Query("home"), b = Query("fast");
  testing::internal::CaptureStdout();
#include "tests/examples/tools/diff/page_diff.inc"
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "0\n");
  EXPECT_EQ(diff->frames.pages, 1024u);
}

TEST_F(DiffExamples, ChainParting) {
  Trace home, fast;
  Query("home").Ask(pgoff_t{0}, 1, &home);
  Query("fast").Ask(pgoff_t{0}, 1, &fast);
  const auto a = home.steps(), b = fast.steps();
  const auto same_device = [](const TraceStep&, const TraceStep&) {
    return false;
  };
  testing::internal::CaptureStdout();
#include "tests/examples/tools/diff/chain_parting.inc"
  EXPECT_EQ(testing::internal::GetCapturedStdout(),
            "target linear [0 +8192] of home (dm-0)\n"
            "target linear [0 +8192] of fast (dm-1)\n");
}

TEST_F(DiffExamples, StepText) {
  Trace trace;
  Query("home").Ask(pgoff_t{0}, 512, &trace);
  testing::internal::CaptureStdout();
#include "tests/examples/tools/diff/step_text.inc"
  EXPECT_EQ(testing::internal::GetCapturedStdout(),
            "dm_dax_direct_access(home [dm-0], pgoff=0, nr_pages=512) = 512\n"
            "    sector 0 = 0 * 8\n");
}

}  // namespace
}  // namespace dmdax
