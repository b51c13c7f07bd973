// SPDX-License-Identifier: Apache-2.0
//
// A subject is answered as if it were the only one, however many there are.
#include "tools/check/machine_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "dm/stack_depth.h"
#include "dm/walk_budget.h"
#include "formats/world_format.h"
#include "state/find_device.h"
#include "state/world_load.h"
#include "tests/testing.h"
#include "tools/check/world_part.h"

namespace dmdax {
namespace {

using testing::ElementsAre;

// Two volumes off a boundary, a partition, and files that lie well or badly.
constexpr char kWorld[] = R"(
kernel: "v6_1"
pmem { name: "pmem0" base: 0x100000000 size: 0x10000000 }
pmem { name: "pmem1" base: 0x200000000 size: 0x10000000 dev: "259:7" }
block { name: "sda" sectors: 2097152 dev: "8:0" }
block { name: "pmem1p1" partition_of: "pmem1" start: 2048 sectors: 409600 }
mapped_device {
  name: "idle"
  table { target { length: 8 linear { device: "/dev/sda" } } }
}
mapped_device {
  name: "vg-a" uuid: "LVM-vg-a" minor: 5
  table { target { length: 262144 linear { device: "/dev/pmem0" start: 2048 } } }
}
mapped_device {
  name: "vg-b" uuid: "LVM-vg-b"
  table { target { length: 131072 striped { chunk: 128
    stripe { device: "/dev/pmem0" start: 264192 }
    stripe { device: "/dev/pmem1p1" start: 0 } } } }
}
node { path: "/dev/vg/a" dev: "254:5" }
node { path: "/dev/other" dev: "8:0" }
mount {
  path: "/a" device: "/dev/vg/a" options: "dax=always"
  file { name: "good" extent { physical: 0x400000 length: 0x400000 } }
  file { name: "off" extent { physical: 0x1001000 length: 0x200000 } }
  file { name: "last" extent { physical: 0x2000000 length: 0x200000 } }
  file { name: "hole" size: 0x200000 }
}
mount {
  path: "/b/" device: "/dev/mapper/vg-b" options: "dax=always"
  file { name: "d/f" extent { physical: 0x200000 length: 0x400000 } }
}
)";

proto::World WorldOf(const std::string& text) {
  absl::StatusOr<ParsedWorld> parsed = ParseWorld(text, "w.textproto");
  EXPECT_THAT(parsed, IsOk());
  return parsed->world;
}

// What is said of a subject, in words.
std::string Said(const DaxCheck& check) {
  std::string said = absl::StrCat(check.error.message(), check.dax ? "dax" : "",
                                  " now ", check.now.pmd, "/", check.now.pte,
                                  "/", check.now.hole, " best ", check.best.pmd,
                                  "/", check.best.pte, "/", check.best.hole);
  for (const Obstacle& o : check.obstacles) {
    absl::StrAppend(&said, "; ", o.name, " ", o.level, " ", o.bytes, " ",
                    o.untried, o.tried ? " cured " : " ", o.after.pmd);
    if (o.cure == nullptr) continue;
    for (const std::string& command : o.cure->Commands()) {
      absl::StrAppend(&said, " $ ", command);
    }
    absl::StrAppend(&said, " # ", o.cure->remark);
  }
  return said;
}

TEST(MachineCheck, ManyAreAnsweredAsEachAlone) {
  const proto::World world = WorldOf(kWorld);
  for (Wish wish : {Wish::kDax, Wish::kPmd, Wish::kPud, Wish::kSync}) {
    const std::vector<std::string> kernels = {"v4_14", "v5_10", "v6_1",
                                              "v6_12"};
    absl::StatusOr<MachineCheck> all = CheckMachine({world, kernels, {}, wish});
    ASSERT_THAT(all, IsOk());
    std::vector<std::string> names;
    for (const SubjectReport& report : all->subjects) {
      names.push_back(report.name);
      absl::StatusOr<MachineCheck> alone =
          CheckMachine({world, kernels, {report.name}, wish});
      ASSERT_THAT(alone, IsOk());
      for (size_t k = 0; k < kernels.size(); ++k) {
        EXPECT_EQ(Said(report.checks[k]), Said(alone->subjects[0].checks[k]))
            << report.name << " on " << kernels[k];
      }
    }
    EXPECT_THAT(names, ElementsAre("/a/good", "/a/hole", "/a/last", "/a/off",
                                   "/b/d/f"));
  }
}

// Each level cuts the pages of the one below another way, in chunks that end
// where none of those do.
TEST(MachineCheck, WhatMayBeWalkedHasALimit) {
  std::string text = R"(
    kernel: "v6_1"
    pmem { name: "pmem0" base: 0x100000000 size: 0x4000000 }
    pmem { name: "pmem1" base: 0x200000000 size: 0x4000000 })";
  std::string legs[] = {"/dev/pmem0", "/dev/pmem1"};
  const int chunks[] = {512, 384, 8 * 61, 8 * 59};
  for (int level = 0; level < 12; ++level) {
    const int chunk = chunks[level % 4];
    const int length = (118784 - level * 2048) / (2 * chunk) * (2 * chunk);
    for (int leg : {0, 1}) {
      absl::StrAppend(&text, "mapped_device { name: \"d", level, "_", leg,
                      "\" table { target { length: ", length,
                      " striped { chunk: ", chunk, " stripe { device: \"",
                      legs[leg], "\" } stripe { device: \"", legs[1 - leg],
                      "\" start: ", length / 2, " } } } } }");
    }
    for (int leg : {0, 1}) {
      legs[leg] = absl::StrCat("/dev/mapper/d", level, "_", leg);
    }
  }
  const MachineRequest request{WorldOf(text), {"v6_1"}, {}, Wish::kPmd};
  const uint64_t before = StackDepth::walked();
  const absl::StatusOr<MachineCheck> all = CheckMachine(request);
  ASSERT_THAT(all, IsOk());
  for (const SubjectReport& report : all->subjects) {
    EXPECT_THAT(report.checks[0].error, IsOk()) << report.name;
  }
  const uint64_t cost = StackDepth::walked() - before;

