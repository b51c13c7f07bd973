// SPDX-License-Identifier: Apache-2.0
//
// The commands: header in, header out, errno (dm-ioctl.md 3 to 5).
#include "dm/dm_ioctl.h"

#include <cerrno>

#include "tests/dm_testing.h"

namespace dmdax {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const DmTargetSpec kOnPmem = Row(0, 2048, "linear", "/dev/pmem0 0");

class DmIoctlTest : public DmTest {};

TEST_F(DmIoctlTest, CreateRepliesWithTheDevice) {
  DmIoctl io{.flags = DM_SUSPEND_FLAG | DM_ACTIVE_PRESENT_FLAG |
                      DM_INACTIVE_PRESENT_FLAG,
             .name = "d0",
             .uuid = "u0"};
  ASSERT_THAT(ctl().DevCreate(io), IsOk());
  EXPECT_EQ(io.flags, 0u) << "neither suspended nor with a table";
  EXPECT_EQ(DevT::HugeDecode(io.dev), (DevT{254, 0}));
  EXPECT_EQ(io.open_count, 0);
  EXPECT_EQ(io.target_count, 0u);
  EXPECT_EQ(io.event_nr, 0u);
}

TEST_F(DmIoctlTest, CreateTakesAMinor) {
  // The major of the request is not looked at.
  DmIoctl io{.flags = DM_PERSISTENT_DEV_FLAG,
             .dev = DevT{8, 300}.HugeEncode(),
             .name = "d300"};
  ASSERT_THAT(ctl().DevCreate(io), IsOk());
  EXPECT_EQ(DevT::HugeDecode(io.dev), (DevT{254, 300}));
  DmIoctl again{.flags = DM_PERSISTENT_DEV_FLAG, .dev = io.dev, .name = "d1"};
  EXPECT_THAT(ctl().DevCreate(again), HasErrno(ENXIO));
}

TEST_F(DmIoctlTest, CreateRefusals) {
  EXPECT_THAT(New(""), HasErrno(EINVAL));
  Log();
  EXPECT_THAT(New("a/b"), HasErrno(EINVAL));
  EXPECT_THAT(Log(), ElementsAre("device-mapper: ioctl: invalid device name"));
  ASSERT_THAT(New("d0", "u0"), IsOk());
  EXPECT_THAT(New("d0"), HasErrno(EBUSY));
  EXPECT_THAT(New("d1", "u0"), HasErrno(EBUSY));
  EXPECT_THAT(Log(), IsEmpty());
  EXPECT_THAT(New("control"), IsOk());
  EXPECT_THAT(New(std::string(127, 'n'), std::string(128, 'u')), IsOk());
}

TEST_F(DmIoctlTest, NewKernelsReserveNames) {
  Boot("v6_12");
  for (const char* name : {"control", ".", ".."}) {
    EXPECT_THAT(New(name), HasErrno(EINVAL));
    EXPECT_THAT(Log(),
                ElementsAre("device-mapper: ioctl: device name cannot be "
                            "\"control\", \".\", or \"..\""));
  }
  EXPECT_THAT(New("a/b"), HasErrno(EINVAL));
  EXPECT_THAT(Log(),
              ElementsAre("device-mapper: ioctl: device name cannot contain "
                          "'/'"));
}

TEST_F(DmIoctlTest, ADeviceIsNamedInExactlyOneWay) {
  ASSERT_THAT(New("d0", "u0"), IsOk());
  const uint64_t dev = DevT{254, 0}.HugeEncode();
  for (DmIoctl io :
       {DmIoctl{.name = "d0"}, DmIoctl{.uuid = "u0"}, DmIoctl{.dev = dev}}) {
    EXPECT_THAT(ctl().DevStatus(io), IsOk());
    EXPECT_EQ(io.name, "d0");
    EXPECT_EQ(io.uuid, "u0");
    EXPECT_EQ(io.dev, dev);
  }
  Log();
  DmIoctl two{.dev = dev, .name = "d0"};
  EXPECT_THAT(ctl().DevStatus(two), HasErrno(ENXIO));
  DmIoctl three{.name = "d0", .uuid = "u0"};
  EXPECT_THAT(ctl().DevStatus(three), HasErrno(ENXIO));
  EXPECT_THAT(
      Log(),
      ElementsAre("device-mapper: ioctl: Invalid ioctl structure: name d0, "
                  "dev fe00",
                  "device-mapper: ioctl: Invalid ioctl structure: uuid u0, "
                  "name d0, dev 0"));
  DmIoctl none;
  EXPECT_THAT(ctl().DevStatus(none), HasErrno(ENXIO));
  DmIoctl foreign{.dev = DevT{8, 0}.HugeEncode()};
  EXPECT_THAT(ctl().DevStatus(foreign), HasErrno(ENXIO));
}

TEST_F(DmIoctlTest, TheHeaderFollowsTheTables) {
  ASSERT_THAT(New("d0"), IsOk());
  DmIoctl io{.name = "d0"};
  ASSERT_THAT(ctl().TableLoad(io, {kOnPmem}), IsOk());
  EXPECT_EQ(io.flags, DM_INACTIVE_PRESENT_FLAG);
  EXPECT_EQ(io.target_count, 0u) << "of the live table";
  EXPECT_EQ(Info("d0", DM_QUERY_INACTIVE_TABLE_FLAG).target_count, 1u);

  io = DmIoctl{.name = "d0"};
  ASSERT_THAT(ctl().DevSuspend(io), IsOk());
  EXPECT_EQ(io.flags, DM_ACTIVE_PRESENT_FLAG | DM_UEVENT_GENERATED_FLAG);
  EXPECT_EQ(io.target_count, 1u);
  io = DmIoctl{.name = "d0"};
  ASSERT_THAT(ctl().DevSuspend(io), IsOk());
  EXPECT_EQ(io.flags, DM_ACTIVE_PRESENT_FLAG) << "nothing resumed: no uevent";

  io = DmIoctl{.flags = DM_SUSPEND_FLAG, .name = "d0"};
  ASSERT_THAT(ctl().DevSuspend(io), IsOk());
  EXPECT_EQ(io.flags, DM_SUSPEND_FLAG | DM_ACTIVE_PRESENT_FLAG);
}

TEST_F(DmIoctlTest, ReadOnlyIsReportedOfTheTableAsked) {
  ASSERT_THAT(Create("d0", {kOnPmem}), IsOk());
  ASSERT_THAT(Load("d0", {kOnPmem, Row(2048, 8, "zero")}, DM_READONLY_FLAG),
              HasErrno(EINVAL))
      << "would change the type";
  ASSERT_THAT(Load("d0", {kOnPmem}, DM_READONLY_FLAG), IsOk());
  EXPECT_FALSE(Info("d0").flags & DM_READONLY_FLAG);
  const DmIoctl inactive = Info("d0", DM_QUERY_INACTIVE_TABLE_FLAG);
  EXPECT_TRUE(inactive.flags & DM_READONLY_FLAG);
  EXPECT_TRUE(inactive.flags & DM_ACTIVE_PRESENT_FLAG) << "of the live one";
}

TEST_F(DmIoctlTest, RemoveKeepsTheRequestsNumbers) {
  ASSERT_THAT(Create("d0", {kOnPmem}), IsOk());
  DmIoctl io{.open_count = 42, .flags = DM_DEFERRED_REMOVE, .name = "d0"};
  ASSERT_THAT(ctl().DevRemove(io), IsOk());
  EXPECT_EQ(io.flags, DM_UEVENT_GENERATED_FLAG);
  EXPECT_EQ(io.open_count, 42);
  EXPECT_THAT(ctl().DevRemove(io), HasErrno(ENXIO));
}

TEST_F(DmIoctlTest, ADeferredRemovalOfAnOpenDeviceIsNoUevent) {
  ASSERT_THAT(Create("d0", {kOnPmem}), IsOk());
  ASSERT_THAT(Md("d0").Open(), IsOk());
  DmIoctl io{.flags = DM_DEFERRED_REMOVE, .name = "d0"};
  EXPECT_THAT(ctl().DevRemove(io), IsOk());
  EXPECT_EQ(io.flags, DM_DEFERRED_REMOVE);
  DmIoctl message{.name = "d0"};
  std::string reply;
  EXPECT_THAT(
      ctl().TargetMsg(message, sector_t{0}, "@cancel_deferred_remove", &reply),
      IsOk());
  EXPECT_FALSE(Info("d0").flags & DM_DEFERRED_REMOVE);
  Md("d0").Release();
}

TEST_F(DmIoctlTest, RemoveAllUnwindsStacksAndLeavesOpenOnes) {
  ASSERT_THAT(Create("a", {kOnPmem}), IsOk());
  ASSERT_THAT(Create("b", {Row(0, 8, "linear", "/dev/mapper/a 0")}), IsOk());
  ASSERT_THAT(Create("c", {kOnPmem}), IsOk());
  ASSERT_THAT(Md("c").Open(), IsOk());
  Log();
  DmIoctl io;
  EXPECT_THAT(ctl().RemoveAll(io), IsOk());
  EXPECT_EQ(ctl().FindDevice("a"), nullptr);
  EXPECT_EQ(ctl().FindDevice("b"), nullptr);
  EXPECT_THAT(Log(), ElementsAre("device-mapper: ioctl: remove_all left 1 "
                                 "open device(s)"));
  Md("c").Release();
  EXPECT_THAT(ctl().RemoveAll(io), IsOk());
  EXPECT_EQ(ctl().FindDevice("c"), nullptr);
}

TEST_F(DmIoctlTest, Rename) {
  ASSERT_THAT(Create("d0", {kOnPmem}), IsOk());
  ASSERT_THAT(New("d1", "u1"), IsOk());
  DmIoctl io{.name = "d0"};
  Log();
  EXPECT_THAT(ctl().DevRename(io, "d1"), HasErrno(EBUSY));
  DmIoctl none{.name = "nope"};
  EXPECT_THAT(ctl().DevRename(none, "d2"), HasErrno(ENXIO));
  EXPECT_THAT(Log(),
              ElementsAre("device-mapper: ioctl: Unable to change name on "
                          "mapped device d0 to one that already exists: d1",
                          "device-mapper: ioctl: Unable to rename non-existent "
                          "device, nope to d2"));
  EXPECT_THAT(ctl().DevRename(io, "new"), IsOk());
  EXPECT_EQ(io.event_nr, 1u) << "a rename is an event";
  EXPECT_TRUE(io.flags & DM_UEVENT_GENERATED_FLAG);
  EXPECT_EQ(Info("new").dev, (DevT{254, 0}).HugeEncode());
  EXPECT_EQ(ctl().FindDevice("d0"), nullptr);
  EXPECT_THAT(ctl().DevRename(none, std::string(128, 'x')), HasErrno(EINVAL));
  EXPECT_THAT(ctl().DevRename(none, ""), HasErrno(EINVAL));
}

TEST_F(DmIoctlTest, AUuidIsGivenOnce) {
  ASSERT_THAT(New("d0"), IsOk());
  ASSERT_THAT(New("d1", "u1"), IsOk());
  DmIoctl io{.flags = DM_UUID_FLAG, .name = "d0"};
  Log();
  EXPECT_THAT(ctl().DevRename(io, "u1"), HasErrno(EBUSY));
  EXPECT_THAT(ctl().DevRename(io, "u0"), IsOk());
  io = DmIoctl{.flags = DM_UUID_FLAG, .name = "d0"};
  EXPECT_THAT(ctl().DevRename(io, "u2"), HasErrno(EINVAL));
  EXPECT_THAT(
      Log(),
      ElementsAre("device-mapper: ioctl: Unable to change uuid on mapped "
                  "device d0 to one that already exists: u1",
                  "device-mapper: ioctl: Unable to change uuid of mapped "
                  "device d0 to u2 because uuid is already set to u0"));
}

TEST_F(DmIoctlTest, EventsAreNeitherSuspendNorReload) {
  ASSERT_THAT(Create("d0", {kOnPmem}), IsOk());
  ASSERT_THAT(Suspend("d0"), IsOk());
  ASSERT_THAT(Load("d0", {kOnPmem}), IsOk());
  ASSERT_THAT(Resume("d0"), IsOk());
  EXPECT_EQ(Info("d0").event_nr, 0u);
  DmIoctl wait{.event_nr = 0, .name = "d0"};
  EXPECT_THAT(ctl().DevWait(wait), HasErrno(EAGAIN));
  wait = DmIoctl{.event_nr = 9, .name = "d0"};
  EXPECT_THAT(ctl().DevWait(wait), IsOk()) << "a stale number returns at once";
  EXPECT_EQ(wait.event_nr, 0u);
}

TEST_F(DmIoctlTest, ListsByNameAndPrefix) {
  for (const char* name : {"b", "ab", "a"}) ASSERT_THAT(New(name), IsOk());
  DmIoctl io;
  std::vector<DmNameEntry> entries;
  ASSERT_THAT(ctl().ListDevices(io, &entries), IsOk());
  ASSERT_EQ(entries.size(), 3u);
  EXPECT_EQ(entries[0].name, "a");
  EXPECT_EQ(entries[2].name, "b");
  EXPECT_EQ(entries[2].dev, (DevT{254, 0}).HugeEncode());
  entries.clear();
  io.name = "a";
  ASSERT_THAT(ctl().ListDevices(io, &entries), IsOk());
  EXPECT_EQ(entries.size(), 2u);
}

TEST_F(DmIoctlTest, ClearIsAlwaysASuccess) {
  ASSERT_THAT(New("d0"), IsOk());
  DmIoctl io{.name = "d0"};
  EXPECT_THAT(ctl().TableClear(io), IsOk());
  ASSERT_THAT(Load("d0", {kOnPmem}), IsOk());
  io = DmIoctl{.name = "d0"};
  EXPECT_THAT(ctl().TableClear(io), IsOk());
  EXPECT_EQ(io.flags, 0u);
  EXPECT_EQ(machine().FindBdevByName("pmem0")->openers(), 0);
}

TEST_F(DmIoctlTest, DepsAndStatusWithoutATable) {
  ASSERT_THAT(New("d0"), IsOk());
  DmIoctl io{.name = "d0"};
  std::vector<DevT> deps;
  bool has_table = true;
  EXPECT_THAT(ctl().TableDeps(io, &deps, &has_table), IsOk());
  EXPECT_FALSE(has_table);
  EXPECT_EQ(Table("d0"), "");
}

TEST_F(DmIoctlTest, StatusComesInThreeForms) {
  ASSERT_THAT(
      Create("d0", {Row(0, 64, "striped", "2 8 /dev/pmem0 0 /dev/pmem1 16")}),
      IsOk());
  EXPECT_EQ(Table("d0"), "0 64 striped 2 8 259:0 0 259:1 16\n");
  EXPECT_EQ(Table("d0", 0), "0 64 striped 2 259:0 259:1 1 AA\n");
  EXPECT_EQ(Table("d0", DM_IMA_MEASUREMENT_FLAG),
            "0 64 striped target_name=striped,target_version=1.6.0,stripes=2,"
            "chunk_size=8,stripe_0_device_name=259:0,"
            "stripe_0_physical_start=0,stripe_0_status=A,"
            "stripe_1_device_name=259:1,stripe_1_physical_start=16,"
            "stripe_1_status=A;\n");
}

TEST_F(DmIoctlTest, Messages) {
  ASSERT_THAT(New("d0"), IsOk());
  auto send = [&](absl::string_view message, uint64_t sector = 0) {
    DmIoctl io{.name = "d0"};
    std::string reply;
    Log();
    EXPECT_THAT(ctl().TargetMsg(io, sector_t{sector}, message, &reply),
                HasErrno(EINVAL));
    const std::vector<std::string> log = Log();
    return log.empty() ? std::string() : log.back();
  };
  EXPECT_EQ(send(" "), "device-mapper: ioctl: Empty message received.");
  EXPECT_EQ(send("hello"), "device-mapper: ioctl: The device has no table.");
  EXPECT_EQ(send("@what"),
            "device-mapper: ioctl: Unsupported message sent to DM core: "
            "@what");
  EXPECT_EQ(send("@cancel_deferred_remove now"),
            "device-mapper: ioctl: Invalid arguments for "
            "@cancel_deferred_remove");
  ASSERT_THAT(Load("d0", {Row(0, 8, "log-writes", "/dev/pmem0 /dev/sda")}),
              IsOk());
  ASSERT_THAT(Resume("d0"), IsOk());
  EXPECT_EQ(send("mark x", 8),
            "device-mapper: ioctl: Target message sector outside device.");
  EXPECT_EQ(send("nark x"),
            "device-mapper: log-writes: Unrecognised log writes target "
            "message received: nark");
  DmIoctl io{.name = "d0"};
  std::string reply;
  EXPECT_THAT(ctl().TargetMsg(io, sector_t{0}, "mark x", &reply), IsOk());
  EXPECT_FALSE(io.flags & DM_DATA_OUT_FLAG);
  ASSERT_THAT(Create("d1", {kOnPmem}), IsOk());
  DmIoctl to_linear{.name = "d1"};
  EXPECT_THAT(ctl().TargetMsg(to_linear, sector_t{0}, "x", &reply),
              HasErrno(EINVAL));
  EXPECT_THAT(Log(), ElementsAre("device-mapper: ioctl: Target type does not "
                                 "support messages"));
}

TEST_F(DmIoctlTest, Geometry) {
  ASSERT_THAT(Create("d0", {kOnPmem}), IsOk());
  DmIoctl io{.name = "d0"};
  Log();
  EXPECT_THAT(ctl().DevSetGeometry(io, "1 2 3"), HasErrno(EINVAL));
  EXPECT_THAT(ctl().DevSetGeometry(io, "1 2 3 x"), HasErrno(EINVAL));
  EXPECT_THAT(ctl().DevSetGeometry(io, "65536 1 1 0"), HasErrno(EINVAL));
  EXPECT_THAT(ctl().DevSetGeometry(io, "1 1 1 2"), HasErrno(EINVAL));
  constexpr char kUnreadable[] =
      "device-mapper: ioctl: Unable to interpret geometry settings.";
  EXPECT_THAT(
      Log(),
      ElementsAre(kUnreadable, kUnreadable,
                  "device-mapper: ioctl: Geometry exceeds range limits.",
                  "device-mapper: core: Start sector is beyond the geometry "
                  "limits."));
  EXPECT_THAT(ctl().DevSetGeometry(io, "65535 255 255 63"), IsOk());
}

// It is sscanf's to read, which knows no words: what is behind the last number
// counts, white space too.
TEST_F(DmIoctlTest, GeometryIsFourNumbersAndNoMore) {
  ASSERT_THAT(Create("d0", {kOnPmem}), IsOk());
  DmIoctl io{.name = "d0"};
  for (const char* text :
       {"1 1 1 0 ", "1 1 1 0\n", "1 1 1 0 0", "1 1 1 0x", "1\\ 1 1 0",
        "\\1 1 1 0", "1,1,1,0", "+1 1 1 0", "-1 1 1 0", "1 1 1", ""}) {
    EXPECT_THAT(ctl().DevSetGeometry(io, text), HasErrno(EINVAL)) << text;
  }
  EXPECT_THAT(ctl().DevSetGeometry(io, "  01\t\n1  1 000"), IsOk());
}

// The kernel copies nothing back when a command fails.
TEST_F(DmIoctlTest, AFailureLeavesTheRequestAlone) {
  ASSERT_THAT(Create("d0", {Row(0, 8, "linear", "/dev/pmem0 0")}), IsOk());
  ASSERT_THAT(Create("d1", {Row(0, 8, "linear", "/dev/mapper/d0 0")}), IsOk());
  const uint64_t dev = Md("d0").dev().HugeEncode();
  DmIoctl io{.dev = dev};
  EXPECT_THAT(ctl().DevRemove(io), HasErrno(EBUSY));
  EXPECT_EQ(io.name, "");
  EXPECT_THAT(ctl().TableLoad(io, {Row(0, 8, "linear", "x")}),
              HasErrno(EINVAL));
  EXPECT_THAT(ctl().DevWait(io), HasErrno(EAGAIN));
  std::string reply;
  EXPECT_THAT(ctl().TargetMsg(io, sector_t{0}, "hello", &reply),
              HasErrno(EINVAL));
  EXPECT_EQ(io.name, "");
  EXPECT_EQ(io.flags, 0u);
}

// Which row was refused, row 0 too, or none.
TEST_F(DmIoctlTest, TheRowThatWasRefused) {
  ASSERT_THAT(New("d0"), IsOk());
  DmIoctl io{.name = "d0"};
  std::optional<size_t> row = 9;
  EXPECT_FALSE(ctl().TableLoad(io, {Row(0, 8, "linear", "x")}, &row).ok());
  EXPECT_EQ(row, 0u);
  EXPECT_FALSE(
      ctl()
          .TableLoad(io, {Row(0, 8, "linear", "/dev/pmem0 99999999")}, &row)
          .ok());
  EXPECT_EQ(row, std::nullopt) << "the limits refuse it, not the row";
}

}  // namespace
}  // namespace dmdax
