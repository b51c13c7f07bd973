// SPDX-License-Identifier: Apache-2.0
//
// Targets whose constructor is judged as far as no metadata are needed.
#include <cerrno>

#include "tests/dm/target_testing.h"

namespace dmdax {
namespace {

using testing::Contains;
using testing::HasSubstr;

class MetadataTargetsTest : public TargetTest {};

TEST_F(MetadataTargetsTest, Mirror) {
  EXPECT_EQ(Why("mirror", "core"), "Insufficient mirror log arguments");
  EXPECT_EQ(Why("mirror", "core x 64"), "Invalid mirror log argument count");
  EXPECT_EQ(Why("mirror", "core 1 63 2 /dev/pmem0 0 /dev/pmem1 0"),
            "Error creating mirror dirty log");
  EXPECT_EQ(Why("mirror", "core 1 64 1 /dev/pmem0 0"),
            "Invalid number of mirrors");
  EXPECT_EQ(Why("mirror", "core 1 64 2 /dev/pmem0 0"),
            "Too few mirror arguments");
  EXPECT_EQ(Why("mirror", "core 1 64 2 /dev/pmem0 x /dev/nope 0"),
            "Invalid offset");
  EXPECT_EQ(Why("mirror", "core 1 64 2 /dev/pmem0 0 /dev/nope 0"),
            "Device lookup failure");
  EXPECT_EQ(Why("mirror", "core 1 64 2 /dev/pmem0 0 /dev/pmem1 0 1 keep_log"),
            "keep_log feature requires the handle_errors feature");
  ASSERT_EQ(Why("mirror",
                "disk 2 /dev/sda 64 2 /dev/pmem0 8 /dev/pmem1 0 1 "
                "handle_errors"),
            "");
  EXPECT_EQ(Table("d"),
            "0 2048 mirror disk 2 8:0 64 2 259:0 8 259:1 0 1 handle_errors\n");
  EXPECT_EQ(Status(), "0 2048 mirror 2 259:0 259:1 32/32 1 AA 3 disk 8:0 A\n");
  EXPECT_EQ(Where(1), "pmem0 9");
}

// The daemon of this log runs on no machine.
TEST_F(MetadataTargetsTest, MirrorLogOfUserspace) {
  ASSERT_THAT(New("m"), IsOk());
  const auto log = [&](const std::string& arguments) {
    Log();
    const std::string params =
        absl::StrCat("userspace ", arguments, " 2 /dev/pmem0 0 /dev/pmem1 0");
    EXPECT_THAT(Load("m", {Row(0, 2048, "mirror", params)}), HasErrno(EINVAL));
    std::vector<std::string> lines = Log();
    EXPECT_THAT(lines, Contains(HasSubstr("Error creating mirror dirty log")));
    return lines;
  };
  EXPECT_THAT(log("2 u 64"), Contains("device-mapper: dm-log-userspace: Too "
                                      "few arguments to userspace dirty log"));
  EXPECT_THAT(log("3 u core 64"),
              Contains("device-mapper: dm-log-userspace: Userspace log server "
                       "not found"));
  EXPECT_THAT(
      log(absl::StrCat("3 ", std::string(129, 'u'), " core 64")),
      Contains("device-mapper: dm-log-userspace: UUID argument too long."));
}

TEST_F(MetadataTargetsTest, Thin) {
  EXPECT_EQ(Why("thin-pool", "/dev/mem0 /dev/mem0 128 0"),
            "Error setting metadata or data device");
  EXPECT_EQ(Why("thin-pool", "/dev/mem0 /dev/mem1 100 0"),
            "Invalid block size");
  EXPECT_EQ(Why("thin-pool", "/dev/sda /dev/pmem0 128 0"), "")
      << "a disk is blank";
  ASSERT_EQ(Why("thin-pool", "/dev/mem0 /dev/mem1 128 0 1 error_if_no_space"),
            "");
  EXPECT_EQ(Table("d"),
            "0 2048 thin-pool 259:2 259:3 128 0 1 error_if_no_space \n");
  EXPECT_EQ(Message("create_thin 7"), "");
  EXPECT_EQ(Message("create_thin 7"), "EEXIST");
  EXPECT_EQ(Message("create_thin 16777216"), "EINVAL");
  ASSERT_THAT(Create("t", {Row(0, 4096, "thin", "/dev/mapper/d 7")}), IsOk());
  EXPECT_EQ(Create("u", {Row(0, 8, "thin", "/dev/mapper/d 8")}).code(),
            ErrnoError(ENODATA, "").code());
  auto kind = [&](uint64_t sector, ReqOp op) {
    return RouteBio(Md("t").disk(), sector_t{sector}, op).kind;
  };
  EXPECT_EQ(kind(1000, ReqOp::kRead), BioMap::Kind::kZeroes);
  EXPECT_EQ(kind(1000, ReqOp::kWrite), BioMap::Kind::kRemapped);
  EXPECT_EQ(
      RouteBio(Md("t").disk(), sector_t{1000}, ReqOp::kRead).hops.back().sector,
      sector_t{1000 % 128});
  EXPECT_EQ(Table("t", 0), "0 4096 thin 128 1023\n");
}

TEST_F(MetadataTargetsTest, CacheAndWritecache) {
  EXPECT_EQ(Why("cache", "/dev/mem0 /dev/mem1"), "Insufficient args");
  EXPECT_EQ(Why("cache", "/dev/mem0 /dev/mem1 /dev/sda 65 0 default 0"),
            "Invalid data block size");
  EXPECT_EQ(Why("cache", "/dev/mem0 /dev/mem1 /dev/sda 128 1 x default 0"),
            "Unrecognised cache feature requested");
  ASSERT_EQ(Why("cache", "/dev/mem0 /dev/mem1 /dev/sda 128 0 smq 0"), "");
  EXPECT_EQ(Table("d"), "0 2048 cache 259:2 259:3 8:0 128 0 smq 0\n");
  EXPECT_EQ(Where(9), "sda 9");
  EXPECT_EQ(Why("writecache", "x /dev/sda /dev/mem0 4096 0"), "Bad arguments");
  EXPECT_EQ(Why("writecache", "p /dev/pmem0 /dev/sda 4096 0"),
            "Asynchronous persistent memory not supported as pmem cache");
  EXPECT_EQ(Why("writecache", "s /dev/sdb /dev/mem0 512 0"),
            "Block size is smaller than device logical block size");
  ASSERT_EQ(Why("writecache", "p /dev/sda /dev/mem0 4096 2 max_age 5"), "");
  EXPECT_EQ(Table("d"), "0 2048 writecache p 8:0 259:2 4096 2 max_age 5\n");
}

TEST_F(MetadataTargetsTest, Multipath) {
  EXPECT_EQ(Why("multipath", "0 0 1 0"), "invalid initial priority group");
  EXPECT_EQ(Why("multipath", "0 0 1 1 nope 0 1 0 /dev/sda"),
            "unknown path selector type");
  EXPECT_EQ(Why("multipath", "0 0 2 1 round-robin 0 1 0 /dev/sda"),
            "priority group count mismatch");
  ASSERT_EQ(Why("multipath",
                "1 queue_if_no_path 0 1 1 service-time 0 2 2 /dev/sda 1 5 "
                "/dev/sdb 1 6"),
            "");
  EXPECT_EQ(Md("d").type(), DM_TYPE_REQUEST_BASED);
  EXPECT_EQ(Table("d"),
            "0 2048 multipath 1 queue_if_no_path 0 1 1 service-time 0 2 2 8:0 "
            "1 5 8:16 1 6 \n");
  // pmem has no requests.
  ASSERT_THAT(Remove("d"), IsOk());
  EXPECT_THAT(Create("d", {Row(0, 2048, "multipath",
                               "0 0 1 1 round-robin 0 1 0 /dev/pmem0")}),
              HasErrno(EINVAL));
}

TEST_F(MetadataTargetsTest, Others) {
  EXPECT_EQ(Why("zoned", "/dev/sda"), "Invalid regular device");
  EXPECT_EQ(Why("era", "/dev/mem0 /dev/sda 12"), "Invalid block size");
  ASSERT_EQ(Why("era", "/dev/mem0 /dev/sda 16"), "");
  EXPECT_EQ(Why("clone", "/dev/mem0 /dev/sda /dev/mem1 12"),
            "Region size is not a power of 2");
  // The era's metadata are no clone's.
  EXPECT_EQ(Why("clone", "/dev/mem0 /dev/sda /dev/mem1 8"),
            "Failed to load metadata");
  BootWithMemory("v6_1");
  ASSERT_EQ(Why("clone", "/dev/mem0 /dev/sda /dev/mem1 8 1 no_hydration"), "");
  EXPECT_EQ(Where(8), "mem1 8");
  EXPECT_EQ(Where(8, ReqOp::kWrite), "sda 8");
  EXPECT_EQ(Why("ebs", "/dev/sdb 4 1"),
            "Device offset must be multiple of underlying block size");
  ASSERT_EQ(Why("ebs", "/dev/sdb 8 1"), "");
}

// The first I/O chooses a group, and the paths that are left the next.
TEST_F(MetadataTargetsTest, MultipathRemembersItsGroup) {
  ASSERT_EQ(Why("multipath",
                "0 0 2 2 round-robin 0 1 0 /dev/sda round-robin 0 "
                "1 0 /dev/sdb"),
            "");
  EXPECT_EQ(Status(),
            "0 2048 multipath 2 1 0 0 2 2 E 0 1 0 8:0 A 0 E 0 1 0 8:16 A 0 "
            "\n");
  EXPECT_EQ(Where(0), "sdb 0");
  EXPECT_EQ(Status(),
            "0 2048 multipath 2 0 0 0 2 2 E 0 1 0 8:0 A 0 A 0 1 0 8:16 A 0 "
            "\n");
  EXPECT_EQ(Message("fail_path /dev/sdb"), "");
  EXPECT_EQ(Where(0), "sda 0");
  SaveAndRestore();
  EXPECT_EQ(Status(),
            "0 2048 multipath 2 0 0 0 2 1 A 0 1 0 8:0 A 0 E 0 1 0 8:16 F 1 "
            "\n");
  EXPECT_EQ(Message("disable_group 1"), "");
  EXPECT_EQ(Status(),
            "0 2048 multipath 2 0 0 0 2 1 D 0 1 0 8:0 A 0 E 0 1 0 8:16 F 1 "
            "\n");
}

TEST_F(MetadataTargetsTest, OneRequestQueueIsEnoughIn510) {
  const std::vector<DmTargetSpec> rows = {
      Row(0, 2048, "multipath",
          "0 0 1 1 round-robin 0 2 1 /dev/mem0 1 /dev/sda 1")};
  BootWithMemory("v5_10");
  EXPECT_THAT(Create("d", rows), IsOk());
  BootWithMemory("v6_1");
  EXPECT_THAT(Create("d", rows), HasErrno(EINVAL));
}

}  // namespace
}  // namespace dmdax
