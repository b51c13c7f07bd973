// SPDX-License-Identifier: Apache-2.0
#include "tests/dm/target_testing.h"

namespace dmdax {
namespace {

using testing::ElementsAre;

class VdoTest : public TargetTest {
 protected:
  VdoTest() : TargetTest("v7_2") {}
  std::string WhyNot(const std::string& words) {
    return Why("vdo", words, 2097152);
  }
  const std::string line_ = "V4 /dev/sda 4096 4096 32768 16380";
};

TEST_F(VdoTest, RefusesInTheKernelsOrder) {
  EXPECT_EQ(WhyNot(""), "Incorrect number of arguments");
  EXPECT_EQ(WhyNot("V4 /dev/sda"), "Incorrect number of arguments for version");
  EXPECT_EQ(WhyNot("V5 /dev/sda 4096 4096 128 16380"),
            "Unknown version number detected");
  EXPECT_EQ(WhyNot("V4 /dev/nope x x x x"), "Invalid physical block count");
  EXPECT_EQ(WhyNot("V4 /dev/nope 1 x x x"), "Invalid logical block size");
  EXPECT_EQ(WhyNot("V4 /dev/nope 1 512 x x"),
            "Invalid block map page cache size");
  EXPECT_EQ(WhyNot("V4 /dev/nope 1 512 1 x"), "Invalid block map maximum age");
  EXPECT_EQ(WhyNot("V4 /dev/nope 1 512 1 1 ack"),
            "Odd number of optional arguments given but they should be <key> "
            "<value> pairs");
  EXPECT_EQ(WhyNot("V4 /dev/nope 1 512 1 1 cpu 0"),
            "Invalid optional argument configuration");
  EXPECT_EQ(WhyNot("V4 /dev/nope 1 512 1 1 hash 1 logical 1"),
            "Logical, physical, and hash zones counts must all be zero or all "
            "non-zero");
  EXPECT_EQ(WhyNot("V4 /dev/nope 1 512 1 1 hash 1 logical 1 physical 1"),
            "Insufficient block map cache for logical zones");
  EXPECT_EQ(WhyNot("V4 /dev/nope 1 512 1 1"), "Unable to open storage device");
  EXPECT_EQ(Why("vdo", line_, 4), "Logical size must be a multiple of 4096");
}

TEST_F(VdoTest, EveryAttemptHasANumber) {
  Create("a", {Row(0, 8, "vdo", line_ + " bio 101")}).IgnoreError();
  Log();
  Create("b", {Row(0, 8, "vdo", line_ + " bio 101")}).IgnoreError();
  EXPECT_THAT(
      Log(),
      ElementsAre(
          "device-mapper: vdo1:dmsetup: table line: " + line_ + " bio 101",
          "device-mapper: vdo1:dmsetup: thread config string error: at "
          "most 100 'bio' threads are allowed",
          "device-mapper: vdo1:dmsetup: parsing failed: Invalid "
          "optional argument configuration: VDO Status: Bad "
          "configuration option (1468)",
          "device-mapper: table: 254:1: vdo: Invalid optional argument "
          "configuration (-EINVAL)",
          "device-mapper: ioctl: error adding target to table"));
}

TEST_F(VdoTest, ABlankDiskByKernel) {
  EXPECT_EQ(WhyNot(line_),
            "Could not allocate enough space for VDO during format");
  BootWithMemory("v6_12");
  EXPECT_EQ(WhyNot("V4 /dev/mem0 4096 4096 32768 16380"),
            "Could not load geometry block");
  // A word of a later kernel is an unknown thread there, which is only logged.
  EXPECT_EQ(WhyNot(line_ + " slabSize 7"), "Could not load geometry block");
  Boot("v6_1");
  EXPECT_THAT(Create("x", {Row(0, 8, "vdo", line_)}), HasErrno(EINVAL));
}

class RecentTargetsTest : public TargetTest {
 protected:
  RecentTargetsTest() : TargetTest("v7_2") {}
};

TEST_F(RecentTargetsTest, Pcache) {
  EXPECT_EQ(Why("pcache", "/dev/pmem0"), "Insufficient args");
  EXPECT_EQ(Why("pcache", "/dev/pmem0 /dev/sda 1 cache_mode"),
            "Missing value for cache_mode");
  EXPECT_EQ(Why("pcache", "/dev/pmem0 /dev/sda 2 cache_mode writethrough"),
            "Invalid cache mode parameter");
  EXPECT_EQ(Why("pcache", "/dev/pmem0 /dev/sda 1 nothing"),
            "Unrecognised cache option requested");
  EXPECT_EQ(Why("pcache", "/dev/pmem0 /dev/sda"), "Failed to start cache dev")
      << "too small";
  PmemOptions pmem;
  pmem.name = "big";
  pmem.base = uint64_t{64} << 32;
  pmem.size = uint64_t{512} << 20;
  pmem.backing = PmemBacking::kAnonymous;
  ASSERT_THAT(machine().AddPmem(pmem), IsOk());
  ASSERT_EQ(Why("pcache", "/dev/big /dev/sda 2 data_crc true"), "");
  EXPECT_EQ(Table("d"),
            "0 2048 pcache 259:4 8:0 4 cache_mode writeback crc true\n");
}

TEST_F(RecentTargetsTest, InlineCrypt) {
  const std::string key(128, 'A');
  auto why = [&](const std::string& tail) {
    return Why("inlinecrypt", "aes-xts-plain64 " + key + tail);
  };
  EXPECT_EQ(Why("inlinecrypt", "aes-cbc-plain64 00 0 /dev/sda 0"),
            "Unsupported cipher");
  EXPECT_EQ(Why("inlinecrypt", "aes-xts-plain64 0 0 /dev/sda 0"),
            "Cannot parse key size");
  EXPECT_EQ(Why("inlinecrypt", "aes-xts-plain64 00 0 /dev/sda 0"),
            "Error initializing blk-crypto key");
  EXPECT_EQ(why(" 0 /dev/sda 0 1 sector_size:4096"),
            "iv_large_sectors must be specified");
  EXPECT_EQ(why(" 1 /dev/sda 0 2 sector_size:4096 iv_large_sectors"),
            "Wrong alignment of iv_offset sector");
  EXPECT_EQ(why(" 0 /dev/sda 0 1 keytype:hw-wrapped"),
            "Error starting to use blk-crypto");
  ASSERT_EQ(why(" 0 /dev/sda 8 3 allow_discards sector_size:4096 "
                "iv_large_sectors"),
            "");
  EXPECT_EQ(Table("d"), "0 2048 inlinecrypt aes-xts-plain64 " +
                            std::string(128, 'a') +
                            " 1 0 8:0 8 3 allow_discards sector_size:4096 "
                            "iv_large_sectors\n");
  EXPECT_EQ(Where(0), "sda 8");
}

}  // namespace
}  // namespace dmdax
