// SPDX-License-Identifier: Apache-2.0
//
// Worlds that load; those that do not are in golden/world_errors.golden.
#include "state/world_load.h"

#include <google/protobuf/text_format.h>
#include <google/protobuf/util/message_differencer.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <random>

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "block/read_ahead.h"
#include "dm/mapped_device.h"
#include "formats/world_format.h"
#include "gtest/gtest.h"
#include "state/load_order.h"

namespace dmdax {
namespace {

using google::protobuf::util::MessageDifferencer;

proto::World Text(const std::string& text) {
  absl::StatusOr<ParsedWorld> w = ParseWorld(text, "w");
  EXPECT_TRUE(w.ok()) << w.status();
  return w.ok() ? w->world : proto::World();
}

Session Load(const std::string& text) {
  absl::StatusOr<Session> session = LoadWorld(Text(text));
  EXPECT_TRUE(session.ok()) << session.status();
  return session.ok() ? *std::move(session)
                      : NewSession(DefaultKernelProfile(), 0);
}

constexpr char kPmem[] =
    "pmem { name: 'pmem0' base: 0x100000000 size: 0x20000000 } ";

// A row that is all of `device`, 8 sectors.
std::string On(const std::string& device) {
  return absl::StrCat("table { target { length: 8 linear { device: '", device,
                      "' } } } ");
}

int64_t FirstPfn(const Session& session, const std::string& name) {
  std::shared_ptr<MappedDevice> md = session.ctl->FindDevice(name);
  if (md == nullptr) return -ENODEV;
  const DaxAccess a = DaxDirectAccess(&md->dax_dev(), pgoff_t{0}, 1,
                                      DaxAccessMode::kAccess, nullptr);
  return a.ret < 0 ? a.ret : static_cast<int64_t>(a.pfn.value());
}

TEST(WorldLoad, WhatIsNotModelledSaysSoAtItsRow) {
  const absl::StatusOr<Session> session = LoadWorld(Text(absl::StrCat(
      kPmem,
      "mapped_device { name: 'a' table { target { length: 8 raw { type: 'raid' "
      "params: 'raid5_ls 7 8 region_size 8 delta_disks 1 data_offset 2048 2 - "
      "/dev/pmem0 - /dev/pmem0' "
      "} } } }")));
  EXPECT_EQ(ErrnoOf(session.status()), EOPNOTSUPP);
  EXPECT_EQ(session.status().message(),
            "mapped device 'a': target 0: not modelled: a raid set that is "
            "reshaped (needs md's reshape)");
}

TEST(WorldLoad, TablesComeAfterThoseTheyName) {
  // Every way to name a mapped device, all of them before the device.
  Session s = Load(absl::StrCat(
      kPmem, "mapped_device { name: 'a' ", On("/dev/mapper/d"), "}",
      "mapped_device { name: 'b' ", On("/dev/dm-3"), "}",
      "mapped_device { name: 'c' ", On("254:3"), "}",
      "mapped_device { name: 'd' ", On("/dev/pmem0"), "}",
      "mapped_device { name: 'e' table { target { length: 8 raw { type: "
      "'linear' params: '/dev/by-id/f 0' } } } }",
      "mapped_device { name: 'f' ", On("/dev/mapper/a"), "}",
      "node { path: '/dev/by-id/f' dev: '254:5' }"));
  for (const char* name : {"a", "b", "c", "d", "e", "f"}) {
    EXPECT_EQ(FirstPfn(s, name), 0x100000) << name;
  }
}

TEST(WorldLoad, MinorsThatAreGivenStayFree) {
  Session s = Load(
      "mapped_device { name: 'a' } mapped_device { name: 'b' minor: 0 } "
      "mapped_device { name: 'c' } mapped_device { name: 'd' minor: 1 }");
  EXPECT_EQ(s.ctl->FindDevice("a")->dev().minor_nr, 2u);
  EXPECT_EQ(s.ctl->FindDevice("b")->dev().minor_nr, 0u);
  EXPECT_EQ(s.ctl->FindDevice("c")->dev().minor_nr, 3u);
  EXPECT_EQ(s.ctl->FindDevice("d")->dev().minor_nr, 1u);
}

TEST(WorldLoad, AnInactiveTableIsNoCircle) {
  // b waits with a table on a, which lies on b as it is.
  Session s = Load(absl::StrCat(
      kPmem, "mapped_device { name: 'a' ", On("/dev/mapper/b"), "}",
      "mapped_device { name: 'b' ", On("/dev/pmem0"),
      "inactive_table { target { length: 8 linear { device: '/dev/dm-0' } } "
      "} }"));
  EXPECT_EQ(FirstPfn(s, "a"), 0x100000);
  DmIoctl io{.name = "b"};
  ASSERT_TRUE(s.ctl->DevStatus(io).ok());
  EXPECT_TRUE(io.flags & DM_INACTIVE_PRESENT_FLAG);
}

TEST(WorldLoad, OnTopOfADeviceThatWasNeverResumed) {
  Session s = Load(absl::StrCat(
      kPmem, "mapped_device { name: 'a' ", On("/dev/dm-1"), "}",
      "mapped_device { name: 'b' inactive_table { target { length: 8 "
      "linear { device: '/dev/pmem0' } } } }"));
  EXPECT_EQ(FirstPfn(s, "a"), -EIO);
  DmIoctl io{.name = "b"};
  ASSERT_TRUE(s.ctl->DevSuspend(io).ok());
  EXPECT_EQ(FirstPfn(s, "a"), 0x100000);
}

TEST(WorldLoad, SettingsAreHonoured) {
  Session s = Load(absl::StrCat(
      kPmem,
      "mapped_device { name: 'a' uuid: 'U' suspended: true max_sectors_kb: 64 "
      "geometry { cylinders: 1 heads: 2 sectors: 3 start: 4 } "
      "table { readonly: true target { length: 8 linear { device: "
      "'/dev/pmem0' } } } } mapped_device { name: 'up' ",
      On("/dev/mapper/a"), "}"));
  std::shared_ptr<MappedDevice> a = s.ctl->FindDevice("a");
  EXPECT_TRUE(a->suspended());
  EXPECT_TRUE(a->disk().read_only());
  EXPECT_EQ(a->geometry(), (HdGeometry{1, 2, 3, 4}));
  EXPECT_EQ(a->disk().queue().max_sectors(), 128u);
  // What lies on top was made after that.
  EXPECT_EQ(s.ctl->FindDevice("up")->disk().queue().max_sectors(), 128u);
  EXPECT_EQ(s.machine->Nodes().at("/dev/mapper/a"), (DevT{254, 0}));
}

// What nobody has written follows from the limits, and is not said.
TEST(WorldLoad, ReadAheadThatWasWrittenIsKept) {
  const Session s = Load(
      "pmem { name: 'pmem0' base: 0x100000000 size: 0x4000000 } "
      "block { name: 'sda' sectors: 8 queue { read_ahead_kb: 0 } } "
      "block { name: 'sdb' sectors: 8 queue { optimal_io_size: 1048576 } }");
  const auto pages = [&](absl::string_view name) {
    return s.machine->FindBdevByName(name)->queue().ra_pages();
  };
  EXPECT_EQ(pages("sda"), 0u);
  EXPECT_EQ(pages("sdb"), 512u) << "twice the optimal size";
  SetReadAheadKb(s.machine->FindBdevByName("pmem0")->queue(), 500);
  const proto::World world = DescribeWorld(s);
  EXPECT_EQ(world.pmem(0).queue().read_ahead_kb(), 500u);
  EXPECT_TRUE(world.block(0).queue().has_read_ahead_kb());
  EXPECT_FALSE(world.block(1).queue().has_read_ahead_kb());
  const Session again = Load(world.ShortDebugString());
  EXPECT_EQ(again.machine->FindBdevByName("pmem0")->queue().ra_pages(), 125u);
}

TEST(WorldLoad, ADescribedWorldLoadsToTheSame) {
  Session s = Load(absl::StrCat(
      kPmem,
      "block { name: 'sda' sectors: 4096 logical_block_size: 4096 } "
      "block { name: 'sda1' partition_of: 'sda' start: 8 sectors: 64 } "
      "mapped_device { name: 'a' ",
      On("/dev/mapper/d"), "max_sectors_kb: 4 }",
      "mapped_device { name: 'd' uuid: 'U' minor: 7 suspended: true ",
      On("/dev/pmem0"),
      "inactive_table { target { length: 16 striped { chunk: 8 stripe { "
      "device: '/dev/pmem0' } stripe { device: '/dev/pmem0' start: 8 } } } } }",
      "mapped_device { name: 'err' table { target { length: 1 error {} } } "
      "geometry { cylinders: 5 heads: 1 sectors: 1 } }"
      "node { path: '/dev/x' dev: '259:0' }"));
  const proto::World world = DescribeWorld(s);
  absl::StatusOr<Session> again = LoadWorld(world);
  ASSERT_TRUE(again.ok()) << again.status() << world.DebugString();
  EXPECT_TRUE(MessageDifferencer::Equals(DescribeWorld(*again), world))
      << world.DebugString() << DescribeWorld(*again).DebugString();
  EXPECT_EQ(world.mapped_device(0).table().target(0).linear().device(),
            "254:7");
  EXPECT_EQ(world.mapped_device(1)
                .inactive_table()
                .target(0)
                .striped()
                .stripe(1)
                .device(),
            "259:0");
  EXPECT_FALSE(world.mapped_device(0).has_runtime());
  ASSERT_EQ(world.node_size(), 1);
  EXPECT_EQ(world.node(0).path(), "/dev/x");
}

TEST(WorldLoad, WhatKeepsAFileAndAGroupAsTheyAreComesBack) {
  const Session s = Load(absl::StrCat(
      kPmem,
      "mount { path: '/m' device: '/dev/pmem0' file { name: 'i' size: 4096 "
      "immutable: true } file { name: 'a' size: 4096 append_only: true } } "
      "volume_group { name: 'vg' extent_sectors: 2048 }"));
  const proto::World world = DescribeWorld(s);
  ASSERT_EQ(world.mount(0).file_size(), 2);
  for (const proto::File& file : world.mount(0).file()) {
    EXPECT_EQ(file.immutable(), file.name() == "i");
    EXPECT_EQ(file.append_only(), file.name() == "a");
  }
  ASSERT_EQ(world.volume_group_size(), 1);
  EXPECT_EQ(world.volume_group(0).extent_sectors(), uint32_t{2048});
}

// What is typed on the machine has them, so that a state keeps them as well.
TEST(WorldLoad, TheOptionsOfTheMachineAreKept) {
  const Session s = Load(absl::StrCat(
      kPmem,
      "mount { path: '/m' device: '/dev/pmem0' options: 'dax=always' "
      "machine_options: 'nosuid,dax=always,mb_new_word=1' }"));
  EXPECT_EQ(DescribeWorld(s).mount(0).options(), "dax=always");
  EXPECT_EQ(DescribeWorld(s).mount(0).machine_options(),
            "nosuid,dax=always,mb_new_word=1");
  absl::StatusOr<Session> again = SessionFromSnapshot(SnapshotOf(s, 0));
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(DescribeWorld(*again).mount(0).machine_options(),
            "nosuid,dax=always,mb_new_word=1");
}

// Who has a file open goes on having it, so a state that is loaded again has
// all mappings.
TEST(WorldLoad, AMappingStaysWhenItsDeviceIsReadOnly) {
  const Session s = Load(absl::StrCat(
      kPmem,
      "mount { path: '/mnt' device: '/dev/pmem0' type: 'ext4' "
      "file { name: 'f' extent { physical: 4096 length: 8192 } } } "
      "process { pid: 7 vma { file: '/mnt/f' length: 8192 } }"));
  s.machine->FindBdevByName("pmem0")->BlkRoSet(true, s.machine->profile());
  const proto::StateSnapshot saved = SnapshotOf(s, 0);
  ASSERT_EQ(saved.world().process(0).vma_size(), 1);
  absl::StatusOr<Session> again = SessionFromSnapshot(saved);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_TRUE(MessageDifferencer::Equals(SnapshotOf(*again, 0), saved))
      << SnapshotOf(*again, 0).world().process(0).DebugString();
  EXPECT_EQ(ErrnoOf(again->user->Open("/mnt/f").status()), EROFS);
}

TEST(WorldLoad, TheOraclesGuest) {
  std::ifstream file("examples/oracle.textproto");
  absl::StatusOr<ParsedWorld> w =
      ParseWorld({std::istreambuf_iterator<char>(file), {}}, "oracle");
  ASSERT_TRUE(w.ok()) << w.status();
  absl::StatusOr<Session> s = LoadWorld(w->world, w->source);
  ASSERT_TRUE(s.ok()) << s.status();
  const std::vector<BlockDevice*> disks = s->machine->BlockDevices();
  ASSERT_EQ(disks.size(), 6u);
  uint64_t total = 0;
  for (size_t i = 0; i < disks.size(); ++i) {
    EXPECT_EQ(disks[i]->name(), absl::StrCat("pmem", i));
    EXPECT_EQ(disks[i]->dev(), (DevT{259, static_cast<uint32_t>(i)}));
    EXPECT_EQ(disks[i]->queue().Has(QUEUE_FLAG_DAX), i != 5) << i;
    total += disks[i]->nr_sectors();
  }
  EXPECT_EQ(total * kSectorSize, uint64_t{6} << 30);
  EXPECT_EQ(s->machine->FindPmem("pmem4")->options().base, 0x1c0000000u);
}

// Shuffled stacks: whatever the order in the file, everything is loaded after
// what it names.
TEST(LoadOrder, RandomStacks) {
  std::mt19937_64 random(2);
  for (int round = 0; round < 300; ++round) {
    const int n = 1 + static_cast<int>(random() % 12);
    std::vector<int> level(static_cast<size_t>(n));
    for (int i = 0; i < n; ++i) level[static_cast<size_t>(i)] = i;
    std::shuffle(level.begin(), level.end(), random);
    proto::World world;
    std::vector<uint32_t> minors;
    for (int i = 0; i < n; ++i) {
      proto::MappedDevice* d = world.add_mapped_device();
      d->set_name(absl::StrCat("n", i));
      minors.push_back(static_cast<uint32_t>(100 + i));
      d->mutable_table();
      for (int k = 0; k < n; ++k) {
        if (level[static_cast<size_t>(k)] >= level[static_cast<size_t>(i)] ||
            random() % 3 != 0) {
          continue;
        }
        proto::Linear* l = d->mutable_table()->add_target()->mutable_linear();
        l->set_device(k % 2 == 0 ? absl::StrCat("/dev/mapper/n", k)
                                 : absl::StrCat("253:", 100 + k));
      }
    }
    const LoadOrderResult order = LoadOrder(world, minors, 253);
    ASSERT_TRUE(order.cycle.empty());
    ASSERT_EQ(order.jobs.size(), static_cast<size_t>(n));
    std::vector<bool> loaded(static_cast<size_t>(n), false);
    for (const LoadJob& job : order.jobs) {
      for (const proto::Target& t :
           world.mapped_device(job.device).table().target()) {
        const std::string& name = t.linear().device();
        const int k = name[0] == '/' ? std::stoi(name.substr(13))
                                     : std::stoi(name.substr(4)) - 100;
        ASSERT_TRUE(loaded[static_cast<size_t>(k)]) << world.DebugString();
      }
      loaded[static_cast<size_t>(job.device)] = true;
    }
  }
}

TEST(LoadOrder, ALongChainAndALongCircle) {
  constexpr int kLength = 20000;
  for (bool circle : {false, true}) {
    proto::World world;
    std::vector<uint32_t> minors;
    for (int i = 0; i < kLength; ++i) {
      proto::MappedDevice* d = world.add_mapped_device();
      d->set_name(absl::StrCat(i));
      minors.push_back(static_cast<uint32_t>(i));
      if (i + 1 == kLength && !circle) break;
      d->mutable_table()->add_target()->mutable_linear()->set_device(
          absl::StrCat("254:", (i + 1) % kLength));
    }
    const LoadOrderResult order = LoadOrder(world, minors, 254);
    EXPECT_EQ(order.cycle.size(), circle ? size_t{kLength} : 0);
    if (!circle) {
      EXPECT_EQ(order.jobs.front().device, kLength - 2);
    }
  }
}

}  // namespace
}  // namespace dmdax
