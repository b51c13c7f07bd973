// SPDX-License-Identifier: Apache-2.0
//
// The examples of state/.
#include <fcntl.h>

#include <iostream>
#include <memory>

#include "formats/world_format.h"
#include "process/sweep/dax_sweep.h"
#include "state/any_bytes.h"
#include "state/device_file.h"
#include "state/dir/disk_file_dir.h"
#include "state/dir/state_hold.h"
#include "state/dm_load.h"
#include "state/dm_snapshot.h"
#include "state/find_device.h"
#include "state/hardware.h"
#include "state/nodes.h"
#include "state/packed_table.h"
#include "state/part/changed_part.h"
#include "state/part/run_on_part.h"
#include "state/part/state_part.h"
#include "state/part/state_tags.h"
#include "state/private_dir.h"
#include "state/repeat_touches.h"
#include "state/row_hint.h"
#include "state/row_positions.h"
#include "state/session.h"
#include "state/source_map.h"
#include "state/sqlite.h"
#include "state/state_db.h"
#include "state/state_dir.h"
#include "state/state_lock.h"
#include "state/state_objects.h"
#include "state/state_schema.h"
#include "state/target_spec.h"
#include "state/user_file.h"
#include "state/user_world.h"
#include "state/world_load.h"
#include "tests/dm_testing.h"
#include "tests/examples/examples.h"
#include "tools/dmsetup/dmsetup.h"

