// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "tests/dm/target_testing.h"

namespace dmdax {
namespace {

class VerityTest : public TargetTest {
 protected:
  // Why a read-only table with these words behind the salt is refused.
  std::string WhyNot(const std::string& options,
                     const std::string& hash = "sha256") {
    if (ctl().FindDevice("d") != nullptr) {
      EXPECT_THAT(Remove("d"), IsOk());
    }
    const size_t digits = hash == "md5" ? 32 : 64;
    const std::string line = absl::StrCat(
        "1 /dev/sda /dev/sda 4096 4096 256 1024 ", hash, " ",
        std::string(digits, 'A'), " -", options.empty() ? "" : " ", options);
    EXPECT_THAT(New("d"), IsOk());
    Log();
    const absl::Status s =
        Load("d", {Row(0, 2048, "verity", line)}, DM_READONLY_FLAG);
    if (s.ok()) {
      EXPECT_THAT(Resume("d"), IsOk());
      return "";
    }
    errno_ = ErrnoOf(s);
    // Which code computes the hashes is told before.
    std::string words = "refused without a word";
    for (const std::string& text : Log()) {
      const size_t at = text.find(": verity: ");
      if (at != text.npos) words = text.substr(at + 10);
    }
    return words.substr(0, words.rfind(" (-"));
  }
  // The optional words as the table shows them.
  std::string Shown(const std::string& options) {
    EXPECT_EQ(WhyNot(options), "") << options;
    const std::string table = Table("d");
    const size_t at = table.rfind(" -");
    return table.substr(at + 2, table.size() - at - 3);
  }