  const WalkBudget budget(cost / 8);
  const absl::StatusOr<MachineCheck> some = CheckMachine(request);
  ASSERT_THAT(some, IsOk());
  // The last look may go beyond it.
  EXPECT_LT(StackDepth::walked() - before, cost + cost / 4);
  ASSERT_EQ(some->subjects.size(), all->subjects.size());
  EXPECT_THAT(some->subjects.front().checks[0].error, IsOk());
  for (const Obstacle& o : some->subjects.front().checks[0].obstacles) {
    EXPECT_FALSE(o.tried) << o.name;
  }
  // One that is asked after that is refused; nobody takes it for an answer.
  const absl::StatusOr<MachineCheck> late = CheckMachine(request);
  ASSERT_THAT(late, IsOk());
  EXPECT_FALSE(late->holds);
  const absl::Status& error = late->subjects.front().checks[0].error;
  EXPECT_EQ(ErrnoOf(error), EFBIG);
  EXPECT_THAT(std::string(error.message()),
              testing::StartsWith("a limit of dmdax: one question walks"));
}

TEST(MachineCheck, AReleaseBetweenTwoProfilesIsWhatBothSay) {
  proto::World world = WorldOf(kWorld);
  for (proto::Mount& mount : *world.mutable_mount()) mount.set_options("dax");
  world.set_kernel("v4_14");
  world.set_release("5.4.0-150-generic");
  const auto check = [&](Wish wish) {
    absl::StatusOr<MachineCheck> machine =
        CheckMachine({world, {""}, {"/a/last"}, wish});
    EXPECT_THAT(machine, IsOk());
    return *std::move(machine);
  };
  const MachineCheck dax = check(Wish::kDax);
  ASSERT_TRUE(dax.between);
  EXPECT_EQ(dax.between->BothNote(),
            "kernel 5.4.0-150-generic lies between v4_14 and v5_10: both are "
            "asked");
  ASSERT_EQ(dax.subjects[0].checks.size(), 2);
  EXPECT_EQ(dax.subjects[0].checks[0].kernel, "v4_14");
  EXPECT_EQ(dax.subjects[0].checks[1].kernel, "v5_10");
  EXPECT_TRUE(dax.holds);
  const MachineCheck sync = check(Wish::kSync);
  EXPECT_FALSE(sync.holds);
  EXPECT_FALSE(sync.fails) << "4.14 has no MAP_SYNC, 5.10 has it";
  EXPECT_EQ(NeighboursDiffer(sync.subjects[0], Wish::kSync),
            "v4_14 says no, v5_10 says yes");
  const MachineCheck pmd = check(Wish::kPmd);
  EXPECT_TRUE(pmd.fails) << "the volume is off on both";
  EXPECT_EQ(NeighboursDiffer(pmd.subjects[0], Wish::kPmd), "");
  // Any other kernel counts alone.
  for (const char* kernel : {"v5_10", "v6_1"}) {
    absl::StatusOr<MachineCheck> other =
        CheckMachine({world, {kernel}, {"/a/last"}, Wish::kSync});
    ASSERT_THAT(other, IsOk());
    EXPECT_FALSE(other->between);
    EXPECT_EQ(other->subjects[0].checks.size(), 1);
  }
}

