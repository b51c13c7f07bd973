// SPDX-License-Identifier: Apache-2.0
//
// Devices as values: what is refused, and in whose name.  That all comes back
// is tests/state/dm_snapshot_test.cc.
#include <cerrno>

#include "dm/mapped_device_state.h"
#include "tests/dm_testing.h"

namespace dmdax {
namespace {

using testing::ElementsAre;

class DmRestoreTest : public DmTest {
 protected:
  // A live device with one row.
  static DmDeviceState Device(std::string name, uint32_t minor,
                              DmRowState row) {
    DmDeviceState state;
    state.name = std::move(name);
    state.minor = minor;
    state.md.type = DM_TYPE_DAX_BIO_BASED;
    state.md.disk_added = true;
    state.table.emplace();
    state.table->mode = FMODE_READ | FMODE_WRITE;
    state.table->type = DM_TYPE_DAX_BIO_BASED;
    state.table->num_rows = 1;
    state.table->row = [row](size_t) { return row; };
    return state;
  }
  static DmDeviceState OnPmem(std::string name, uint32_t minor) {
    return Device(std::move(name), minor, kRow);
  }
  static constexpr DmRowState kRow{.type = "linear",
                                   .start = sector_t{0},
                                   .len = sector_t{8},
                                   .params = "259:0 0",
                                   .target_state = nullptr};
};

TEST_F(DmRestoreTest, InTheOrderGiven) {
  DmDeviceState late = OnPmem("a", 9);
  late.md.event_nr = 3;
  late.md.deferred_remove = true;
  const std::vector<DmDeviceState> states = {OnPmem("b", 1), late};
  ASSERT_THAT(ctl().Restore(states), IsOk());
  EXPECT_EQ(Table("b"), "0 8 linear 259:0 0\n");
  std::vector<std::string> names;
  ctl().ForEachDevice(
      [&](const HashCell& cell) { names.push_back(cell.name); });
  EXPECT_THAT(names, ElementsAre("b", "a"));
  const MappedDeviceState again = Md("a").Save();
  EXPECT_EQ(again.event_nr, 3u);
  EXPECT_TRUE(again.deferred_remove);
  ASSERT_EQ(again.table_devices.size(), 1u);
  EXPECT_EQ(again.table_devices[0].dev, (DevT{259, 0}));
  // Nobody has it open: the next close of any device takes it away.
  ctl().DoDeferredRemove();
  EXPECT_EQ(ctl().FindDevice("a"), nullptr);
}

TEST_F(DmRestoreTest, WhatNoDeviceCanHave) {
  const auto refuse = [&](DmDeviceState state, int err, std::string why) {
    Boot("v6_1");
    EXPECT_THAT(ctl().Restore({&state, 1}), HasErrno(err, why));
  };
  const std::string values = ": bad name, uuid, minor or type";
  refuse(OnPmem("", 0), EINVAL, values);
  refuse(OnPmem("d", DmHash::kMaxMinors), EINVAL, "d" + values);
  DmDeviceState state = OnPmem("d", 0);
  state.md.type = static_cast<DmQueueMode>(4);
  refuse(state, EINVAL, "d" + values);
  state = OnPmem("d", 0);
  state.md.stats.push_back({1, {8, 8, 1, false, {}, "-", "-"}});
  refuse(state, EINVAL, "d: bad statistics region");
  state = OnPmem("d", 0);
  state.md.table_devices.push_back({DevT{9, 9}, FMODE_READ, true});
  refuse(state, ENXIO, "d: device 9:9: no device 9:9");
  DmRowState row = kRow;
  row.type = "nope";
  refuse(Device("d", 3, row), EINVAL, "254:3: nope: unknown target type");
  const std::string kept = "x";
  row = kRow;
  row.target_state = &kept;
  refuse(Device("d", 3, row), EINVAL, "254:3: bad state of row 0");
}

TEST_F(DmRestoreTest, NamesAndNumbersAreUnique) {
  const std::vector<DmDeviceState> names = {OnPmem("d", 0), OnPmem("d", 1)};
  EXPECT_THAT(ctl().Restore(names), HasErrno(EBUSY, "d: name 'd' is taken"));
  Boot("v6_1");
  const std::vector<DmDeviceState> minors = {OnPmem("c", 0), OnPmem("d", 0)};
  EXPECT_THAT(ctl().Restore(minors),
              HasErrno(EINVAL, "d: bad name, uuid, minor or type"));
}

}  // namespace
}  // namespace dmdax
