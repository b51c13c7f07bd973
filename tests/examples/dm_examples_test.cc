// SPDX-License-Identifier: Apache-2.0
//
// The examples of dm/ and dm/wire/.
#include "dm/arg_set.h"
#include "dm/bio_map.h"
#include "dm/dm_split_args.h"
#include "dm/io/direct_io.h"
#include "dm/linear_rows.h"
#include "dm/linear_targets.h"
#include "dm/mapped_device_state.h"
#include "dm/stack_depth.h"
#include "dm/wire/ctl_ioctl.h"
#include "dm/wire/ioctl_commands.h"
#include "tests/dm_testing.h"
#include "tests/examples/examples.h"

namespace dmdax {
namespace {

class DmExamples : public DmTest {};

TEST_F(DmExamples, ArgSet) {
  ASSERT_THAT(Create("d0", {Row(0, 8, "zero")}), IsOk());
  const DmTarget& ti = *Md("d0").live_table()->FindTarget(sector_t{0});
  const auto read = [&](std::vector<std::string> argv) -> absl::Status {
#include "tests/examples/dm/arg_set.inc"
    return absl::OkStatus();
  };
  EXPECT_THAT(read({"8"}), IsOk());
  EXPECT_THAT(read({"x"}), HasErrno(EINVAL, "Invalid up interval"));
}

TEST_F(DmExamples, DirectIo) {
  ASSERT_THAT(Create("lower", {Row(0, 16, "linear", "/dev/pmem0 0")}), IsOk());
  ASSERT_THAT(Create("upper", {Row(0, 16, "linear", "/dev/mapper/lower 0")}),
              IsOk());
  ASSERT_THAT(Load("lower", {Row(0, 8, "linear", "/dev/pmem0 0")}), IsOk());
  ASSERT_THAT(Resume("lower"), IsOk());
  Machine& machine = this->machine();
  BlockDevice* bdev = &Md("upper").disk();
  const std::vector<char> bytes(512);
#include "tests/examples/dm/io/direct_io.inc"
  EXPECT_THAT(n, HasErrno(EIO));
}

TEST_F(DmExamples, BioMap) {
  ASSERT_THAT(Create("d0", {Row(0, 2048, "linear", "/dev/sda 16")}), IsOk());
  BlockDevice* bdev = machine().FindBdevByName("dm-0");
#include "tests/examples/dm/bio_map.inc"
  EXPECT_EQ(route.hops.back().bdev->name(), "sda");
  EXPECT_EQ(route.hops.back().sector, sector_t{40});
  EXPECT_EQ(route.kind, BioMap::Kind::kRemapped);
}

// What the example leaves to its author.
BioMap FooMap(const DmTarget&, sector_t, ReqOp) { return {}; }
#include "tests/examples/dm/device_mapper.inc"

TEST_F(DmExamples, DeviceMapper) {
  EXPECT_THAT(Create("d0", {Row(0, 8, "foo", "/dev/pmem0 0")}), IsOk());
  EXPECT_THAT(Create("d1", {Row(0, 8, "foo", "/dev/pmem0")}), HasErrno(EINVAL));
}

TEST_F(DmExamples, DmIoctl) {
  Machine& machine = this->machine();
#include "tests/examples/dm/dm_ioctl.inc"
  EXPECT_TRUE(ctl.FindDevice("d0")->dax_dev().alive());
}

TEST_F(DmExamples, DmSplitArgs){
#include "tests/examples/dm/dm_split_args.inc"
}

TEST_F(DmExamples, DmTable) {
  ASSERT_THAT(New("d0"), IsOk());
  MappedDevice& md = Md("d0");
#include "tests/examples/dm/dm_table.inc"
  ASSERT_NE(ti, nullptr);
  EXPECT_EQ(ti->type->name, "linear");
}

TEST_F(DmExamples, MappedDeviceState) {
  ASSERT_THAT(Create("d0", {Row(0, 2048, "linear", "/dev/pmem0 0")}), IsOk());
  MappedDevice& md = Md("d0");
  const auto fresh = SmallMachine(machine().profile());
  DmCtl fresh_ctl(*fresh);
#include "tests/examples/dm/mapped_device_state.inc"
  EXPECT_THAT(s, IsOk());
  EXPECT_NE(fresh_ctl.FindDevice("home"), nullptr);
}

TEST_F(DmExamples, LinearRows) {
  ASSERT_THAT(New("d0"), IsOk());
  DmCtl& ctl = this->ctl();
  DmIoctl io{.name = "d0"};
#include "tests/examples/dm/linear_rows.inc"
  EXPECT_EQ(Table("d0", DM_STATUS_TABLE_FLAG | DM_QUERY_INACTIVE_TABLE_FLAG),
            "0 2048 linear 259:1 0\n");
}

TEST_F(DmExamples, LinearTargets) {
  ASSERT_THAT(New("d0"), IsOk());
  DmTable table(Md("d0"), FMODE_READ);
  auto rows = std::make_shared<LinearRows>();
  rows->devices = {"/dev/pmem0"};
  rows->Add(/*row_length=*/2048, /*row_device=*/0, /*row_start=*/8);
  const uint64_t sectors = 2048;
  // As DmTable::AddLinearRows() does: the first row opens the device.
  ASSERT_THAT(
      table.AddTarget("linear", sector_t{0}, sector_t{2048}, rows->Params(0)),
      IsOk());
  const DmTarget& first = *table.FindTarget(sector_t{0});
  std::vector<LinearTargets::Use> uses = {{.begin = 0, .rows = 1}};
  first.type->iterate_devices(first, [&](const DmDev& dev, sector_t, sector_t) {
    uses[0].dev = &dev;
    return 0;
  });
  const TargetType& linear = *first.type;
#include "tests/examples/dm/linear_targets.inc"
  ASSERT_NE(ti, nullptr);
  EXPECT_EQ(ti, &all[0]);
}

TEST_F(DmExamples, StackDepth){
#include "tests/examples/dm/stack_depth.inc"
}

TEST_F(DmExamples, CtlIoctl) {
  DmCtl& ctl = this->ctl();
  std::vector<char> buffer(DmIoctlLayout::kSize);
  const auto create = [&]() -> int {
#include "tests/examples/dm/wire/ctl_ioctl.inc"
  };
  EXPECT_EQ(create(), -EINVAL) << "version 0";
  buffer[DmIoctlLayout::kVersion] = 4;
  buffer[DmIoctlLayout::kDataSize + 1] = DmIoctlLayout::kSize >> 8;
  buffer[DmIoctlLayout::kDataSize] = DmIoctlLayout::kSize & 0xff;
  buffer[DmIoctlLayout::kName] = 'a';
  EXPECT_EQ(create(), 0);
  EXPECT_NE(ctl.FindDevice("a"), nullptr);
}

TEST_F(DmExamples, IoctlCommands) {
  ASSERT_THAT(New("d0"), IsOk());
  DmCtl& ctl = this->ctl();
  DmFile file(ctl);
  IoctlParam param(std::string(DmIoctlLayout::kSize, '\0'),
                   DmIoctlLayout::kSize);
  param.SetHeader({.name = "d0"});
  absl::Status s = absl::UnknownError("not called");
#include "tests/examples/dm/wire/ioctl_commands.inc"
  EXPECT_THAT(s, IsOk());
}

}  // namespace
}  // namespace dmdax
