// SPDX-License-Identifier: Apache-2.0
//
// What targets with metadata count of themselves.  The numbers are those that
// real kernels printed.
#include <string>
#include <vector>

#include "tests/dm/target_testing.h"

namespace dmdax {
namespace {

class MetadataStatusTest : public TargetTest {
 protected:
  // A metadata device of so many sectors, as /dev/mapper/meta.
  void Metadata(uint64_t sectors) {
    ASSERT_THAT(Create("meta", {Row(0, sectors, "linear", "/dev/sda 0")}),
                IsOk());
  }
  // A request for `sectors` of device `name`.
  absl::Status Write(const std::string& name, uint64_t sector,
                     uint64_t sectors = 8) {
    return BioWrite(Md(name).disk(), sector_t{sector},
                    std::vector<char>(sectors << kSectorShift, 'x'));
  }
  std::string Send(const std::string& name, const std::string& words) {
    DmIoctl io{.name = name};
    std::string reply;
    const absl::Status s = ctl().TargetMsg(io, sector_t{0}, words, &reply);
    return s.ok() ? reply : ErrnoName(ErrnoOf(s));
  }
};

TEST_F(MetadataStatusTest, AThinPoolCountsItsBlocks) {
  Metadata(256);
  const std::string params = "/dev/mapper/meta /dev/pmem1 256 0";
  ASSERT_EQ(Why("thin-pool", params, 131072), "");
  EXPECT_EQ(Status(),
            "0 131072 thin-pool 0 12/32 0/512 - rw no_discard_passdown "
            "queue_if_no_space - 8 \n");
  EXPECT_EQ(Message("create_thin 3"), "");
  ASSERT_THAT(Create("t", {Row(0, 8192, "thin", "/dev/mapper/d 3")}), IsOk());
  EXPECT_THAT(Write("t", 0), IsOk());
  EXPECT_EQ(Table("t", 0), "0 8192 thin 256 255\n");
  EXPECT_THAT(Write("t", 512, 128), IsOk());
  EXPECT_THAT(Status(), testing::HasSubstr(" 0 13/32 2/512 - rw "));
  // A snapshot shares its blocks until one of the two is written.
  EXPECT_EQ(Message("create_snap 4 3"), "");
  EXPECT_EQ(Message("create_snap 4 3"), "EEXIST");
  EXPECT_EQ(Message("create_snap 5 9"), "ENODATA");
  EXPECT_EQ(Message("create_snap 5"), "EINVAL");
  EXPECT_THAT(Status(), testing::HasSubstr(" 0 13/32 2/512 - rw "));
  EXPECT_THAT(Write("t", 0, 1), IsOk());
  EXPECT_THAT(Status(), testing::HasSubstr(" 0 14/32 3/512 - rw "));
  EXPECT_EQ(Message("reserve_metadata_snap"), "");
  EXPECT_THAT(Status(), testing::HasSubstr(" 0 15/32 3/512 7 rw "));
  EXPECT_EQ(Message("reserve_metadata_snap"), "EBUSY");
  EXPECT_EQ(Message("release_metadata_snap"), "");
  EXPECT_EQ(Message("release_metadata_snap"), "EINVAL");
  EXPECT_THAT(Status(), testing::HasSubstr(" 0 14/32 3/512 - rw "));
  EXPECT_EQ(Message("delete 3"), "EBUSY");
  ASSERT_THAT(Remove("t"), IsOk());
  EXPECT_EQ(Message("delete 3"), "");
  EXPECT_THAT(Status(), testing::HasSubstr(" 0 13/32 2/512 - rw "));
  // The metadata are on the device.
  ASSERT_EQ(Why("thin-pool", params, 131072), "");
  EXPECT_THAT(Status(), testing::HasSubstr(" 0 13/32 2/512 - rw "));
  ASSERT_THAT(Create("u", {Row(0, 8192, "thin", "/dev/mapper/d 4")}), IsOk());
  EXPECT_EQ(Table("u", 0), "0 8192 thin 512 767\n");
}

TEST_F(MetadataStatusTest, APoolWithoutDataSpaceSaysSo) {
  ASSERT_EQ(
      Why("thin-pool", "/dev/sda /dev/pmem1 128 2 1 error_if_no_space", 512),
      "");
  EXPECT_EQ(Message("create_thin 0"), "");
  ASSERT_THAT(Create("t", {Row(0, 8192, "thin", "/dev/mapper/d 0")}), IsOk());
  for (uint64_t block = 0; block < 4; ++block) {
    EXPECT_THAT(Write("t", block * 128), IsOk());
  }
  EXPECT_THAT(Write("t", 4 * 128), HasErrno(ENOSPC));
  EXPECT_THAT(Status(), testing::HasSubstr(" 4/4 - out_of_data_space "));
  EXPECT_EQ(Info("d").event_nr, 2u) << "the low water mark, and the mode";
}

// process_prepared_mapping(): what could not be zeroed is not mapped, but the
// pool has given it away.
TEST_F(MetadataStatusTest, ABlockThatCannotBeFilledIsNotMapped) {
  ASSERT_THAT(Create("data", {Row(0, 512, "error", "")}), IsOk());
  ASSERT_EQ(Why("thin-pool", "/dev/sda /dev/mapper/data 128 0", 512), "");
  EXPECT_EQ(Message("create_thin 0"), "");
  ASSERT_THAT(Create("t", {Row(0, 8192, "thin", "/dev/mapper/d 0")}), IsOk());
  EXPECT_THAT(Write("t", 0), HasErrno(EIO));
  EXPECT_EQ(Table("t", 0), "0 8192 thin 0 -\n");
  EXPECT_THAT(Status(), testing::HasSubstr(" 1/4 - rw "));
}

// A threshold that was passed before it was set is no news.
TEST_F(MetadataStatusTest, APoolThatWasAlwaysShortOfMetadataSendsNoEvent) {
  Metadata(80);
  ASSERT_EQ(Why("thin-pool", "/dev/mapper/meta /dev/pmem1 128 0", 65536), "");
  const std::vector<std::string> log = Log();
  EXPECT_THAT(log, testing::Contains(testing::HasSubstr("new metadata block")));
  EXPECT_THAT(log, testing::Not(testing::Contains(
                       testing::HasSubstr("reached low water mark"))));
}

// pool_suspend_active_thins()
TEST_F(MetadataStatusTest, TheDevicesOfASuspendedPoolWait) {
  ASSERT_EQ(Why("thin-pool", "/dev/sda /dev/pmem1 128 0", 512), "");
  EXPECT_EQ(Message("create_thin 0"), "");
  ASSERT_THAT(Create("t", {Row(0, 8192, "thin", "/dev/mapper/d 0")}), IsOk());
  EXPECT_THAT(Write("t", 0), IsOk());
  ASSERT_THAT(Suspend("d"), IsOk());
  EXPECT_THAT(Write("t", 0), HasErrno(EAGAIN));
  EXPECT_FALSE(Md("t").suspended()) << "nobody is told";
  ASSERT_THAT(Resume("d"), IsOk());
  EXPECT_THAT(Write("t", 0), IsOk());
}

TEST_F(MetadataStatusTest, WritesToAFullPoolWait) {
  const std::string pool = "/dev/sda /dev/pmem1 128 0";
  ASSERT_EQ(Why("thin-pool", pool, 512), "");
  machine().FreezeClock();
  EXPECT_EQ(Message("create_thin 0"), "");
  ASSERT_THAT(Create("t", {Row(0, 8192, "thin", "/dev/mapper/d 0")}), IsOk());
  for (uint64_t block = 0; block < 4; ++block) {
    EXPECT_THAT(Write("t", block * 128), IsOk());
  }
  EXPECT_THAT(Write("t", 4 * 128), HasErrno(EAGAIN));
  EXPECT_THAT(Write("t", 0), IsOk()) << "that has its block";
  EXPECT_THAT(Status(), testing::HasSubstr(" out_of_data_space "));
  // It goes on when the pool has grown.
  ASSERT_THAT(Load("d", {Row(0, 640, "thin-pool", pool)}), IsOk());
  ASSERT_THAT(Resume("d"), IsOk());
  EXPECT_THAT(Write("t", 4 * 128), IsOk());
  EXPECT_THAT(Write("t", 5 * 128), HasErrno(EAGAIN));
  machine().AdvanceClock(59);
  EXPECT_THAT(Write("t", 5 * 128), HasErrno(EAGAIN));
  machine().AdvanceClock(1);
  EXPECT_THAT(Write("t", 5 * 128), HasErrno(ENOSPC));
  EXPECT_THAT(Log(), testing::Contains(testing::HasSubstr(
                         "switching pool to out-of-data-space (error IO) "
                         "mode")));
}

TEST_F(MetadataStatusTest, AFullMetadataDeviceNeedsACheck) {
  Metadata(64);
  EXPECT_NE(Why("thin-pool", "/dev/mapper/meta /dev/pmem1 128 0", 65536), "");
  ASSERT_THAT(Remove("d"), IsOk());
  ASSERT_EQ(Why("thin-pool", "/dev/mapper/meta /dev/pmem1 128 0", 65536), "");
  EXPECT_EQ(Status(),
            "0 65536 thin-pool 0 8/8 0/0 - ro no_discard_passdown "
            "queue_if_no_space needs_check 2 \n");
}

TEST_F(MetadataStatusTest, ACacheCountsItsBlocks) {
  Metadata(512);
  const std::string params =
      "/dev/mapper/meta /dev/mem0 /dev/mem1 256 1 writethrough smq 0";
  ASSERT_EQ(Why("cache", params), "");
  EXPECT_THAT(Status(), testing::HasSubstr(" cache 8 8/64 256 0/512 0 0 0 0 "));
  EXPECT_EQ(Message("migration_threshold 99"), "");
  EXPECT_EQ(Message("invalidate_cblocks 0"), "EPERM");
  EXPECT_EQ(Message("nonsense 1"), "EINVAL");
  std::vector<char> bytes(8 * kSectorSize);
  EXPECT_THAT(BioRead(Md("d").disk(), sector_t{0}, absl::MakeSpan(bytes)),
              IsOk());
  EXPECT_THAT(Write("d", 128), IsOk());
  EXPECT_THAT(Status(),
              testing::HasSubstr(" 8/64 256 0/512 0 1 0 1 0 0 0 2 writethrough "
                                 "no_discard_passdown 2 migration_threshold 99 "
                                 "smq 0 rw - "));
  // Hints and the bits of discarded blocks are written at a suspend.
  ASSERT_EQ(Why("cache", params), "");
  EXPECT_THAT(Status(), testing::HasSubstr(" 8 11/64 256 0/512 0 1 0 1 "));
}

TEST_F(MetadataStatusTest, AnEraCountsItsBlocks) {
  Metadata(256);
  ASSERT_EQ(Why("era", "/dev/mapper/meta /dev/pmem1 128", 65536), "");
  EXPECT_EQ(Status(), "0 65536 era 8 9/32 1 -\n");
  EXPECT_EQ(Message("checkpoint"), "");
  EXPECT_EQ(Status(), "0 65536 era 8 11/32 2 -\n");
  EXPECT_THAT(Write("d", 0), IsOk());
  EXPECT_EQ(Status(), "0 65536 era 8 9/32 2 -\n");
  EXPECT_EQ(Message("take_metadata_snap"), "");
  EXPECT_EQ(Status(), "0 65536 era 8 12/32 3 30\n");
  EXPECT_EQ(Message("take_metadata_snap"), "EINVAL");
  EXPECT_EQ(Message("drop_metadata_snap"), "");
  EXPECT_EQ(Status(), "0 65536 era 8 9/32 3 -\n");
  EXPECT_EQ(Message("bogus"), "EINVAL");
}

TEST_F(MetadataStatusTest, TimeBringsAMirrorInSync) {
  machine().FreezeClock();
  ASSERT_EQ(Why("mirror", "core 1 1024 2 /dev/pmem0 0 /dev/pmem1 0", 131072),
            "");
  EXPECT_THAT(Status(), testing::HasSubstr(" 8/128 1 AA "));
  EXPECT_EQ(Info("d").event_nr, 0u);
  machine().AdvanceClock(1);
  EXPECT_THAT(Status(), testing::HasSubstr(" 128/128 1 AA "));
  EXPECT_EQ(Info("d").event_nr, 1u);
  // A write goes to both legs.
  EXPECT_THAT(Write("d", 8, 1), IsOk());
  for (const char* leg : {"pmem0", "pmem1"}) {
    std::vector<char> bytes(kSectorSize);
    EXPECT_THAT(BioRead(*machine().FindBdevByName(leg), sector_t{8},
                        absl::MakeSpan(bytes)),
                IsOk());
    EXPECT_EQ(bytes[0], 'x') << leg;
  }
}

TEST_F(MetadataStatusTest, TimeMergesASnapshot) {
  machine().FreezeClock();
  ASSERT_THAT(Create("cow", {Row(0, 128, "linear", "/dev/sda 0")}), IsOk());
  ASSERT_EQ(Why("snapshot", "/dev/pmem0 /dev/mapper/cow P 8"), "");
  EXPECT_THAT(Write("d", 0, 16), IsOk());
  EXPECT_EQ(Status(), "0 2048 snapshot 32/128 16\n");
  const std::vector<DmTargetSpec> rows = {
      Row(0, 2048, "snapshot-merge", "/dev/pmem0 /dev/mapper/cow P 8")};
  ASSERT_THAT(Load("d", rows), IsOk());
  ASSERT_THAT(Resume("d"), IsOk());
  machine().AdvanceClock(2);
  EXPECT_EQ(Status(), "0 2048 snapshot-merge 16/128 16\n");
  std::vector<char> bytes(kSectorSize);
  EXPECT_THAT(BioRead(*machine().FindBdevByName("pmem0"), sector_t{15},
                      absl::MakeSpan(bytes)),
              IsOk());
  EXPECT_EQ(bytes[0], 'x');
}

TEST_F(MetadataStatusTest, ACloneCopiesWhenItMay) {
  machine().FreezeClock();
  ASSERT_EQ(Why("clone", "/dev/sda /dev/pmem0 /dev/pmem1 2048 1 no_hydration",
                131072),
            "");
  EXPECT_THAT(Status(), testing::HasSubstr(" 2048 0/64 0 "));
  EXPECT_THAT(Write("d", 2048), IsOk());
  EXPECT_THAT(Status(), testing::HasSubstr(" 2048 1/64 0 "));
  machine().AdvanceClock(9);
  EXPECT_THAT(Status(), testing::HasSubstr(" 2048 1/64 0 "));
  EXPECT_EQ(Message("enable_hydration"), "");
  EXPECT_EQ(Message("hydration_threshold 16"), "");
  EXPECT_EQ(Message("bogus"), "EINVAL");
  machine().AdvanceClock(3);
  EXPECT_THAT(Status(), testing::HasSubstr(" 2048 64/64 0 "));
  EXPECT_THAT(Status(), testing::HasSubstr(" 4 hydration_threshold 16 "));
}

TEST_F(MetadataStatusTest, AThinDeviceThatOutlivesThePoolClosesItWhileOpen) {
  ASSERT_EQ(Why("thin-pool", "/dev/sda /dev/pmem1 128 0", 512), "");
  EXPECT_EQ(Message("create_thin 0"), "");
  ASSERT_THAT(Create("t", {Row(0, 512, "thin", "/dev/mapper/d 0")}), IsOk());
  ASSERT_THAT(Load("d", {Row(0, 512, "error", "")}), IsOk());
  ASSERT_THAT(Resume("d"), IsOk());
  Log();
  ASSERT_THAT(Remove("t"), IsOk());
  EXPECT_THAT(Log(), testing::ElementsAre(
                         "device-mapper: thin metadata: attempt to close pmd "
                         "when 1 device(s) are still open",
                         "device-mapper: thin: __pool_destroy: "
                         "dm_pool_metadata_close() failed."));
}

}  // namespace
}  // namespace dmdax