namespace dmdax {
namespace {

constexpr char kWorld[] = R"(
pmem { name: "pmem0" base: 0x100000000 size: 67108864 }
mapped_device {
  name: "home"
  table { target { start: 0 length: 2048 linear { device: "/dev/pmem0" } } }
}
mount { path: "/mnt" device: "/dev/mapper/home" type: "ext4"
        file { name: "f" size: 4096 extent { physical: 4096 length: 4096 } } }
)";

class StateExamples : public DmTest {
 protected:
  absl::StatusOr<ParsedWorld> parsed = ParseWorld(kWorld, "w.textproto");
  proto::World& world = parsed->world;
  proto::World saved;
};

TEST_F(StateExamples, AnyBytes) {
  proto::World message;
  message.add_pmem()->set_name("\xff");
#include "tests/examples/state/any_bytes.inc"
  EXPECT_EQ(message.pmem(0).name(), "\xff");
}

TEST_F(StateExamples, DmLoad) {
  const ParsedWorld* w = &*parsed;
  Session session = NewSession(DefaultKernelProfile(), 254);
  ASSERT_THAT(AddHardware(world, *session.machine), IsOk());
#include "tests/examples/state/dm_load.inc"
  EXPECT_THAT(s, IsOk());
}

TEST_F(StateExamples, FindDevice) {
  const Session session = *LoadWorld(world, parsed->source);
#include "tests/examples/state/find_device.inc"
  ASSERT_THAT(bdev, IsOk());
  for (const char* name : {"/dev/mapper/home", "/dev/dm-0", "254:0"}) {
    EXPECT_THAT(FindDevice(session, name), IsOkAndHolds(*bdev));
  }
}

TEST_F(StateExamples, DeviceFile) {
  Session session = *LoadWorld(world, parsed->source);
  const absl::StatusOr<BlockDevice*> found = FindDevice(session, "home");
  BlockDevice* bdev = *found;
#include "tests/examples/state/device_file.inc"
  EXPECT_THAT(file, IsOk());
}

TEST_F(StateExamples, DmSnapshot) {
  ASSERT_THAT(Create("d0", {Row(0, 2048, "linear", "/dev/pmem0 0")}), IsOk());
  DmCtl& ctl = this->ctl();
  const auto fresh = SmallMachine(machine().profile());
  DmCtl fresh_ctl(*fresh);
#include "tests/examples/state/dm_snapshot.inc"
  EXPECT_NE(fresh_ctl.FindDevice("d0"), nullptr);
}

TEST_F(StateExamples, Hardware) {
  const KernelProfile* profile = &this->machine().profile();
  DmCtl& ctl = this->ctl();
#include "tests/examples/state/hardware.inc"
  EXPECT_EQ(saved.pmem(0).name(), "pmem0");
}

TEST_F(StateExamples, Nodes) {
  const SourceMap map;
  Session session = NewSession(DefaultKernelProfile(), 254);
  Machine& machine = *session.machine;
#include "tests/examples/state/nodes.inc"
  EXPECT_THAT(s, IsOk());
}

TEST_F(StateExamples, PackedTable) {
  proto::Table table = world.mapped_device(0).table();
#include "tests/examples/state/packed_table.inc"
  ASSERT_NE(rows, nullptr);
  EXPECT_EQ(rows->size(), 1);
}

TEST_F(StateExamples, Directories) {
  // Not called: /tmp/s may be anybody's.
  [[maybe_unused]] const auto open_dir = [] {
#include "tests/examples/state/private_dir.inc"
  };
  using PrivateDirPtr = std::shared_ptr<const PrivateDir>;
  [[maybe_unused]] const auto make_file = [](const PrivateDirPtr& dir) {
#include "tests/examples/state/dir/disk_file_dir.inc"
  };
  [[maybe_unused]] const auto hold_open = [](const PrivateDirPtr& dir) {
#include "tests/examples/state/dir/state_hold.inc"
  };
  [[maybe_unused]] const auto open_state = [] {
#include "tests/examples/state/state_dir.inc"
  };
  [[maybe_unused]] const auto open_db = [] {
#include "tests/examples/state/state_db.inc"
  };
  [[maybe_unused]] const auto open_sqlite = [] {
    const auto Use = [](absl::string_view) {};
#include "tests/examples/state/sqlite.inc"
  };
  [[maybe_unused]] const auto take = [](const PrivateDir& dir) {
    const StateWait wait;
#include "tests/examples/state/state_lock.inc"
  };
}

TEST_F(StateExamples, Parts) {
  [[maybe_unused]] const auto run = [] {
    absl::StatusOr<StateDir> dir;
    PartSession ran;
    DmsetupResult answer;
#include "tests/examples/state/part/run_on_part.inc"
  };
  [[maybe_unused]] const auto load = [] {
    absl::StatusOr<StateDb> db;
#include "tests/examples/state/part/state_part.inc"
  };
  [[maybe_unused]] const auto keep = [](const Session& session) {
    const std::shared_ptr<DiskFiles> files;
    constexpr uint64_t generation = 1;
#include "tests/examples/state/part/changed_part.inc"
  };
  proto::Node node;
  node.set_dev("259:0");
  const std::string bytes = node.SerializeAsString();
#include "tests/examples/state/part/state_tags.inc"
}

TEST_F(StateExamples, StateSchema) {
#include "tests/examples/state/state_schema.inc"
  EXPECT_THAT(s, IsOk());
  EXPECT_EQ(*was, 0);
  EXPECT_EQ(*is, kStateFormat);
}

TEST_F(StateExamples, RowPositions) {
#include "tests/examples/state/row_positions.inc"
  EXPECT_EQ(now, (std::vector<int64_t>{1, 1 << 20, 2 << 20, 3 << 20}));
}

TEST_F(StateExamples, StateObjects) {
  proto::StateSnapshot snapshot;
  snapshot.mutable_world()->add_pmem()->set_name("pmem0");
#include "tests/examples/state/state_objects.inc"
  EXPECT_EQ(again.world().pmem(0).name(), "pmem0");
}

TEST_F(StateExamples, RepeatTouches) {
  const Session session = NewSession(DefaultKernelProfile(), 254);
  UserSpace& user = *session.user;
  Task* const task = *user.AddTask(1);
  const auto vma = task->mm().Mmap(
      {.len = 4096, .prot = PROT_READ, .flags = MAP_PRIVATE | MAP_ANONYMOUS});
  ASSERT_THAT(vma, IsOk());
  const uint64_t at = (*vma)->vm_start;
#include "tests/examples/state/repeat_touches.inc"
  EXPECT_EQ(task->touches().size(), 1u);
}

TEST_F(StateExamples, RowHint) {
  ASSERT_THAT(machine().AddPmem(
                  {.name = "big", .base = 0x400000000, .size = 512 << 20}),
              IsOk());
  ASSERT_THAT(New("d0"), IsOk());
  const std::vector<DmTargetSpec> specs = {
      Row(0, 8, "zero"), Row(8, 8, "zero"), Row(16, 8, "zero"),
      Row(24, 1048584, "linear", "/dev/big 0")};
  ASSERT_THAT(Load("d0", specs), HasErrno(EINVAL));
  const std::vector<std::string> log = Log();
  const unsigned mode = FMODE_READ | FMODE_WRITE;
  const std::optional<size_t> bad_row;
  MappedDevice& md = Md("d0");
#include "tests/examples/state/row_hint.inc"
}

TEST_F(StateExamples, Session) {
  const proto::StateSnapshot snapshot =
      SnapshotOf(*LoadWorld(world, parsed->source), 0);
  struct {
    proto::StateSnapshot written;
    absl::Status Write(const proto::StateSnapshot& snapshot) {
      written = snapshot;
      return absl::OkStatus();
    }
  } dir;
#include "tests/examples/state/session.inc"
  EXPECT_EQ(dir.written.world().mapped_device(0).name(), "home");
}

TEST_F(StateExamples, SourceMap) {
  const std::string bytes = kWorld;
#include "tests/examples/state/source_map.inc"
  EXPECT_EQ(w->source.Locate("mapped_device[0].name"), "w.textproto:4:3: ");
}

TEST_F(StateExamples, TargetSpec){
#include "tests/examples/state/target_spec.inc"
}

TEST_F(StateExamples, UserFile) {
#include "tests/examples/state/user_file.inc"
  EXPECT_EQ(f->size, 4096);
}

TEST_F(StateExamples, UserWorld) {
  const SourceMap& source_map = parsed->source;
  proto::World below = world;
  below.clear_mount();
  Session session = *LoadWorld(below, source_map);
#include "tests/examples/state/user_world.inc"
  EXPECT_EQ(saved.mount(0).path(), "/mnt");
}

TEST_F(StateExamples, WorldLoad) {
  const ParsedWorld* w = &*parsed;
#include "tests/examples/state/world_load.inc"
  EXPECT_THAT(session, IsOk());
}

}  // namespace
}  // namespace dmdax
