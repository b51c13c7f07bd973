// SPDX-License-Identifier: Apache-2.0
//
// The examples of tools/draw/.
#include <cstdlib>
#include <iostream>
#include <string>

#include "process/sweep/dax_sweep.h"
#include "state/find_device.h"
#include "state/world_load.h"
#include "tests/examples/examples.h"
#include "tools/check/dax_depth.h"
#include "tools/check/subject.h"
#include "tools/draw/draw_layout.h"
#include "tools/draw/draw_model.h"
#include "tools/draw/draw_rows.h"
#include "tools/draw/draw_strip.h"
#include "tools/draw/draw_svg_strip.h"
#include "tools/draw/draw_write.h"
#include "tools/draw/output_file.h"

namespace dmdax {
namespace {

class DrawExamples : public testing::Test {
 protected:
  DrawExamples() {
    world.set_kernel("v6_1");
    proto::Pmem* pmem = world.add_pmem();
    pmem->set_name("pmem0");
    pmem->set_base(uint64_t{1} << 32);
    pmem->set_size(64 << 20);
    proto::MappedDevice* device = world.add_mapped_device();
    device->set_name("vg-home");
    proto::Target* row = device->mutable_table()->add_target();
    row->set_length(8192);
    row->mutable_linear()->set_device("/dev/pmem0");
    row->mutable_linear()->set_start(2048);
    session = *LoadWorld(world);
    bdev = *FindDevice(session, "vg-home");
  }
  proto::World world;
  Session session;
  BlockDevice* bdev = nullptr;
  DrawNode node;
};

TEST_F(DrawExamples, DrawModel) {
  testing::internal::CaptureStdout();
#include "tests/examples/tools/draw/draw_model.inc"
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "0: vg-home\n1: pmem0\n");
}

TEST_F(DrawExamples, DrawWrite) {
  testing::internal::CaptureStdout();
#include "tests/examples/tools/draw/draw_write.inc"
  EXPECT_NE(testing::internal::GetCapturedStdout().find("digraph"),
            std::string::npos);
}

TEST_F(DrawExamples, DrawLayout) {
  const DrawModel model = *MakeDrawModel({world, "v6_1"});
  testing::internal::CaptureStdout();
#include "tests/examples/tools/draw/draw_layout.inc"
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "0\n0\n");
}

TEST_F(DrawExamples, DrawRows) {
#include "tests/examples/tools/draw/draw_rows.inc"
  EXPECT_EQ(node.rows[0].legs[0].start, 1 << 20);
}

TEST_F(DrawExamples, DrawStrip) {
  Subject subject = OpenDeviceSubject(session, *bdev, "vg-home");
  const FaultProfile& faults = session.user->faults();
  node.size = subject.size;
  absl::StatusOr<DaxSweep> sweep = SweepDax(
      *session.user, {.file = subject.file, .size = node.size, .order = 9});
  DrawModel model;
#include "tests/examples/tools/draw/draw_strip.inc"
  EXPECT_EQ(node.shares.pte, 4 << 20);
#include "tests/examples/tools/draw/draw_svg_strip.inc"
  EXPECT_NE(svg.find("class=\"pte\""), std::string::npos);
  CloseSubject(session, subject);
}

TEST_F(DrawExamples, OutputFile) {
  const std::string html = "<p>";
#include "tests/examples/tools/draw/output_file.inc"
}

}  // namespace
}  // namespace dmdax
