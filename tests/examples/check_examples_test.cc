// SPDX-License-Identifier: Apache-2.0
//
// The examples of tools/check/.
#include <iostream>

#include "state/find_device.h"
#include "state/target_spec.h"
#include "state/world_load.h"
#include "tests/dm_testing.h"
#include "tests/examples/examples.h"
#include "tools/check/cure.h"
#include "tools/check/dax_check.h"
#include "tools/check/dax_depth.h"
#include "tools/check/fit_rows.h"
#include "tools/check/fresh_files.h"
#include "tools/check/hidden_volume.h"
#include "tools/check/leg_offs.h"
#include "tools/check/look.h"
#include "tools/check/machine_check.h"
#include "tools/check/move_rows.h"
#include "tools/check/neighbours.h"
#include "tools/check/row_words.h"
#include "tools/check/subject.h"
#include "tools/check/try_cure.h"
#include "tools/check/world_part.h"
#include "tools/check/world_rows.h"

namespace dmdax {
namespace {

// A volume that begins off a boundary.
class CheckExamples : public testing::Test {
 protected:
  CheckExamples() {
    proto::Pmem* pmem = world.add_pmem();
    pmem->set_name("pmem0");
    pmem->set_base(1ull << 32);
    pmem->set_size(64 << 20);
    proto::MappedDevice* device = world.add_mapped_device();
    device->set_name("vg-home");
    proto::Target* row = device->mutable_table()->add_target();
    row->set_length(8192);
    row->mutable_linear()->set_device("/dev/pmem0");
    row->mutable_linear()->set_start(2048);
    session = *LoadWorld(world);
  }
  proto::World world;
  Session session;
};

TEST_F(CheckExamples, Cure) {
  const Subject subject = *OpenSubject(session, "vg-home");
  const FaultReason reason{
      .code = FaultReasonCode::kRunMaxSectors,
      .level = TraceStep{.function = TraceFunction::kDmDaxDirectAccess,
                         .device = "dm-0",
                         .name = "vg-home"}};
#include "tests/examples/tools/check/cure.inc"
  EXPECT_EQ(better.mapped_device(0).max_sectors_kb(), 2048);
}

TEST_F(CheckExamples, DaxDepth) {
  BlockDevice* bdev = *FindDevice(session, "vg-home");
#include "tests/examples/tools/check/dax_depth.inc"
}

TEST_F(CheckExamples, Subject) {
  uint64_t swept = 0;
  const auto Sweep = [&](const std::shared_ptr<File>&, uint64_t size) {
    swept += size;
  };
#include "tests/examples/tools/check/subject.inc"
  EXPECT_EQ(swept, 4 << 20);
}

TEST_F(CheckExamples, Look) {
  const auto look_at = [&]() -> absl::Status {
#include "tests/examples/tools/check/look.inc"
    EXPECT_EQ(look.shares.pte, 4 << 20);
    EXPECT_EQ(look.obstacles.size(), 1u);
    return absl::OkStatus();
  };
  EXPECT_THAT(look_at(), IsOk());
}

TEST_F(CheckExamples, DaxCheck) {
  const auto run = [&]() -> absl::Status {
#include "tests/examples/tools/check/dax_check.inc"
    return checker.error();
  };
  EXPECT_THAT(run(), IsOk());
}

TEST_F(CheckExamples, MachineCheck) {
  std::vector<std::string> cured;
  const auto Use = [&](const DaxCheck& check) {
    if (check.best.pmd == 4 << 20) cured.push_back(check.kernel);
  };
#include "tests/examples/tools/check/machine_check.inc"
  EXPECT_THAT(cured, testing::ElementsAre("v6_1", "v6_12"));
}

TEST_F(CheckExamples, HiddenVolume){
#include "tests/examples/tools/check/hidden_volume.inc"
}

TEST_F(CheckExamples, FreshFiles) {
  proto::Mount& mount = *world.add_mount();
  mount.set_path("/mnt");
  mount.set_device("/dev/mapper/vg-home");
  proto::File& file = *mount.add_file();
  file.set_name("f");
  file.set_size(2 << 20);
  session = *LoadWorld(world);
  const Session& machine = session;
  BlockDevice* const bdev = *FindDevice(session, "vg-home");
  const Subject subject = *OpenSubject(session, "/mnt/f");
  testing::internal::CaptureStdout();
#include "tests/examples/tools/check/fresh_files.inc"
  EXPECT_THAT(testing::internal::GetCapturedStdout(),
              testing::EndsWith("truncate -s 2097152 /mnt/f\n"));
}

TEST_F(CheckExamples, MoveRows) {
  const Subject subject = *OpenSubject(session, "vg-home");
  const FaultReason reason{};
  const CureRequest request{
      .reason = reason, .session = session, .subject = subject};
  proto::MappedDevice* const volume = world.mutable_mapped_device(0);
  uint64_t start = 0;
  const auto Use = [&](const proto::World& moved) {
    start = moved.mapped_device(0).table().target(0).linear().start();
  };
#include "tests/examples/tools/check/move_rows.inc"
  EXPECT_EQ(start, 4096);
}

TEST_F(CheckExamples, LegOffs) {
  const proto::Target& row = world.mapped_device(0).table().target(0);
  int moves = 0;
  const auto Move = [&](const proto::Target&) { ++moves; };
#include "tests/examples/tools/check/leg_offs.inc"
  EXPECT_EQ(moves, 1);
}

TEST_F(CheckExamples, FitRows) {
  proto::Target* row =
      world.mutable_mapped_device(0)->mutable_table()->mutable_target(0);
  row->set_length((64 << 20) / 512);
  row->mutable_linear()->set_start(0);
#include "tests/examples/tools/check/fit_rows.inc"
  EXPECT_EQ(world.mapped_device(0).table().target(0).length(),
            (62 << 20) / 512);
}

TEST_F(CheckExamples, RowWords) {
  proto::Target row;
  row.mutable_raw()->set_type("mirror");
  row.mutable_raw()->set_params("2 noflush 100 last");
#include "tests/examples/tools/check/row_words.inc"
  EXPECT_EQ(words.Next(), "last");
}

TEST_F(CheckExamples, Neighbours) {
  // What stands on the volume makes up for where that begins.
  proto::MappedDevice* upper = world.add_mapped_device();
  upper->set_name("upper");
  proto::Target* row = upper->mutable_table()->add_target();
  row->set_length(4096);
  row->mutable_linear()->set_device("/dev/mapper/vg-home");
  row->mutable_linear()->set_start(2048);
  session = *LoadWorld(world);
  const Session& machine = session;
  StandsOn stands_on(world, session);
  const Subject subject = *OpenSubject(session, "vg-home");
  proto::World better = world;
  row = better.mutable_mapped_device(0)->mutable_table()->mutable_target(0);
  row->mutable_linear()->set_start(4096);
  const Cure cure;
  const auto loss_of = [&]() -> std::string {
#include "tests/examples/tools/check/neighbours.inc"
    return fate.losses;
  };
  EXPECT_EQ(loss_of(), "upper has 2 MiB in large pages now, and then 0 bytes");
}

TEST_F(CheckExamples, TryCure) {
  const Session& machine = session;
  StandsOn stands_on(world, session);
  const Look look = LookAt(session, {"vg-home", Wish::kPmd});
  const proto::World& part = world;
  constexpr uint64_t used_end = 0;
#include "tests/examples/tools/check/try_cure.inc"
  EXPECT_EQ(tried.better.mapped_device(0).table().target(0).linear().start(),
            4096);
}

TEST_F(CheckExamples, WorldPart) {
  const Subject subject = *OpenSubject(session, "vg-home");
#include "tests/examples/tools/check/world_part.inc"
  EXPECT_EQ(part.mapped_device_size(), 1);
  EXPECT_EQ(part.pmem_size(), 1);
}

TEST_F(CheckExamples, WorldRows) {
#include "tests/examples/tools/check/world_rows.inc"
  EXPECT_EQ(device->table().target(0).length(), 4096);
}

}  // namespace
}  // namespace dmdax