  int errno_ = 0;
};

TEST_F(VerityTest, TheTableMustBeReadOnly) {
  EXPECT_EQ(Why("verity", "1"), "Device must be readonly");
}

TEST_F(VerityTest, WordsAreShownInTheKernelsOrder) {
  EXPECT_EQ(Shown("2 check_at_most_once ignore_zero_blocks"),
            " 2 ignore_zero_blocks check_at_most_once");
  EXPECT_EQ(Shown("2 Ignore_Zero_Blocks ignore_zero_blocks"),
            " 1 ignore_zero_blocks");
  EXPECT_EQ(Shown("10 fec_roots 2 fec_start 600 fec_blocks 300 "
                  "use_fec_from_device /dev/sda panic_on_corruption "
                  "try_verify_in_tasklet"),
            " 10 panic_on_corruption try_verify_in_tasklet "
            "use_fec_from_device 8:0 fec_blocks 300 fec_start 600 fec_roots 2");
}

TEST_F(VerityTest, CountsAndConflictsByKernel) {
  auto many = [](int n) {
    std::string words = absl::StrCat(n);
    for (int i = 0; i < n; ++i) absl::StrAppend(&words, " ignore_zero_blocks");
    return words;
  };
  constexpr char kCount[] = "Invalid number of feature args";
  constexpr char kConflict[] = "Conflicting error handling parameters";
  EXPECT_EQ(WhyNot(many(14)), "");
  EXPECT_EQ(WhyNot(many(15)), kCount);
  EXPECT_EQ(WhyNot("2 ignore_corruption ignore_corruption"), kConflict);
  EXPECT_EQ(WhyNot("1 restart_on_error"),
            "Unrecognized verity feature request");
  Boot("v5_10");
  EXPECT_EQ(WhyNot(many(5)), "");
  EXPECT_EQ(WhyNot(many(6)), kCount);
  EXPECT_EQ(Shown("2 ignore_corruption restart_on_corruption"),
            " 1 restart_on_corruption");
  EXPECT_EQ(WhyNot("2 fec_roots 2"), "Unrecognized verity feature request");
  Boot("v6_12");
  EXPECT_EQ(WhyNot(many(15)), "");
  EXPECT_EQ(WhyNot(many(16)), kCount);
  EXPECT_EQ(Shown("2 panic_on_error ignore_corruption"),
            " 2 ignore_corruption panic_on_error");
  EXPECT_EQ(WhyNot("2 panic_on_error restart_on_error"), kConflict);
  Boot("v4_14");
  EXPECT_EQ(WhyNot("1 check_at_most_once"),
            "Unrecognized verity feature request");
  EXPECT_EQ(WhyNot(many(10)), "");
  EXPECT_EQ(WhyNot(many(11)), kCount);
}

TEST_F(VerityTest, ErrorCorrection) {
  const std::string dev = "use_fec_from_device /dev/sda ";
  EXPECT_EQ(WhyNot("1 fec_roots"), "FEC feature arguments require a value");
  EXPECT_EQ(WhyNot("2 fec_roots 25"), "Invalid fec_roots");
  EXPECT_EQ(WhyNot("2 fec_roots 258"), "") << "cut to a byte: 2";
  EXPECT_EQ(WhyNot("2 " + dev), "Missing fec_roots");
  EXPECT_EQ(WhyNot("4 " + dev + "fec_roots 2"), "Missing fec_blocks");
  EXPECT_EQ(WhyNot("6 " + dev + "fec_roots 2 fec_blocks 9"),
            "Invalid fec_blocks");
  EXPECT_EQ(WhyNot("6 " + dev + "fec_roots 2 fec_blocks 99999"),
            "Hash device is too small for fec_blocks");
  EXPECT_EQ(errno_, E2BIG);
  EXPECT_EQ(WhyNot("2 use_fec_from_device /dev/nope"),
            "FEC device lookup failed");
}

TEST_F(VerityTest, HashesAndErrnos) {
  EXPECT_EQ(WhyNot("", "nosuch"), "Cannot initialize hash function");
  EXPECT_EQ(errno_, ENOENT);
  Log();
  EXPECT_EQ(WhyNot("", "md5"), "");
  EXPECT_EQ(Log()[0],
            "device-mapper: verity: md5 using implementation \"md5-generic\"");
  Boot("v6_12");
  EXPECT_EQ(WhyNot(""), "");
  EXPECT_EQ(Log()[0],
            "device-mapper: verity: sha256 using shash \"sha256-generic\"");
  EXPECT_EQ(Status(), "0 2048 verity V\n");
  Boot("v7_2");
  EXPECT_EQ(WhyNot(""), "");
  EXPECT_EQ(Status(), "0 2048 verity V -\n");
  EXPECT_EQ(WhyNot("2 root_hash_sig_key_desc d"),
            "DM Verity Sig Verification Invalid key specified");
  EXPECT_EQ(errno_, ENOKEY);
}

TEST_F(VerityTest, NoBlockFitsItsDigest) {
  ASSERT_EQ(WhyNot(""), "");
  EXPECT_EQ(Where(9), "sda 9");
  EXPECT_EQ(Where(9, ReqOp::kWrite), "EIO");
  std::vector<char> page(4096);
  Log();
  EXPECT_THAT(BioRead(Md("d").disk(), sector_t{0}, absl::MakeSpan(page)),
              HasErrno(EIO));
  EXPECT_EQ(Log()[0],
            "device-mapper: verity: 8:0: metadata block 1024 is corrupted");
  EXPECT_EQ(Status(), "0 2048 verity C\n");
}

TEST_F(VerityTest, CorruptionThatIsIgnoredIsTold) {
  ASSERT_EQ(WhyNot("1 ignore_corruption"), "");
  std::vector<char> page(4096);
  Log();
  EXPECT_THAT(BioRead(Md("d").disk(), sector_t{8}, absl::MakeSpan(page)),
              IsOk());
  // 256 blocks have three blocks of hashes: two, and the top.
  EXPECT_EQ(Log(), (std::vector<std::string>{
                       "device-mapper: verity: 8:0: metadata block 1024 is "
                       "corrupted",
                       "device-mapper: verity: 8:0: metadata block 1025 is "
                       "corrupted",
                       "device-mapper: verity: 8:0: data block 1 is "
                       "corrupted"}));
  EXPECT_EQ(Status(), "0 2048 verity C\n");
}

TEST_F(VerityTest, ErrorCorrectionFindsNothing) {
  const std::string fec =
      "8 use_fec_from_device /dev/sda fec_roots 2 fec_blocks 1034 fec_start 0";
  ASSERT_EQ(WhyNot(fec), "");
  std::vector<char> page(4096);
  Log();
  EXPECT_THAT(BioRead(Md("d").disk(), sector_t{0}, absl::MakeSpan(page)),
              HasErrno(EIO));
  const std::vector<std::string> log = Log();
  ASSERT_FALSE(log.empty());
  // Each data block that shares a codeword asks for its hash in vain too.
  EXPECT_EQ(log[0],
            "device-mapper: verity: 8:0: metadata block 1024 is corrupted");
  EXPECT_EQ(std::count(log.begin(), log.end(), log[0]), 100);
  EXPECT_EQ(std::count(log.begin(), log.end(),
                       "device-mapper: verity: 8:0: reached maximum errors"),
            1);
  EXPECT_EQ(std::count(log.begin(), log.end(),
                       "device-mapper: verity-fec: 8:0: FEC 4096: failed to "
                       "correct (0 erasures)"),
            2);
}

// The kernel forgets the first of two.
TEST_F(VerityTest, AnErrorCorrectionDeviceIsGivenTwice) {
  Log();
  EXPECT_EQ(WhyNot("4 use_fec_from_device /dev/sda use_fec_from_device "
                   "/dev/pmem0"),
            "Missing fec_roots");
  Log();
  EXPECT_THAT(Load("d",
                   {Row(0, 2048, "verity",
                        absl::StrCat("1 /dev/sda /dev/sda 4096 4096 256 1024 "
                                     "sha256 ",
                                     std::string(64, 'A'),
                                     " - 4 use_fec_from_device /dev/sda "
                                     "use_fec_from_device /dev/pmem0"))},
                   DM_READONLY_FLAG),
              HasErrno(EINVAL));
  EXPECT_EQ(Log().back(),
            "device-mapper: table: 254:0: dm_table_destroy: dm_put_device call "
            "missing for 8:0");
}

}  // namespace
}  // namespace dmdax
