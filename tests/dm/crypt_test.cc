// SPDX-License-Identifier: Apache-2.0
#include <tuple>

#include "absl/strings/escaping.h"
#include "gmock/gmock.h"
#include "tests/dm/target_testing.h"

namespace dmdax {
namespace {

using testing::StartsWith;

class CryptTest : public TargetTest {
 protected:
  // Why a line with this cipher, key and these options is refused.
  std::string WhyNot(const std::string& cipher, const std::string& key,
                     const std::string& options = "") {
    return Why("crypt", absl::StrCat(cipher, " ", key, " 0 /dev/pmem0 0",
                                     options.empty() ? "" : " ", options));
  }
  // The options as the table shows them.
  std::string Shown(const std::string& options) {
    EXPECT_EQ(WhyNot("aes-xts-plain64", key_, options), "");
    const std::string table = Table("d");
    const size_t at = table.find("259:0 0");
    return table.substr(at + 7, table.size() - at - 8);
  }

  const std::string key_ = std::string(64, 'a');
};

TEST_F(CryptTest, RefusesInTheKernelsOrder) {
  EXPECT_EQ(Why("crypt", "aes-xts-plain64 00 0 /dev/pmem0"),
            "Not enough arguments");
  EXPECT_EQ(Why("crypt", "aes-xts :x: x /dev/nope x 1 nothing"),
            "Cannot parse key size");
  EXPECT_EQ(Why("crypt", "aes-xts 00 x /dev/nope x 1 nothing"),
            "Invalid feature arguments");
  EXPECT_EQ(Why("crypt", "aes-xts 00 x /dev/nope x"), "IV mechanism required");
  EXPECT_EQ(Why("crypt", "aes-xts-plain64 00 x /dev/nope x"),
            "Error decoding and setting key");
  EXPECT_EQ(Why("crypt", "aes-xts-plain64 " + key_ + " x /dev/nope x"),
            "Invalid iv_offset sector");
  EXPECT_EQ(Why("crypt", "aes-xts-plain64 " + key_ + " 0 /dev/nope x"),
            "Device lookup failed");
  EXPECT_EQ(Why("crypt", "aes-xts-plain64 " + key_ + " 0 /dev/pmem0 x"),
            "Invalid device sector");
}

TEST_F(CryptTest, Ciphers) {
  const std::string k16(32, '1'), k32(64, '1'), k64(128, '1');
  for (const char* good :
       {"aes-cbc-essiv:sha256", "aes", "aes-plain", "aes-ecb", "aes-ctr-benbi",
        "aes-cbc-eboiv", "capi:xts(aes)-plain64", "capi:xts(aes)",
        "capi:cts(cbc(aes))-plain64", "capi:essiv(cbc(aes),sha256)-plain64",
        "aes:2-cbc-plain64", "serpent-xts-plain64", "twofish-cbc-plain"}) {
    EXPECT_EQ(WhyNot(good, k32), "") << good;
  }
  for (const char* none :
       {"nosuch-cbc-plain", "aes-nosuch-plain64", "capi:", "capi:aes-cbc-plain",
        "aes-gcm-random", "capi:xts(ecb(aes))-plain64:x"}) {
    EXPECT_EQ(WhyNot(none, k32), "Error allocating crypto tfm") << none;
  }
  EXPECT_EQ(WhyNot("aes(x)-cbc-plain", k32), "Bad cipher specification");
  EXPECT_EQ(WhyNot("aes:3-cbc-plain", k32),
            "Bad cipher key count specification");
  EXPECT_EQ(WhyNot("aes-cbc-essiv", k32),
            "Digest algorithm missing for ESSIV mode");
  EXPECT_EQ(WhyNot("aes-xts-nosuch", k32), "Invalid IV mode");
  EXPECT_EQ(WhyNot("aes-ctr-eboiv", k32), "Error creating IV");
  EXPECT_EQ(WhyNot("aes-cbc-random", k32), "Integrity profile not supported.");
  EXPECT_EQ(WhyNot("aes-cbc-elephant", std::string(160, '1')), "Unknown error");
  EXPECT_THAT(WhyNot("capi:xts-aes-aesni-plain64", k32),
              StartsWith("not modelled: cipher driver"));
}

TEST_F(CryptTest, KeysFitTheCipher) {
  auto digits = [](size_t bytes) { return std::string(2 * bytes, '7'); };
  EXPECT_EQ(WhyNot("aes-xts-plain64", digits(48)), "");
  EXPECT_NE(WhyNot("aes-xts-plain64", digits(33)), "");
  // The kernel shifts, so that a byte too many is no matter here.
  EXPECT_EQ(WhyNot("aes:2-cbc-plain", digits(33)), "");
  EXPECT_EQ(WhyNot("aes:64-cbc-lmk", digits(64 * 16)), "");
  EXPECT_EQ(WhyNot("aes:64-cbc-lmk", digits(65 * 16)), "");
  EXPECT_EQ(WhyNot("aes-cbc-tcw", digits(64)), "");
  EXPECT_EQ(WhyNot("aes-cbc-tcw", digits(16)),
            "Error decoding and setting key");
  EXPECT_EQ(WhyNot("cipher_null-ecb", "-"), "");
  EXPECT_EQ(WhyNot("aes-xts-plain64", "-"), "Error decoding and setting key");
  EXPECT_EQ(WhyNot("aes-cbc-plain", digits(15) + "zz"),
            "Error decoding and setting key");
}

TEST_F(CryptTest, TemplatesPassTheirRefusalOnLater) {
  const std::string table = "aes-ecb-essiv:sha256 " + key_ + " 0 /dev/pmem0 0";
  EXPECT_THAT(Create("a", {Row(0, 8, "crypt", table)}), HasErrno(ENOENT));
  EXPECT_EQ(Log()[0],
            "Unsupported essiv instantiation: essiv(ecb(aes),sha256)");
  Boot("v6_12");
  EXPECT_THAT(Create("a", {Row(0, 8, "crypt", table)}), HasErrno(EINVAL));
}

TEST_F(CryptTest, OptionsByKernel) {
  const std::string nine =
      "9 " + std::string(
                 "allow_discards allow_discards allow_discards allow_discards "
                 "allow_discards allow_discards allow_discards allow_discards "
                 "allow_discards");
  EXPECT_EQ(WhyNot("aes-xts-plain64", key_, nine),
            "Invalid number of feature args");
  EXPECT_EQ(WhyNot("aes-xts-plain64", key_, "1 high_priority"),
            "Invalid feature arguments");
  EXPECT_EQ(WhyNot("aes-xts-plain64", key_, "1 integrity:8:x"),
            "Unknown integrity profile");
  EXPECT_EQ(WhyNot("aes-xts-plain64", key_, "1 integrity:481:none"),
            "Invalid integrity arguments");
  EXPECT_THAT(WhyNot("aes-xts-plain64", key_, "1 integrity:8"),
              StartsWith("not modelled: "));
  EXPECT_EQ(Shown("3 sector_size:1024 integrity:16:none Same_Cpu_Crypt"),
            " 3 same_cpu_crypt integrity:16:none sector_size:1024");
  Boot("v6_12");
  EXPECT_EQ(Shown(nine), " 1 allow_discards");
  EXPECT_EQ(Shown("4 integrity_key_size:16 submit_from_crypt_cpus "
                  "high_priority same_cpu_crypt"),
            " 4 same_cpu_crypt high_priority submit_from_crypt_cpus "
            "integrity_key_size:16");
  Boot("v4_14");
  EXPECT_EQ(WhyNot("aes-xts-plain64", key_, "1 no_read_workqueue"),
            "Invalid feature arguments");
  EXPECT_EQ(WhyNot("aes-xts-plain64", key_, "7 a a a a a a a"),
            "Invalid number of feature args");
}

TEST_F(CryptTest, KeysOfTheKeyring) {
  auto load = [this](const std::string& key) {
    if (ctl().FindDevice("k") != nullptr) {
      EXPECT_THAT(Remove("k"), IsOk());
    }
    return Create("k", {Row(0, 8, "crypt",
                            "aes-xts-plain64 " + key + " 0 /dev/pmem0 0")});
  };
  EXPECT_THAT(load(":32:logon:d:k"), HasErrno(ENOKEY));
  machine().keys().Add({.type = "logon", .description = "d:k", .bytes = 32});
  EXPECT_THAT(load(":64:logon:d:k"), HasErrno(EINVAL));
  EXPECT_THAT(load(":32:logon:"), HasErrno(EINVAL));
  EXPECT_THAT(load(":32:trusted:k"), HasErrno(EINVAL));
  ASSERT_THAT(load(":32:logon:d:k"), IsOk());
  EXPECT_EQ(Table("k"), "0 8 crypt aes-xts-plain64 :32:logon:d:k 0 259:0 0\n");
}

TEST_F(CryptTest, ABadDigitLeavesWhatWasBeforeIt) {
  ASSERT_EQ(WhyNot("aes-cbc-plain", std::string(32, 'a')), "");
  EXPECT_EQ(Message("key wipe"), "EINVAL") << "not suspended";
  ASSERT_THAT(Suspend("d"), IsOk());
  EXPECT_EQ(Message("key set " + std::string(30, '1')), "EINVAL") << "size";
  EXPECT_EQ(
      Message("key set " + std::string(20, '1') + "1x" + std::string(10, '1')),
      "EINVAL");
  EXPECT_EQ(Table("d"), "0 2048 crypt aes-cbc-plain " + std::string(20, '1') +
                            std::string(12, 'a') + " 0 259:0 0\n");
  EXPECT_THAT(Resume("d"), HasErrno(EAGAIN));
  EXPECT_EQ(Message("key set " + std::string(32, 'B')), "");
  EXPECT_THAT(Resume("d"), IsOk());
  EXPECT_EQ(Table("d"), "0 2048 crypt aes-cbc-plain " + std::string(32, 'b') +
                            " 0 259:0 0\n");
}

TEST_F(CryptTest, SectorsAreMapped) {
  ASSERT_EQ(Why("crypt", "aes-xts-plain64 " + key_ + " 0 /dev/pmem0 8"), "");
  EXPECT_EQ(Where(0), "pmem0 8");
}

// Over integrity, which has the tags.
TEST_F(CryptTest, TagsOfTheDeviceBelow) {
  const std::string k32(64, '1');
  const auto over = [&](const std::string& dev, const std::string& cipher,
                        const std::string& options) {
    return Why("crypt", absl::StrCat(cipher, " ", k32, " 0 /dev/mapper/", dev,
                                     " 0 ", options));
  };
  const auto make = [this] {
    EXPECT_THAT(Create("i", {Row(0, 8192, "integrity", "/dev/mem0 0 28 D 0")}),
                IsOk());
    EXPECT_THAT(Create("j", {Row(0, 8192, "integrity",
                                 "/dev/mem1 0 16 D 1 block_size:4096")}),
                IsOk());
  };
  make();
  EXPECT_EQ(over("i", "capi:gcm(aes)-random", "1 integrity:28:aead"), "");
  EXPECT_EQ(over("i", "capi:gcm(aes)-random", "1 integrity:27:aead"),
            "Integrity profile tag size mismatch.");
  EXPECT_EQ(over("j", "capi:gcm(aes)-plain64", "1 integrity:16:aead"),
            "Integrity profile sector size mismatch.");
  EXPECT_EQ(over("i", "aes-xts-random", "1 integrity:28:none"),
            "Not enough space for integrity tag in the profile.");
  BootWithMemory("v6_12");
  make();
  EXPECT_EQ(over("i", "capi:gcm(aes)-random", "1 integrity:27:aead"), "");
  EXPECT_EQ(over("i", "capi:gcm(aes)-random", "1 integrity:12:aead"),
            "Integrity AEAD auth tag size is not supported.");
  EXPECT_EQ(over("i", "aes-xts-random", "1 integrity:28:none"), "");
}

// What a 6.1 kernel has on its disk of two sectors of a5 at sector 2.
TEST_F(CryptTest, SectorsAndTagsAreThoseOfTheKernel) {
  std::string k64, k32, k20;
  for (int i = 0; i < 64; ++i) {
    absl::StrAppend(&k64, absl::Hex(i, absl::kZeroPad2));
    if (i < 20) absl::StrAppend(&k20, absl::Hex(i, absl::kZeroPad2));
    if (i < 32) absl::StrAppend(&k32, absl::Hex(0x80 + i, absl::kZeroPad2));
  }
  struct Case {
    std::string cipher, key, iv_offset;
    int tag_bytes;
    std::string begin2, begin3, tag2, tag3;
  };
  const std::string xts = "capi:authenc(hmac(sha256),xts(aes))-plain64";
  for (const Case& c :
       {Case{xts, k64 + k32, "0", 32, "f972ce2c7891477f", "fdcafcaab04ee7e5",
             "677b2da4eabf7ad26a5a9c4d2c93d860"
             "0efe86a10ff715d91e74e3f025cfe88e",
             "199c0c81873c0db1a48a1feb4f70762e"
             "2321950afa3d07f5752c5741e2b73e5a"},
        {xts, k64 + k32, "16", 32, "19e6ed2680ef971f", "e85c00d5454ab2b9",
         "4cf558392a80bce5edf5d81df7df35506b3d79c3edc2dacf84abdd3db1840a89",
         "71ab8e715c47ef981bfa6935265de50aff62458d42081e67dd0b0bdacbcf2072"},
        {"capi:gcm(aes)-plain64", k32, "0", 16, "318642e6a3612fae",
         "7cd12e35642e6c2f", "1d5fd4b6cc8146460cd160dbaf8ba2ec",
         "d20ab4a5efd81ee9abc3a8199f7bd6f9"},
        {"capi:authenc(hmac(sha1),cbc(aes))-plain64", k32 + k20, "0", 16,
         "25f8dbc57972fbcb", "a8d4410cefc90d77",
         "e8663baef97d1ab985bee3bcc79b5f20",
         "ae8faa4c47c72441cfb0e9b486ef7e62"}}) {
    SCOPED_TRACE(c.cipher);
    BootWithMemory("v6_1");
    ASSERT_THAT(
        Create("i", {Row(0, 8192, "integrity",
                         absl::StrCat("/dev/mem0 0 ", c.tag_bytes, " D 0"))}),
        IsOk());
    ASSERT_EQ(Why("crypt", absl::StrCat(c.cipher, " ", c.key, " ", c.iv_offset,
                                        " /dev/mapper/i 0 1 integrity:",
                                        c.tag_bytes, ":aead")),
              "");
    std::string bytes(2 * kSectorSize, '\xa5');
    ASSERT_THAT(BioWrite(Md("d").disk(), sector_t{2}, bytes), IsOk());
    bytes.assign(bytes.size(), '\0');
    ASSERT_THAT(BioRead(Md("i").disk(), sector_t{2}, absl::MakeSpan(bytes)),
                IsOk());
    EXPECT_EQ(absl::BytesToHexString(bytes.substr(0, 8)), c.begin2);
    EXPECT_EQ(absl::BytesToHexString(bytes.substr(512, 8)), c.begin3);
    std::string disk(8 << 20, '\0');
    ASSERT_THAT(BioRead(*machine().FindBdevByName("mem0"), sector_t{0},
                        absl::MakeSpan(disk)),
                IsOk());
    EXPECT_NE(disk.find(absl::HexStringToBytes(c.tag2 + c.tag3)), disk.npos);
    ASSERT_THAT(BioRead(Md("d").disk(), sector_t{2}, absl::MakeSpan(bytes)),
                IsOk());
    EXPECT_EQ(bytes, std::string(2 * kSectorSize, '\xa5'));
    // What was never written has no tag, and a byte that changes is found.
    Log();
    EXPECT_THAT(BioRead(Md("d").disk(), sector_t{0}, absl::MakeSpan(bytes)),
                HasErrno(EILSEQ));
    EXPECT_THAT(Log(), testing::ElementsAre(
                           "trusted_key: device-mapper: crypt: dm-0: INTEGRITY "
                           "AEAD ERROR, sector 0"));
    ASSERT_THAT(
        BioWrite(Md("i").disk(), sector_t{3}, std::string(kSectorSize, 'x')),
        IsOk());
    std::string one(kSectorSize, '\0');
    EXPECT_THAT(BioRead(Md("d").disk(), sector_t{2}, absl::MakeSpan(one)),
                IsOk());
    EXPECT_THAT(BioRead(Md("d").disk(), sector_t{3}, absl::MakeSpan(one)),
                HasErrno(EILSEQ));
  }
}

TEST_F(CryptTest, RandomIvsAreKept) {
  for (const auto& [cipher, key, tag] :
       {std::tuple{"capi:gcm(aes)-random", 64, "28:aead"},
        {"capi:authenc(hmac(sha256),xts(aes))-random", 192, "48:aead"},
        {"capi:xts(aes)-random", 128, "16:none"}}) {
    SCOPED_TRACE(cipher);
    BootWithMemory("v6_1");
    ASSERT_THAT(
        Create("i", {Row(0, 8192, "integrity",
                         absl::StrCat("/dev/mem0 0 ",
                                      std::string(tag).substr(0, 2), " D 0"))}),
        IsOk());
    std::string digits(key, '1');
    digits[0] = '2';
    ASSERT_EQ(
        Why("crypt", absl::StrCat(cipher, " ", digits,
                                  " 0 /dev/mapper/i 0 1 integrity:", tag)),
        "");
    const std::string bytes(8 * kSectorSize, 'r');
    ASSERT_THAT(BioWrite(Md("d").disk(), sector_t{8}, bytes), IsOk());
    std::string below(8 * kSectorSize, '\0'), back = below;
    ASSERT_THAT(BioRead(Md("i").disk(), sector_t{8}, absl::MakeSpan(below)),
                IsOk());
    EXPECT_NE(below.substr(0, 512), below.substr(512, 512));
    ASSERT_THAT(BioRead(Md("d").disk(), sector_t{8}, absl::MakeSpan(back)),
                IsOk());
    EXPECT_TRUE(back == bytes);
  }
}

}  // namespace
}  // namespace dmdax