TEST(MachineCheck, EachObstacleInItsTurn) {
  absl::StatusOr<MachineCheck> machine =
      CheckMachine({WorldOf(kWorld), {"v6_1"}, {}, Wish::kPmd});
  ASSERT_THAT(machine, IsOk());
  const auto obstacles = [&](size_t i) {
    std::vector<std::string> names;
    for (const Obstacle& o : machine->subjects[i].checks[0].obstacles) {
      names.push_back(absl::StrCat(o.name, o.tried ? " cured" : ""));
    }
    return names;
  };
  EXPECT_THAT(obstacles(0), ElementsAre("pfn_target cured"));
  // What fallocate gives lies on the volume, which is off.
  EXPECT_THAT(obstacles(1), ElementsAre("hole cured", "pfn_target cured"));
  // On the volume that is made anew it has other extents.
  EXPECT_EQ(machine->subjects[3].checks[0].best.pmd, 0x200000u);
  EXPECT_EQ(obstacles(3).size(), 1u) << Said(machine->subjects[3].checks[0]);
  // The chunk, the queue, the volume's start and the partition's.
  EXPECT_EQ(obstacles(4).size(), 4u) << Said(machine->subjects[4].checks[0]);
  EXPECT_EQ(machine->subjects[4].checks[0].best.pmd, 0x400000u);
  EXPECT_FALSE(machine->holds);
}

// A device after the other is opened as a file, each in its turn.
TEST(MachineCheck, Devices) {
  proto::World world = WorldOf(kWorld);
  world.clear_mount();
  absl::StatusOr<MachineCheck> machine =
      CheckMachine({world, {""}, {}, Wish::kPmd});
  ASSERT_THAT(machine, IsOk());
  ASSERT_EQ(machine->subjects.size(), 2u);
  EXPECT_THAT(machine->without_pmem, ElementsAre("idle"));
  for (const SubjectReport& report : machine->subjects) {
    EXPECT_THAT(report.checks[0].error, IsOk()) << report.name;
    EXPECT_EQ(report.checks[0].now.pmd, 0u) << report.name;
    EXPECT_NE(report.checks[0].best.pmd, 0u) << report.name;
  }
}

