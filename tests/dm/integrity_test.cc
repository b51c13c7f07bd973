// SPDX-License-Identifier: Apache-2.0
#include <cerrno>
#include <cstring>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "dm/bio/submit_bio.h"
#include "tests/dm/target_testing.h"

namespace dmdax {
namespace {

class IntegrityTest : public TargetTest {
 protected:
  std::string WhyNot(const std::string& words, uint64_t length = 2048) {
    return Why("integrity", words, length);
  }
  // The first sector of data.
  uint64_t FirstOnMem0() {
    uint64_t sector = 0;
    EXPECT_TRUE(absl::SimpleAtoi(Where(0).substr(strlen("mem0 ")), &sector));
    return sector;
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

// A sector as the recording's guest had it, and its number.
std::string StampedSector(uint64_t number) {
  std::string sector = "d";
  sector.resize(8, 0);
  sector.push_back(static_cast<char>(number));
  sector.resize(512, 0);
  return sector;
}

// Their bytes and their places are those of Linux 6.1, of sector 16.
TEST_F(IntegrityTest, TagsAreTheKernels) {
  std::string page;
  for (uint64_t i = 16; i < 24; ++i) page += StampedSector(i);
  const struct {
    const char* words;
    std::string block;
    uint64_t run, at;  // sectors of an area's tags, bytes behind their begin
    const char* tag;
    const char* salt = "";
  } tags[] = {
      {"- D 1 internal_hash:crc32c", StampedSector(16), 256, 64, "9fe1d9b2"},
      {"- D 1 internal_hash:crc32", StampedSector(16), 256, 64, "fbfbe373"},
      {"- D 1 internal_hash:sha256", StampedSector(16), 2048, 512,
       "cc8fc9786e87ece3388ef0aceb01af818523ff1a3b0bf34a4b1f94eb9707f564"},
      {"16 D 2 block_size:4096 internal_hash:sha1", page, 256, 32,
       "fec171149d41ddd2f365f4950e42e768"},
      {"- D 3 fix_padding fix_hmac "
       "internal_hash:hmac(sha256):00112233445566778899aabbccddeeff",
       StampedSector(16), 2048, 512,
       "0c794c361acde457a954b1a372afd6b2f504fe03567b3d8a1ce2f98f72126df8",
       "9ec9d694f33cac9bb65f71b8a216497a"},
  };
  for (const auto& [words, block, run, at, tag, salt] : tags) {
    SCOPED_TRACE(words);
    BootWithMemory("v6_1");
    BlockDevice& mem0 = *machine().FindBdevByName("mem0");
    const std::string table = absl::StrCat("/dev/mem0 0 ", words);
    ASSERT_EQ(WhyNot(table), "");
    std::vector<char> raw(512);
    if (const std::string bytes = absl::HexStringToBytes(salt);
        !bytes.empty()) {
      ASSERT_THAT(BioRead(mem0, sector_t{0}, absl::MakeSpan(raw)), IsOk());
      std::copy(bytes.begin(), bytes.end(), raw.begin() + 48);
      ASSERT_THAT(BioWrite(mem0, sector_t{0}, raw), IsOk());
      ASSERT_EQ(WhyNot(table), "");
    }
    ASSERT_THAT(BioWrite(Md("d").disk(), sector_t{16}, block), IsOk());
    const sector_t tags_at(FirstOnMem0() - run + at / 512);
    ASSERT_THAT(BioRead(mem0, tags_at, absl::MakeSpan(raw)), IsOk());
    EXPECT_EQ(absl::BytesToHexString(
                  absl::string_view(&raw[at % 512], strlen(tag) / 2)),
              tag);
  }
}

TEST_F(IntegrityTest, AByteThatChangesIsFound) {
  const std::string words = "/dev/mem0 0 - J 1 internal_hash:crc32c";
  const std::string data = StampedSector(16);
  ASSERT_EQ(WhyNot(words), "");
  ASSERT_THAT(BioWrite(Md("d").disk(), sector_t{16}, data), IsOk());
  std::vector<char> read(512);
  for (const bool changed : {false, true, false}) {
    SCOPED_TRACE(changed);
    std::string stored = data;
    if (changed) stored[100] = 1;
    ASSERT_THAT(BioWrite(*machine().FindBdevByName("mem0"),
                         sector_t{FirstOnMem0() + 16}, stored),
                IsOk());
    ASSERT_EQ(WhyNot(words), "");
    const absl::Status alone =
        BioRead(Md("d").disk(), sector_t{16}, absl::MakeSpan(read));
    const absl::Status ahead = BioSubmitter().ReadAhead(
        Md("d").disk(), sector_t{16}, absl::MakeSpan(read));
    EXPECT_EQ(ErrnoOf(alone), changed ? EILSEQ : 0);
    EXPECT_EQ(ErrnoOf(ahead), changed ? EILSEQ : 0);
    if (!changed) {
      EXPECT_EQ(std::string(read.begin(), read.end()), data);
    }
  }
}

// Tags of a device of their own, and of areas of a buffer.
TEST_F(IntegrityTest, EachBlockHasATagOfItsOwn) {
  for (const char* words :
       {"/dev/mem0 0 - D 2 meta_device:/dev/sda internal_hash:crc32c",
        "/dev/mem0 0 - D 2 interleave_sectors:128 internal_hash:crc32c",
        "/dev/mem0 0 16 D 2 block_size:4096 internal_hash:sha1",
        "/dev/mem0 0 - D 1 internal_hash:sha512"}) {
    SCOPED_TRACE(words);
    BootWithMemory("v6_1");
    ASSERT_EQ(WhyNot(words), "");
    std::string data;
    for (uint64_t i = 0; i < 128; ++i) data += StampedSector(i);
    ASSERT_THAT(BioWrite(Md("d").disk(), sector_t{0}, data), IsOk());
    ASSERT_EQ(WhyNot(words), "");
    std::vector<char> read(data.size());
    EXPECT_THAT(BioRead(Md("d").disk(), sector_t{0}, absl::MakeSpan(read)),
                IsOk());
    EXPECT_EQ(std::string(read.begin(), read.end()), data);
    EXPECT_THAT(BioRead(Md("d").disk(), sector_t{128}, absl::MakeSpan(read)),
                HasErrno(EILSEQ));
  }
}

// The tags of an area begin with a buffer, and so those of the second lie on
// the first sector of the first.  Linux 6.1 has the same bytes there.
TEST_F(IntegrityTest, AreasShorterThanABufferOfTags) {
  ASSERT_EQ(
      WhyNot("/dev/mem0 0 - D 2 interleave_sectors:8 internal_hash:crc32c"),
      "");
  std::string data;
  for (uint64_t i = 0; i < 64; ++i) data += StampedSector(i);
  ASSERT_THAT(BioWrite(Md("d").disk(), sector_t{0}, data), IsOk());
  std::vector<char> raw(512);
  ASSERT_THAT(BioRead(*machine().FindBdevByName("mem0"),
                      sector_t{FirstOnMem0()}, absl::MakeSpan(raw)),
              IsOk());
  EXPECT_EQ(absl::BytesToHexString(absl::string_view(raw.data(), 20)),
            "0c6b823c1c3579132cd774633c898f4c4c136f83");
  EXPECT_THAT(BioRead(Md("d").disk(), sector_t{0}, absl::MakeSpan(raw)),
              HasErrno(EILSEQ));
}

// Mode R does not write the superblock, so that resuming reads a blank one.
TEST_F(IntegrityTest, ModeROnABlankDisk) {
  ASSERT_EQ(WhyNot("/dev/mem0 0 - R 1 internal_hash:sha256"), "");
  EXPECT_EQ(Table("d"),
            "0 2048 integrity 259:2 0 32 R 4 journal_sectors:968 "
            "interleave_sectors:1 buffer_sectors:128 internal_hash:sha256\n");
  EXPECT_EQ(Where(1), absl::StrCat("mem0 ", 976 + 1 + 2 * 2048));
  std::vector<char> sector(512);
  EXPECT_THAT(BioRead(Md("d").disk(), sector_t{1}, absl::MakeSpan(sector)),
              IsOk())
      << "nothing is checked";
  Log();
  ASSERT_EQ(WhyNot("/dev/mem0 0 32 R 2 internal_hash:sha256 reset_recalculate"),
            "");
  EXPECT_EQ(Log(),
            (std::vector<std::string>{
                "kworker/0:1: attempt to access beyond end of device\n"
                "mem0: rw=2048, sector=132111, nr_sectors = 1 limit=131072",
                "device-mapper: integrity: Error on reading data: -5"}));
  EXPECT_EQ(Status(), "0 2048 integrity 0 121904 63\n");
  EXPECT_EQ(Where(0), "EIO");
  SaveAndRestore();
  EXPECT_EQ(Status(), "0 2048 integrity 0 121904 63\n");
  BootWithMemory("v5_10");
  ASSERT_EQ(WhyNot("/dev/mem0 0 - R 1 internal_hash:sha256"), "");
  EXPECT_THAT(Table("d"), testing::HasSubstr("interleave_sectors:32768"));
}

TEST_F(IntegrityTest, WritesStayStable) {
  const auto stable = [this](const std::string& words) {
    EXPECT_EQ(WhyNot(words), "") << words;
    return Md("d").disk().queue().Has(QUEUE_FLAG_STABLE_WRITES);
  };
  EXPECT_TRUE(stable("/dev/mem0 0 - D 1 internal_hash:crc32c"));
  EXPECT_FALSE(stable("/dev/mem1 0 - J 1 internal_hash:crc32c"));
  EXPECT_FALSE(stable("/dev/sda 0 4 D 0"));
  BootWithMemory("v6_18");
  EXPECT_FALSE(stable("/dev/mem0 0 - D 1 internal_hash:crc32c"));
  BootWithMemory("v7_2");
  EXPECT_TRUE(stable("/dev/mem0 0 - B 1 internal_hash:crc32c"));
}

// The tags that integrity leaves to what is above are a profile of its disk,
// which passes through linear and striped.
class IntegrityProfileTest : public TargetTest {
 protected:
  void MakeTwo() {
    EXPECT_THAT(Create("a", {Row(0, 8192, "integrity", "/dev/mem0 0 32 D 0")}),
                IsOk());
    EXPECT_THAT(Create("b", {Row(0, 8192, "integrity", "/dev/mem1 0 16 D 0")}),
                IsOk());
    Log();
  }
  uint32_t MaxKb(absl::string_view name) {
    return Md(name).disk().queue().limits().max_sectors / 2;
  }
};

TEST_F(IntegrityProfileTest, TwoThatDiffer) {
  MakeTwo();
  ASSERT_THAT(Create("l", {Row(0, 8, "linear", "/dev/mapper/a 0"),
                           Row(8, 8, "linear", "/dev/mapper/b 0")}),
              IsOk());
  EXPECT_EQ(Log(),
            (std::vector<std::string>{
                "blk_integrity_compare: dm-1/dm-0 tuple sz 16 != 32",
                "device-mapper: table: 254:2: integrity not set: dm-1 and dm-0 "
                "profile mismatch"}));
  // A device keeps the profile it has; the load of another returns 1.
  ASSERT_THAT(Create("m", {Row(0, 8, "linear", "/dev/mapper/a 0")}), IsOk());
  DmIoctl io{.name = "m"};
  EXPECT_THAT(ctl().TableLoad(io, {Row(0, 8, "linear", "/dev/mapper/b 0")}),
              IsOk());
  EXPECT_FALSE(io.copied_back);
  EXPECT_EQ(Log().back(),
            "device-mapper: table: could not register integrity profile.");
  EXPECT_EQ(Table("m"), "0 8 linear 254:0 0\n");
  // One without any takes it away.
  ASSERT_THAT(Load("m", {Row(0, 8, "linear", "/dev/sda 0")}), IsOk());
  ASSERT_THAT(Resume("m"), IsOk());
  EXPECT_EQ(Log().back(),
            "device-mapper: table: 254:3: unable to establish an integrity "
            "profile");
}

TEST_F(IntegrityProfileTest, ItLimitsRequestsSince7_2) {
  BootWithMemory("v7_2");
  MakeTwo();
  EXPECT_EQ(MaxKb("a"), 64u);
  ASSERT_THAT(Create("l", {Row(0, 8, "linear", "/dev/mapper/a 0")}), IsOk());
  EXPECT_EQ(MaxKb("l"), 64u);
  ASSERT_THAT(Create("o", {Row(0, 8, "snapshot-origin", "/dev/mapper/a")}),
              IsOk());
  EXPECT_GT(MaxKb("o"), 64u);
  Log();
  ASSERT_THAT(Create("m", {Row(0, 8, "linear", "/dev/mapper/a 0"),
                           Row(8, 8, "linear", "/dev/mapper/b 0")}),
              IsOk());
  EXPECT_EQ(Log()[0],
            "device-mapper: table: 254:4: adding target device (start sect 8 "
            "len 8) disabled integrity support due to incompatibility");
  EXPECT_GT(MaxKb("m"), 64u);
  ASSERT_THAT(Create("e", {Row(0, 8, "linear", "/dev/mapper/a 0"),
                           Row(8, 8, "error", "")}),
              IsOk());
  EXPECT_EQ(Log()[0],
            "device-mapper: table: 254:5: adding target device (start sect 8 "
            "len 8) disabled integrity support due to incompatibility");
  BootWithMemory("v6_18");
  MakeTwo();
  EXPECT_GT(MaxKb("a"), 64u);
}

}  // namespace
}  // namespace dmdax
