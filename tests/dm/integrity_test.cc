// SPDX-License-Identifier: Apache-2.0
#include "tests/dm/target_testing.h"

namespace dmdax {
namespace {

class IntegrityTest : public TargetTest {
 protected:
  std::string WhyNot(const std::string& words, uint64_t length = 2048) {
    return Why("integrity", words, length);
  }
};

TEST_F(IntegrityTest, RefusesInTheKernelsOrder) {
  EXPECT_EQ(WhyNot("/dev/nope x 0 x"), "Invalid argument count");
  EXPECT_EQ(WhyNot("/dev/nope x 0 x 0"), "Device lookup failed");
  EXPECT_EQ(WhyNot("/dev/mem0 x 0 x 0"), "Invalid starting offset");
  EXPECT_EQ(WhyNot("/dev/mem0 0 0 x 0"), "Invalid tag size");
  EXPECT_EQ(WhyNot("/dev/mem0 0 4 x 0"), "Invalid mode (expecting J, B, D, R)");
  EXPECT_EQ(WhyNot("/dev/mem0 0 4 J 1 nothing"), "Invalid argument");
  EXPECT_EQ(WhyNot("/dev/mem0 0 4 J 1 block_size:1000"),
            "Invalid block_size argument");
  EXPECT_EQ(WhyNot("/dev/mem0 0 4 J 1 journal_watermark:101"),
            "Invalid argument");
  EXPECT_EQ(WhyNot("/dev/mem0 0 - J 1 internal_hash:crc32c:abc"),
            "Invalid internal_hash argument");
  EXPECT_EQ(WhyNot("/dev/mem0 0 - J 1 internal_hash:nosuch"),
            "Invalid internal hash");
  EXPECT_EQ(WhyNot("/dev/mem0 0 - J 1 internal_hash:hmac(sha256)"),
            "Error setting internal hash key");
  EXPECT_EQ(WhyNot("/dev/mem0 0 - J 0"), "Unknown tag size");
  EXPECT_EQ(WhyNot("/dev/mem0 0 256 J 0"), "Too big tag size");
  EXPECT_EQ(WhyNot("/dev/mem0 0 4 B 0"),
            "Bitmap mode can be only used with internal hash");
  EXPECT_EQ(WhyNot("/dev/mem0 0 4 J 1 allow_discards"),
            "Discard can be only used with internal hash");
  EXPECT_EQ(WhyNot("/dev/mem0 0 - J 1 internal_hash:crc32c", 200000),
            "Not enough provided sectors for requested mapping size");
}

TEST_F(IntegrityTest, AKeyThatTheHashDoesNotTake) {
  auto load = [this](const std::string& hash) {
    if (ctl().FindDevice("k") != nullptr) {
      EXPECT_THAT(Remove("k"), IsOk());
    }
    return Create("k", {Row(0, 8, "integrity",
                            "/dev/mem0 0 - J 1 internal_hash:" + hash)});
  };
  EXPECT_THAT(load("sha256:abab"), HasErrno(ENOSYS));
  EXPECT_THAT(load("crc32c:abab"), HasErrno(EINVAL));
  EXPECT_THAT(load("hmac(sha256)"), HasErrno(ENOKEY));
  EXPECT_THAT(load("crc32c:abababab"), IsOk());
}

// Answers that real kernels gave for a disk of 512 MiB: here it is 64 MiB.
TEST_F(IntegrityTest, ABlankDeviceIsFormatted) {
  ASSERT_EQ(WhyNot("/dev/mem0 0 4 J 0", 16000), "");
  EXPECT_EQ(Table("d"),
            "0 16000 integrity 259:2 0 4 J 5 journal_sectors:880 "
            "interleave_sectors:32768 buffer_sectors:128 journal_watermark:50 "
            "commit_time:10000\n");
  EXPECT_EQ(Status(), "0 16000 integrity 0 129160 -\n");
  EXPECT_EQ(WhyNot("/dev/mem0 0 8 J 0"),
            "Tag size doesn't match the information in superblock");
  EXPECT_EQ(WhyNot("/dev/mem0 0 4 J 1 block_size:4096"),
            "Block size doesn't match the information in superblock");
  ASSERT_EQ(WhyNot("/dev/mem0 0 4 D 1 interleave_sectors:8"), "")
      << "the superblock has the last word";
  EXPECT_EQ(Status(), "0 2048 integrity 0 129160 -\n");
}

TEST_F(IntegrityTest, TagsOnADeviceOfTheirOwn) {
  ASSERT_EQ(WhyNot("/dev/mem0 0 - B 3 internal_hash:crc32c recalculate "
                   "meta_device:/dev/mem1",
                   8192),
            "");
  EXPECT_EQ(Status(), "0 8192 integrity 0 131072 131072\n");
  EXPECT_EQ(Where(9), "mem0 9");
}

TEST_F(IntegrityTest, TheTableByKernel) {
  Boot("v7_2");
  ASSERT_EQ(WhyNot("/dev/sda 0 - J 2 internal_hash:crc32c allow_discards"), "");
  EXPECT_EQ(Table("d"),
            "0 2048 integrity 8:0 0 4 J 7 allow_discards "
            "interleave_sectors:32768 buffer_sectors:128 journal_sectors:880 "
            "journal_watermark:50 commit_time:10000 internal_hash:crc32c\n");
  EXPECT_EQ(WhyNot("/dev/sda 0 4 x 0"),
            "Invalid mode (expecting J, B, D, R, I)");
  EXPECT_EQ(WhyNot("/dev/sda 0 - I 1 internal_hash:crc32c"),
            "Integrity profile not supported");
  Boot("v4_14");
  EXPECT_EQ(WhyNot("/dev/sda 0 4 B 0"), "Invalid mode (expecting J, D, R)");
}

TEST_F(IntegrityTest, AKeyAndARecalculation) {
  EXPECT_EQ(
      WhyNot("/dev/sda 0 - J 2 internal_hash:hmac(sha256):ab recalculate"),
      "Recalculating with HMAC is disabled for security reasons - if you "
      "really need it, use the argument \"legacy_recalculate\"");
  EXPECT_EQ(WhyNot("/dev/sda 0 - J 3 internal_hash:hmac(sha256):ab recalculate "
                   "legacy_recalculate"),
            "");
  // A blank disk again.
  BootWithMemory("v6_1");
  EXPECT_EQ(WhyNot("/dev/sda 0 4 J 1 journal_crypt:ctr(aes)"),
            "Unable to encrypt journal");
  EXPECT_EQ(WhyNot("/dev/sda 0 4 J 1 journal_crypt:nosuch"),
            "Invalid journal cipher");
}

TEST_F(IntegrityTest, ASectorThatWasNeverWrittenDoesNotRead) {
  ASSERT_EQ(WhyNot("/dev/mem0 0 - J 1 internal_hash:crc32c"), "");
  std::vector<char> sector(512);
  Log();
  EXPECT_THAT(BioRead(Md("d").disk(), sector_t{3}, absl::MakeSpan(sector)),
              HasErrno(EILSEQ));
  EXPECT_EQ(Log()[0],
            "device-mapper: integrity: dm-0: Checksum failed at sector 0x3");
  EXPECT_THAT(BioWrite(Md("d").disk(), sector_t{3}, sector), IsOk());
  EXPECT_THAT(BioRead(Md("d").disk(), sector_t{3}, absl::MakeSpan(sector)),
              IsOk());
  SaveAndRestore();
  EXPECT_EQ(Status(), "0 2048 integrity 1 129160 -\n");
  EXPECT_THAT(BioRead(Md("d").disk(), sector_t{3}, absl::MakeSpan(sector)),
              IsOk());
}

}  // namespace
}  // namespace dmdax
