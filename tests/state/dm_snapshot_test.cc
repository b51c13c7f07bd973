// SPDX-License-Identifier: Apache-2.0
//
// A snapshot brings everything back exactly as it was.
#include "state/dm_snapshot.h"

#include <google/protobuf/util/message_differencer.h>

#include <cerrno>

#include "block/queue_sysfs.h"
#include "state/hardware.h"
#include "state/session.h"
#include "tests/dm_testing.h"

namespace dmdax {
namespace {

using testing::HasSubstr;

const DmTargetSpec kOnPmem0 = Row(0, 2048, "linear", "/dev/pmem0 0");
const DmTargetSpec kOnPmem1 = Row(0, 4096, "linear", "/dev/pmem1 0");

proto::StateSnapshot Snapshot(const Machine& machine, DmCtl& ctl) {
  proto::StateSnapshot snapshot;
  SaveHardware(machine, ctl.major(), snapshot.mutable_world());
  DmSnapshotter(ctl).Save(snapshot.mutable_world());
  return snapshot;
}

// All that a user can find out about a device.
std::string Describe(DmCtl& ctl, const std::string& name) {
  std::string text;
  MappedDevice& md = *ctl.FindDevice(name);
  for (uint32_t flags : {0u, uint32_t{DM_QUERY_INACTIVE_TABLE_FLAG}}) {
    DmIoctl io{.flags = flags | DM_STATUS_TABLE_FLAG, .name = name};
    std::vector<DmTargetSpec> rows;
    EXPECT_THAT(ctl.TableStatus(io, &rows), IsOk());
    absl::StrAppend(&text, name, " uuid=", io.uuid, " flags=", io.flags,
                    " dev=", io.dev, " open=", io.open_count,
                    " event=", io.event_nr, "\n");
    for (const DmTargetSpec& row : rows) {
      absl::StrAppend(&text, row.sector_start.value(), " ", row.length, " ",
                      row.target_type, " ", row.params, "\n");
    }
    std::vector<DevT> deps;
    bool has_table;
    io = DmIoctl{.flags = flags, .name = name};
    EXPECT_THAT(ctl.TableDeps(io, &deps, &has_table), IsOk());
    for (DevT dev : deps) absl::StrAppend(&text, dev.ToString(), " ");
  }
  const HdGeometry& g = md.geometry();
  absl::StrAppend(
      &text, "\ntype=", md.type(), " size=", md.disk().nr_sectors(),
      " ro=", md.disk().read_only(), " sync=", md.dax_dev().synchronous(),
      " wc=", md.dax_dev().write_cache(), " queue=", md.disk().queue().flags(),
      " geometry=", g.cylinders, ",", g.heads, ",", g.sectors, ",", g.start,
      "\n");
  if (md.live_table() != nullptr) {
    absl::StrAppend(&text, "dax: ", md.live_table()->SupportsDax().reason,
                    "\n");
  }
  text += LimitsToProto(md.disk().queue().limits()).ShortDebugString();
  for (uint64_t page : {0, 1, 255, 256, 511, 4096}) {
    const DaxAccess a = DaxDirectAccess(&md.dax_dev(), pgoff_t{page}, 512,
                                        DaxAccessMode::kAccess, nullptr);
    absl::StrAppend(&text, "\n", page, ": ", a.ret);
    if (a.ret > 0) absl::StrAppend(&text, " ", a.pfn.value());
  }
  return text;
}

std::string DescribeAll(Machine& machine, DmCtl& ctl) {
  std::string text;
  DmIoctl io;
  std::vector<DmNameEntry> entries;
  EXPECT_THAT(ctl.ListDevices(io, &entries), IsOk());
  for (const DmNameEntry& e : entries) {
    absl::StrAppend(&text, Describe(ctl, e.name), "\n");
  }
  for (BlockDevice* bdev : machine.BlockDevices()) {
    absl::StrAppend(&text, bdev->name(), " ", bdev->dev().ToString(), " ",
                    bdev->nr_sectors(), " openers=", bdev->openers(),
                    " max_sectors=", bdev->queue().max_sectors(), "\n");
  }
  for (const auto& [path, dev] : machine.Nodes()) {
    absl::StrAppend(&text, path, " ", dev.ToString(), "\n");
  }
  return text;
}

class DmSnapshotTest : public DmTest {
 protected:
  // Saves, serialises, restores: what comes back must be indistinguishable,
  // and save to the same bytes.
  absl::StatusOr<Session> RoundTrip() {
    std::string bytes;
    if (!Snapshot(machine(), ctl()).SerializeToString(&bytes)) {
      return absl::InternalError("does not serialise");
    }
    proto::StateSnapshot parsed;
    if (!parsed.ParseFromString(bytes)) {
      return absl::InternalError("does not parse");
    }
    return SessionFromSnapshot(parsed);
  }
  void ExpectSurvives() {
    absl::StatusOr<Session> back = RoundTrip();
    ASSERT_THAT(back, IsOk());
    EXPECT_EQ(DescribeAll(*back->machine, *back->ctl),
              DescribeAll(machine(), ctl()));
    proto::StateSnapshot before = Snapshot(machine(), ctl());
    proto::StateSnapshot after = Snapshot(*back->machine, *back->ctl);
    // Only the order of insertion counts, not its numbers.
    for (proto::StateSnapshot* s : {&before, &after}) {
      for (auto& md : *s->mutable_world()->mutable_mapped_device()) {
        md.mutable_runtime()->clear_inserted();
      }
    }
    google::protobuf::util::MessageDifferencer differencer;
    std::string difference;
    differencer.ReportDifferencesToString(&difference);
    EXPECT_TRUE(differencer.Compare(before, after)) << difference;
    EXPECT_TRUE(back->machine->log().TakeNew().empty());
  }
};

TEST_F(DmSnapshotTest, AnEmptyMachine) {
  ExpectSurvives();
  EXPECT_THAT(SessionFromSnapshot({}), IsOk());
}

TEST_F(DmSnapshotTest, DevicesInEveryState) {
  ASSERT_THAT(New("empty", "uuid-of-empty"), IsOk());
  ASSERT_THAT(New("suspended-empty"), IsOk());
  ASSERT_THAT(Suspend("suspended-empty"), IsOk());
  ASSERT_THAT(New("loaded"), IsOk());
  ASSERT_THAT(Load("loaded", {kOnPmem0}), IsOk());
  ASSERT_THAT(Create("live", {kOnPmem0, Row(2048, 8, "error")}), IsOk());
  ASSERT_THAT(Create("both", {kOnPmem0}), IsOk());
  ASSERT_THAT(Load("both", {kOnPmem1, Row(4096, 8, "linear", "259:0 64")}),
              IsOk());
  ASSERT_THAT(Suspend("both"), IsOk());
  ASSERT_THAT(New("read-only"), IsOk());
  ASSERT_THAT(Load("read-only", {kOnPmem0}, DM_READONLY_FLAG), IsOk());
  ASSERT_THAT(Resume("read-only"), IsOk());
  ExpectSurvives();
}

TEST_F(DmSnapshotTest, StacksAndSharedDevices) {
  ASSERT_THAT(Create("z", {kOnPmem0}), IsOk());  // below what sorts before it
  ASSERT_THAT(Create("m", {Row(0, 2048, "linear", "/dev/mapper/z 0")}), IsOk());
  ASSERT_THAT(Create("a", {Row(0, 4096, "striped",
                               "2 8 /dev/mapper/m 0 /dev/pmem0 4096")}),
              IsOk());
  ASSERT_THAT(Create("log", {Row(0, 8, "log-writes",
                                 "/dev/mapper/a "
                                 "/dev/sda")}),
              IsOk());
  ExpectSurvives();
}

// A list of names asks nothing of the rows: a million of them are not looked up
// one by one.  What is no such table, or has a row that is none, is.
TEST_F(DmSnapshotTest, LinearRowsComeBackAsColumns) {
  ASSERT_THAT(Create("rows", {Row(0, 8, "linear", "/dev/pmem0 0"),
                              Row(8, 8, "linear", "/dev/pmem1 64"),
                              Row(16, 8, "linear", "/dev/pmem0 8")}),
              IsOk());
  ASSERT_THAT(Create("mixed", {Row(0, 8, "linear", "/dev/pmem0 0"),
                               Row(8, 8, "zero", "")}),
              IsOk());
  absl::StatusOr<Session> back = RoundTrip();
  ASSERT_THAT(back, IsOk());
  EXPECT_NE(back->ctl->FindDevice("rows")->live_table()->columns(), nullptr);
  EXPECT_EQ(back->ctl->FindDevice("mixed")->live_table()->columns(), nullptr);
  ExpectSurvives();
}

TEST_F(DmSnapshotTest, ADeviceThatStandsOnItself) {
  ASSERT_THAT(Create("d0", {kOnPmem0}), IsOk());
  ASSERT_THAT(Load("d0", {Row(0, 2048, "linear", "/dev/mapper/d0 0")}), IsOk());
  ExpectSurvives();
  ASSERT_THAT(Resume("d0"), IsOk());
  ExpectSurvives();
  // And two in a circle.
  ASSERT_THAT(Create("d1", {kOnPmem0}), IsOk());
  ASSERT_THAT(Create("d2", {Row(0, 8, "linear", "/dev/mapper/d1 0")}), IsOk());
  ASSERT_THAT(Load("d1", {Row(0, 8, "linear", "/dev/mapper/d2 0")}), IsOk());
  ASSERT_THAT(Resume("d1"), IsOk());
  ExpectSurvives();
}

TEST_F(DmSnapshotTest, WhatStickedSticks) {
  ASSERT_THAT(Create("d0", {kOnPmem0}), IsOk());
  ASSERT_THAT(Load("d0", {Row(0, 8, "error")}), IsOk());
  ASSERT_THAT(Resume("d0"), IsOk());
  ASSERT_TRUE(Md("d0").dax_dev().synchronous());
  ASSERT_EQ(Md("d0").type(), DM_TYPE_DAX_BIO_BASED);
  ASSERT_THAT(Create("bio", {Row(0, 8, "linear", "/dev/sda 0")}), IsOk());
  ASSERT_THAT(Load("bio", {kOnPmem0}), IsOk());
  ASSERT_THAT(Resume("bio"), IsOk());
  ExpectSurvives();
}

TEST_F(DmSnapshotTest, DeferredRemovalHappensAfterARestore) {
  ASSERT_THAT(Create("low", {kOnPmem0}), IsOk());
  ASSERT_THAT(Create("top", {Row(0, 8, "linear", "/dev/mapper/low 0")}),
              IsOk());
  ASSERT_THAT(Remove("low", DM_DEFERRED_REMOVE), IsOk());
  ExpectSurvives();
  absl::StatusOr<Session> back = RoundTrip();
  ASSERT_THAT(back, IsOk());
  DmIoctl io{.name = "top"};
  EXPECT_THAT(back->ctl->DevRemove(io), IsOk());
  EXPECT_EQ(back->ctl->FindDevice("low"), nullptr);
}

TEST_F(DmSnapshotTest, EventsGeometryAndLimits) {
  ASSERT_THAT(Create("old", {Row(0, 8192, "striped",
                                 "2 2048 /dev/pmem0 0 /dev/pmem1 0")}),
              IsOk());
  DmIoctl io{.name = "old"};
  ASSERT_THAT(ctl().DevRename(io, "new"), IsOk());
  machine().RemoveNode("/dev/mapper/old");
  ASSERT_THAT(Md("new").SetGeometry({2, 4, 8, 1}), IsOk());
  ASSERT_THAT(QueueMaxSectorsStore(Md("new").disk(), 4096, machine().profile()),
              IsOk());
  ASSERT_THAT(QueueMaxSectorsStore(*machine().FindBdevByName("pmem0"), 64,
                                   machine().profile()),
              IsOk());
  machine().FindPmem("pmem0")->SetBadblocks(sector_t{8}, 8);
  ExpectSurvives();
}

TEST_F(DmSnapshotTest, WhatMessagesDid) {
  ASSERT_THAT(Create("l", {kOnPmem0}), IsOk());
  ASSERT_THAT(Create("m", {Row(0, 8, "multipath",
                               "2 queue_mode bio 0 2 1 "
                               "round-robin 0 1 0 /dev/pmem0 "
                               "round-robin 0 1 0 /dev/pmem1")}),
              IsOk());
  ASSERT_THAT(Create("c", {Row(0, 8, "crypt",
                               "aes-cbc-plain "
                               "000102030405060708090a0b0c0d0e0f 0 "
                               "/dev/pmem0 0")}),
              IsOk());
  ASSERT_THAT(Suspend("c"), IsOk());
  const std::pair<const char*, const char*> messages[] = {
      {"l", "@stats_create - /2 2 precise_timestamps histogram:1,20 me x"},
      {"m", "fail_path 259:0"},
      {"m", "disable_group 2"},
      {"m", "queue_if_no_path"},
      {"c", "key wipe"},
  };
  for (const auto& [name, message] : messages) {
    DmIoctl io{.name = name};
    std::string reply;
    ASSERT_THAT(ctl().TargetMsg(io, sector_t{0}, message, &reply), IsOk())
        << message;
  }
  machine().log().TakeNew();
  ExpectSurvives();
  absl::StatusOr<Session> back = RoundTrip();
  ASSERT_THAT(back, IsOk());
  std::string list;
  DmIoctl io{.name = "l"};
  ASSERT_THAT(back->ctl->TargetMsg(io, sector_t{0}, "@stats_list", &list),
              IsOk());
  EXPECT_EQ(list, "0: 0+2048 1024 me x precise_timestamps histogram:1,20\n");
  io = DmIoctl{.name = "c"};
  EXPECT_THAT(back->ctl->DevSuspend(io), HasErrno(EAGAIN));
}

TEST_F(DmSnapshotTest, GlobalEvents) {
  Session session = NewSession(machine().profile(), 0);
  DmIoctl io{.name = "d0"};
  ASSERT_THAT(session.ctl->DevCreate(io), IsOk());
  ASSERT_EQ(session.ctl->global_event_nr(), 1u);
  absl::StatusOr<Session> back = SessionFromSnapshot(SnapshotOf(session, 0));
  ASSERT_THAT(back, IsOk());
  EXPECT_EQ(back->ctl->global_event_nr(), 1u);
}

TEST_F(DmSnapshotTest, ATypeWithoutAQueue) {
  Session session = NewSession(**FindKernelProfile("v5_10"), 0);
  const auto load = [&](const char* name, DmTargetSpec row) {
    DmIoctl create{.name = name}, io{.name = name};
    EXPECT_THAT(session.ctl->DevCreate(create), IsOk());
    return session.ctl->TableLoad(io, {row});
  };
  ASSERT_THAT(load("low", Row(0, 8, "zero")), IsOk());
  DmIoctl resume{.name = "low"};
  ASSERT_THAT(session.ctl->DevSuspend(resume), IsOk());
  const std::string low = session.ctl->FindDevice("low")->dev().ToString();
  ASSERT_THAT(load("top", Row(0, 16, "linear", low + " 0")), HasErrno(EINVAL));
  absl::StatusOr<Session> back = SessionFromSnapshot(SnapshotOf(session, 0));
  ASSERT_THAT(back, IsOk());
  EXPECT_TRUE(back->ctl->FindDevice("low")->has_queue());
  EXPECT_FALSE(back->ctl->FindDevice("top")->has_queue());
  EXPECT_NE(back->ctl->FindDevice("top")->type(), DM_TYPE_NONE);
}

// A table that was accepted stays, even if the same load would fail now.
TEST_F(DmSnapshotTest, ADeviceBelowThatChangedSince) {
  ASSERT_THAT(Create("low", {kOnPmem1}), IsOk());
  ASSERT_THAT(Create("top", {Row(0, 4096, "linear", "/dev/mapper/low 0")}),
              IsOk());
  ASSERT_THAT(Load("low", {Row(0, 9, "linear", "/dev/pmem0 0")}), IsOk());
  ASSERT_THAT(Resume("low"), IsOk());
  ExpectSurvives();
}

TEST_F(DmSnapshotTest, PartitionsAndOddDisks) {
  BlockOptions part;
  part.name = "pmem1p1";
  part.nr_sectors = 4096;
  part.partition_of = "pmem1";
  part.start_sect = sector_t{2049};
  ASSERT_THAT(machine().AddBlock(part), IsOk());
  ASSERT_THAT(Create("d0", {Row(0, 8, "linear", "/dev/pmem1p1 0")}), IsOk());
  PmemOptions raw;
  raw.name = "pmem7";
  raw.base = uint64_t{7} << 32;
  raw.size = 1 << 20;
  raw.data_offset = 1 << 16;
  raw.has_pages = false;
  raw.synchronous = false;
  raw.write_cache = false;
  ASSERT_THAT(machine().AddPmem(raw, DevT{250, 9}, 4096), IsOk());
  ASSERT_THAT(Create("d1", {Row(0, 8, "linear", "/dev/pmem7 0")}), IsOk());
  ExpectSurvives();
}

TEST_F(DmSnapshotTest, EveryKernel) {
  for (const KernelProfile& kernel : AllKernelProfiles()) {
    SCOPED_TRACE(kernel.name);
    Boot(kernel.name);
    ASSERT_THAT(New("empty"), IsOk());
    ASSERT_THAT(Create("d0", {kOnPmem0}), IsOk());
    ASSERT_THAT(Create("d1", {Row(0, 4096, "striped",
                                  "2 8 /dev/mapper/d0 0 /dev/pmem1 0"),
                              Row(4096, 8, "error", "/dev/pmem1 16")}),
                IsOk());
    ASSERT_THAT(Load("d1", {Row(0, 8, "zero")}),
                testing::AnyOf(IsOk(), HasErrno(EINVAL)));
    ExpectSurvives();
  }
}

// The words of an `error` row are not printed by any kernel; the device they
// name may have another name by now.
TEST_F(DmSnapshotTest, AnErrorRowsDeviceMayBeRenamed) {
  Boot("v6_12");
  ASSERT_THAT(Create("old", {kOnPmem0}), IsOk());
  ASSERT_THAT(Create("e", {Row(0, 8, "error", "/dev/mapper/old 0")}), IsOk());
  DmIoctl io{.name = "old"};
  ASSERT_THAT(ctl().DevRename(io, "new"), IsOk());
  machine().RemoveNode("/dev/mapper/old");
  ExpectSurvives();
}

TEST_F(DmSnapshotTest, OddNames) {
  ASSERT_THAT(New("\xc3\xa4 %s\n", "\x01"), IsOk());
  ASSERT_THAT(New("tab\t"), IsOk());
  ExpectSurvives();
}

// A flipped bit in a mode: the table opens the device anew, and what is given
// up after that must be what was held before it.  Once it was everything.
TEST_F(DmSnapshotTest, AModeThatTheTableDoesNotShare) {
  ASSERT_THAT(Create("d0", {kOnPmem0}), IsOk());
  proto::StateSnapshot other = Snapshot(machine(), ctl());
  other.mutable_world()
      ->mutable_mapped_device(0)
      ->mutable_runtime()
      ->mutable_table_device(0)
      ->set_mode(FMODE_READ);
  absl::StatusOr<Session> session = SessionFromSnapshot(other);
  ASSERT_THAT(session, IsOk());
  MappedDevice& md = *session->ctl->FindDevice("d0");
  ASSERT_EQ(md.TableDevices().size(), 1u);
  EXPECT_TRUE(md.live_table()->SupportsDax().dax());
}

TEST_F(DmSnapshotTest, ContradictionsAreDataLoss) {
  ASSERT_THAT(Create("d0", {kOnPmem0}), IsOk());
  const proto::StateSnapshot good = Snapshot(machine(), ctl());
  auto refuse = [](const proto::StateSnapshot& bad, const char* why) {
    EXPECT_THAT(SessionFromSnapshot(bad),
                StatusIs(absl::StatusCode::kDataLoss, HasSubstr(why)));
  };
  proto::StateSnapshot bad = good;
  bad.mutable_world()->clear_pmem();
  refuse(bad, "d0");
  bad = good;
  bad.mutable_world()->mutable_pmem(1)->set_base(good.world().pmem(0).base());
  refuse(bad, "overlaps");
  bad = good;
  *bad.mutable_world()->add_mapped_device() = good.world().mapped_device(0);
  refuse(bad, "d0");
  bad = good;
  bad.mutable_world()->mutable_mapped_device(0)->set_minor(1u << 20);
  refuse(bad, "d0");
  bad = good;
  auto* md = bad.mutable_world()->mutable_mapped_device(0);
  md->mutable_table()->mutable_target(0)->mutable_raw()->set_type("nope");
  refuse(bad, "unknown target type");
  bad = good;
  md = bad.mutable_world()->mutable_mapped_device(0);
  md->mutable_table()->mutable_runtime()->mutable_device(0)->set_dev("x");
  refuse(bad, "bad device number");
}

}  // namespace
}  // namespace dmdax