TEST(WorldParts, KeepsWhatIsBelow) {
  const proto::World world = WorldOf(kWorld);
  Session session = *LoadWorld(world);
  const WorldParts parts(world, session);
  const Subject off = *OpenSubject(session, "/a/off");
  const proto::World part = parts.Of({&off});
  ASSERT_EQ(part.mapped_device_size(), 1);
  EXPECT_EQ(part.mapped_device(0).minor(), 5u);
  ASSERT_EQ(part.pmem_size(), 1);
  EXPECT_EQ(part.pmem(0).dev(), "259:0");
  EXPECT_EQ(part.block_size(), 0);
  ASSERT_EQ(part.node_size(), 1);
  EXPECT_EQ(part.node(0).path(), "/dev/vg/a");
  ASSERT_EQ(part.mount_size(), 1);
  // It, and the two that end last, of which it is one.
  ASSERT_EQ(part.mount(0).file_size(), 2);
  EXPECT_EQ(part.mount(0).file(0).name(), "off");
  EXPECT_EQ(part.mount(0).file(1).name(), "last");
  EXPECT_EQ(parts.UsedEnd(off), 0x2200000u);
  const Subject last = *OpenSubject(session, "/a/last");
  EXPECT_EQ(parts.UsedEnd(last), 0x1201000u);
  EXPECT_THAT(LoadWorld(part), IsOk());

  const Subject striped = *OpenSubject(session, "/b/d/f");
  const proto::World below = parts.Of({&striped});
  ASSERT_EQ(below.mapped_device_size(), 1);
  // As it was numbered beside the others.
  EXPECT_EQ(below.mapped_device(0).minor(), 1u);
  ASSERT_EQ(below.pmem_size(), 2);
  EXPECT_EQ(below.pmem(1).dev(), "259:7");
  ASSERT_EQ(below.block_size(), 1);
  EXPECT_EQ(below.block(0).name(), "pmem1p1");
  EXPECT_THAT(LoadWorld(below), IsOk());

  EXPECT_EQ(parts.Of({&off, &striped}).mount_size(), 2);
}

// What a process has touched decides what others get.
TEST(WorldParts, KeepsProcesses) {
  proto::World world = WorldOf(kWorld);
  proto::Process& process = *world.add_process();
  process.set_pid(7);
  proto::Vma& vma = *process.add_vma();
  vma.set_file("/a/good");
  vma.set_address(uint64_t{1} << 40);
  vma.set_length(0x200000);
  process.add_touch()->set_address(vma.address());
  Session session = *LoadWorld(world);
  const WorldParts parts(world, session);
  // It uses nothing of this mount.
  Subject striped = *OpenSubject(session, "/b/d/f");
  const proto::World other = parts.Of({&striped});
  CloseSubject(session, striped);
  EXPECT_EQ(other.process_size(), 0);
  EXPECT_EQ(other.mount_size(), 1);
  EXPECT_THAT(LoadWorld(other), IsOk());
  Subject good = *OpenSubject(session, "/a/good");
  const proto::World part = parts.Of({&good});
  CloseSubject(session, good);
  EXPECT_EQ(part.process_size(), 1);
  EXPECT_EQ(part.mount_size(), 1);
  EXPECT_THAT(LoadWorld(part), IsOk());
}

// A snapshot's rows know of its origin's, in another table.
TEST(WorldParts, TheWholeWhereRowsKnowOfOthers) {
  proto::World world = WorldOf(R"(
pmem { name: "pmem0" base: 0x100000000 size: 0x10000000 }
block { name: "sda" sectors: 2097152 }
mapped_device {
  name: "origin"
  table { target { length: 8192 raw { type: "snapshot-origin"
                                      params: "/dev/sda" } } }
}
mapped_device {
  name: "home"
  table { target { length: 8192 linear { device: "/dev/mapper/origin" } } }
}
mapped_device {
  name: "idle"
  table { target { length: 8192 linear { device: "/dev/pmem0" } } }
}
)");
  Session session = *LoadWorld(world);
  const WorldParts parts(world, session);
  const Subject home = *OpenSubject(session, "home");
  EXPECT_EQ(parts.Of({&home}).mapped_device_size(), 3);
  const Subject idle = *OpenSubject(session, "idle");
  EXPECT_EQ(parts.Of({&idle}).mapped_device_size(), 1);
}

}  // namespace
}  // namespace dmdax
