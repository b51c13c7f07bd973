// SPDX-License-Identifier: Apache-2.0
//
// What type a table gets and, if it is not DAX, who is to blame.
#include <cerrno>

#include "tests/dm_testing.h"

namespace dmdax {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

class DmTableTypeTest : public DmTest {
 protected:
  // The verdict on a live table of these rows.
  DaxVerdict Verdict(const std::vector<DmTargetSpec>& rows) {
    const std::string name = absl::StrCat("v", count_++);
    EXPECT_THAT(Create(name, rows), IsOk());
    const DmTable* live = Md(name).live_table();
    return live == nullptr ? DaxVerdict{"not live"} : live->SupportsDax();
  }
  DmQueueMode TypeOf(const std::vector<DmTargetSpec>& rows) {
    const std::string name = absl::StrCat("v", count_++);
    EXPECT_THAT(Create(name, rows), IsOk());
    return Md(name).type();
  }

 private:
  int count_ = 0;
};

const DmTargetSpec kOnPmem = Row(0, 2048, "linear", "/dev/pmem0 0");

TEST_F(DmTableTypeTest, AllLegsOnPmemIsDax) {
  EXPECT_TRUE(Verdict({kOnPmem}).dax());
  EXPECT_TRUE(
      Verdict({Row(0, 64, "striped", "2 8 /dev/pmem0 0 /dev/pmem1 0")}).dax());
  EXPECT_TRUE(Verdict({Row(0, 64, "log-writes", "/dev/pmem0 /dev/sda")}).dax())
      << "the log is no data device";
  EXPECT_EQ(TypeOf({kOnPmem}), DM_TYPE_DAX_BIO_BASED);
  EXPECT_TRUE(Md("v0").disk().queue().Has(QUEUE_FLAG_DAX));
}

TEST_F(DmTableTypeTest, TheFirstBadLegIsNamed) {
  const DaxVerdict v =
      Verdict({kOnPmem, Row(2048, 72, "striped",
                            "3 8 /dev/pmem0 4096 /dev/sda 0 /dev/sdb 0")});
  EXPECT_FALSE(v.dax());
  EXPECT_EQ(v.target, 1);
  EXPECT_EQ(v.device, "8:0");
  EXPECT_EQ(v.reason,
            "target 1 (striped): leg 8:0 (sda): dax unsupported by block "
            "device");
}

TEST_F(DmTableTypeTest, TargetsWithoutDaxAreNamed) {
  EXPECT_EQ(Verdict({Row(0, 8, "zero")}).reason,
            "target 0 (zero) has no direct_access");
  EXPECT_EQ(Verdict({kOnPmem, Row(2048, 8, "error")}).reason,
            "target 1 (error) has no devices (iterate_devices)");
  EXPECT_EQ(TypeOf({Row(0, 8, "zero")}), DM_TYPE_BIO_BASED);
}

TEST_F(DmTableTypeTest, TheErrorTargetIsAWildcardSince6_7) {
  Boot("v6_12");
  EXPECT_EQ(Verdict({Row(0, 8, "error", "/dev/pmem0 0")}).reason,
            "target 0 (error) is a wildcard target");
}

TEST_F(DmTableTypeTest, AnUnalignedLowerDeviceIsNoDaxSince5_16) {
  ASSERT_THAT(Create("low", {Row(0, 2049, "linear", "/dev/pmem0 0")}), IsOk());
  Log();
  const DaxVerdict v = Verdict({Row(0, 8, "linear", "/dev/mapper/low 0")});
  EXPECT_THAT(Log(), Contains("dm-0: error: unaligned partition for dax"));
  EXPECT_EQ(v.reason,
            "target 0 (linear): leg 254:0 (dm-0): it had no usable dax_device "
            "when the table opened it");
}

TEST_F(DmTableTypeTest, StartsAreNotExaminedSince5_17) {
  EXPECT_TRUE(Verdict({Row(0, 8, "linear", "/dev/pmem0 1")}).dax());
  Boot("v5_10");
  const DaxVerdict v = Verdict({Row(0, 8, "linear", "/dev/pmem0 1")});
  EXPECT_THAT(v.reason, HasSubstr("unaligned partition for dax"));
}

TEST_F(DmTableTypeTest, OneGoodLegWasEnoughIn4_14) {
  const std::vector<DmTargetSpec> rows = {
      Row(0, 64, "striped", "2 8 /dev/sda 0 /dev/pmem0 0")};
  EXPECT_FALSE(Verdict(rows).dax());
  Boot("v4_14");
  EXPECT_TRUE(Verdict(rows).dax());
  EXPECT_THAT(
      Verdict({Row(0, 64, "striped", "2 8 /dev/sda 0 /dev/sdb 0")}).reason,
      HasSubstr("has no DAX flag"));
  EXPECT_EQ(Verdict({Row(0, 64, "log-writes", "/dev/pmem0 /dev/sda")}).reason,
            "target 0 (log-writes) has no direct_access");
}

TEST_F(DmTableTypeTest, TheTypeIsFixedByTheFirstLoad) {
  ASSERT_THAT(Create("d0", {kOnPmem}), IsOk());
  Log();
  EXPECT_THAT(Load("d0", {Row(0, 8, "linear", "/dev/sda 0")}),
              HasErrno(EINVAL));
  EXPECT_THAT(Log(), ElementsAre("device-mapper: ioctl: can't change device "
                                 "type (old=3 vs new=1) after initial table "
                                 "load."));
}

TEST_F(DmTableTypeTest, ATableWithoutDevicesKeepsADaxDevicesType) {
  ASSERT_THAT(Create("d0", {kOnPmem}), IsOk());
  for (const char* type : {"zero", "error"}) {
    ASSERT_THAT(Load("d0", {Row(0, 8, type)}), IsOk()) << type;
    ASSERT_THAT(Resume("d0"), IsOk());
    EXPECT_EQ(Md("d0").type(), DM_TYPE_DAX_BIO_BASED);
    EXPECT_FALSE(Md("d0").disk().queue().Has(QUEUE_FLAG_DAX)) << type;
  }
}

TEST_F(DmTableTypeTest, ABioBasedDeviceTakesADaxTableButKeepsItsType) {
  ASSERT_THAT(Create("d0", {Row(0, 8, "linear", "/dev/sda 0")}), IsOk());
  ASSERT_THAT(Load("d0", {kOnPmem}), IsOk());
  ASSERT_THAT(Resume("d0"), IsOk());
  EXPECT_EQ(Md("d0").type(), DM_TYPE_BIO_BASED);
  EXPECT_TRUE(Md("d0").disk().queue().Has(QUEUE_FLAG_DAX));
  EXPECT_THAT(DaxTranslate(Md("d0").dax_dev(), pgoff_t{1}, 1), IsOk());
}

TEST_F(DmTableTypeTest, SynchronousAndWriteCacheStick) {
  ASSERT_THAT(Create("d0", {kOnPmem}), IsOk());
  EXPECT_TRUE(Md("d0").dax_dev().synchronous());
  EXPECT_TRUE(Md("d0").dax_dev().write_cache());
  ASSERT_THAT(Load("d0", {Row(0, 8, "error")}), IsOk());
  ASSERT_THAT(Resume("d0"), IsOk());
  EXPECT_TRUE(Md("d0").dax_dev().synchronous());
  EXPECT_TRUE(Md("d0").dax_dev().write_cache());
}

// As recorded on 5.10 and 6.1.
TEST_F(DmTableTypeTest, AFirstTableThatDoesNotFitLeavesItsTypeTo5_14) {
  const DmTargetSpec too_far = Row(0, 8, "linear", "/dev/sda 1048576");
  const DmTargetSpec paths =
      Row(0, 8, "multipath", "0 0 1 1 round-robin 0 1 0 /dev/sda");
  for (const char* kernel : {"v4_14", "v5_10"}) {
    SCOPED_TRACE(kernel);
    Boot(kernel);
    ASSERT_THAT(New("d0"), IsOk());
    EXPECT_THAT(Load("d0", {too_far}), HasErrno(EINVAL));
    Log();
    EXPECT_THAT(Load("d0", {paths}), HasErrno(EINVAL));
    EXPECT_THAT(Log(), ElementsAre("device-mapper: ioctl: can't change device "
                                   "type (old=1 vs new=2) after initial table "
                                   "load."));
    EXPECT_THAT(Load("d0", {Row(0, 8, "linear", "/dev/sda 0")}), IsOk());
    EXPECT_THAT(Resume("d0"), IsOk());
    EXPECT_FALSE(Md("d0").has_queue()) << "never again";
  }
  Boot("v6_1");
  ASSERT_THAT(New("d0"), IsOk());
  EXPECT_THAT(Load("d0", {too_far}), HasErrno(EINVAL));
  EXPECT_FALSE(Md("d0").has_queue());
  EXPECT_THAT(Load("d0", {paths}), IsOk());
  EXPECT_TRUE(Md("d0").has_queue());
}

}  // namespace
}  // namespace dmdax
