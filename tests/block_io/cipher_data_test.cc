// SPDX-License-Identifier: Apache-2.0
//
// crypt and verity, held against known answers of ciphers and against a hash of
// our own.
#include <array>
#include <bit>
#include <cmath>
#include <cstring>

#include "absl/strings/escaping.h"
#include "tests/block_io/target_data_testing.h"

namespace dmdax {
namespace {

using testing::HasSubstr;

// IEEE 1619, vector 2, whose data unit is our sector.
TEST_F(TargetDataTest, CryptEnciphersAsXtsDoes) {
  const std::string key = std::string(32, '1') + std::string(32, '2');
  ASSERT_THAT(Create("c", {Row(0, 2048, "crypt",
                               absl::StrCat("aes-xts-plain64 ", key,
                                            " 219902325555 /dev/sda 8"))}),
              IsOk());
  ASSERT_EQ(Write("c", 0, std::string(512, 0x44)), 0);
  EXPECT_EQ(absl::BytesToHexString(Read("sda", 8, 32)),
            "c454185e6a16936e39334038acef838bfb186fff7480adc4289382ecd6d394f0");
  EXPECT_EQ(Read("c", 0, 512), std::string(512, 0x44));
}

// Vector 1: the halves of the key are the same, which libcrypto refuses.
TEST_F(TargetDataTest, CryptTakesAKeyOfTwoEqualHalves) {
  ASSERT_EQ(Why("crypt", absl::StrCat("aes-xts-plain64 ", std::string(64, '0'),
                                      " 0 /dev/sda 8")),
            "");
  ASSERT_EQ(Write("d", 0, std::string(512, '\0')), 0);
  EXPECT_EQ(absl::BytesToHexString(Read("sda", 8, 32)),
            "917cf69ebd68b2ec9b9fe9a3eadda692cd43d2f59598ed858c02c2652fbf922e");
  EXPECT_EQ(Read("d", 0, 512), std::string(512, '\0'));
}

// The answers are those of openssl(1).
TEST_F(TargetDataTest, CryptHasTheIvsOfItsModes) {
  const std::string key =
      "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
  const auto first = [&](const std::string& cipher) {
    EXPECT_EQ(Why("crypt", absl::StrCat(cipher, " ", key, " 5 /dev/sda 8")),
              "");
    EXPECT_EQ(Write("d", 0, std::string(512, '\0')), 0);
    EXPECT_EQ(Read("d", 0, 512), std::string(512, '\0'));
    return absl::BytesToHexString(Read("sda", 8, 30));
  };
  EXPECT_EQ(first("aes-cbc-essiv:sha256"),
            "23ea97de2d3ccc80488df151f75e983437f315941316c98ff6d1a153c489");
  EXPECT_EQ(first("aes-cbc-plain64"),
            "99ebccc0117949cd663c44c06a1c58b0f577e59b0773c469aa441c6ab320");
  EXPECT_EQ(first("aes-cbc-plain"),
            "99ebccc0117949cd663c44c06a1c58b0f577e59b0773c469aa441c6ab320");
  EXPECT_EQ(first("capi:cbc(aes)-plain64"),
            "99ebccc0117949cd663c44c06a1c58b0f577e59b0773c469aa441c6ab320");
  EXPECT_EQ(first("capi:essiv(cbc(aes),sha256)-plain64"),
            "23ea97de2d3ccc80488df151f75e983437f315941316c98ff6d1a153c489");
}

TEST_F(TargetDataTest, CryptInLargeSectors) {
  const std::string key = std::string(64, '7') + std::string(64, '8');
  for (const std::string options :
       {"1 sector_size:4096", "2 sector_size:4096 iv_large_sectors", ""}) {
    ASSERT_EQ(Why("crypt", absl::StrCat("aes-xts-plain64 ", key,
                                        " 8 /dev/sda 16 ", options)),
              "");
    std::string want = Random(2048 * 512);
    ASSERT_EQ(Write("d", 0, want), 0);
    for (int i = 0; i < 50; ++i) {
      const uint64_t at = random_() % 2000;
      const std::string bytes = Random(random_() % 20000 + 1);
      const size_t n = std::min(bytes.size(), want.size() - at * 512);
      ASSERT_EQ(Write("d", at, bytes.substr(0, n)), 0);
      want.replace(at * 512, n, bytes, 0, n);
    }
    EXPECT_TRUE(Read("d", 0, want.size()) == want);
    EXPECT_FALSE(Read("sda", 16, want.size()) == want);
  }
}

TEST_F(TargetDataTest, WhatCryptDoesNotComputeItSays) {
  ASSERT_EQ(Why("crypt",
                "serpent-cbc-plain 00112233445566778899aabbccddeeff "
                "0 /dev/sda 0"),
            "");
  Log();
  EXPECT_EQ(Read("d", 0, 512), "EOPNOTSUPP");
  EXPECT_THAT(Log(), testing::Contains(HasSubstr("dmdax: crypt: data is not")));
}

// Sha-256, for the tree of hashes.
std::string Sha256(std::string text) {
  // Fractions of the roots of primes, computed as FIPS 180-4 defines them.
  static const std::vector<int> primes = [] {
    std::vector<int> p;
    for (int n = 2; p.size() < 64; ++n) {
      bool prime = true;
      for (int d : p) prime = prime && n % d != 0;
      if (prime) p.push_back(n);
    }
    return p;
  }();
  const auto fraction = [](long double root) {
    root -= static_cast<uint64_t>(root);
    return static_cast<uint32_t>(root * 4294967296.0L);
  };
  std::array<uint32_t, 8> h;
  std::array<uint32_t, 64> k;
  for (size_t i = 0; i < 8; ++i) {
    h[i] = fraction(std::sqrt(static_cast<long double>(primes[i])));
  }
  for (size_t i = 0; i < 64; ++i) {
    k[i] = fraction(std::cbrt(static_cast<long double>(primes[i])));
  }
  const uint64_t bits = text.size() * 8;
  text.push_back(static_cast<char>(0x80));
  while (text.size() % 64 != 56) text.push_back('\0');
  for (int i = 7; i >= 0; --i)
    text.push_back(static_cast<char>(bits >> (8 * i)));
  for (size_t at = 0; at < text.size(); at += 64) {
    std::array<uint32_t, 64> w;
    for (size_t i = 0; i < 16; ++i) {
      w[i] = 0;
      for (size_t b = 0; b < 4; ++b) {
        w[i] = w[i] << 8 | static_cast<unsigned char>(text[at + 4 * i + b]);
      }
    }
    for (size_t i = 16; i < 64; ++i) {
      const uint32_t a = w[i - 15], b = w[i - 2];
      w[i] = w[i - 16] + w[i - 7] +
             (std::rotr(a, 7) ^ std::rotr(a, 18) ^ a >> 3) +
             (std::rotr(b, 17) ^ std::rotr(b, 19) ^ b >> 10);
    }
    auto s = h;
    for (size_t i = 0; i < 64; ++i) {
      const uint32_t t1 =
          s[7] +
          (std::rotr(s[4], 6) ^ std::rotr(s[4], 11) ^ std::rotr(s[4], 25)) +
          ((s[4] & s[5]) ^ (~s[4] & s[6])) + k[i] + w[i];
      const uint32_t t2 =
          (std::rotr(s[0], 2) ^ std::rotr(s[0], 13) ^ std::rotr(s[0], 22)) +
          ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
      for (size_t j = 7; j > 0; --j) s[j] = s[j - 1];
      s[4] += t1;
      s[0] = t1 + t2;
    }
    for (size_t i = 0; i < 8; ++i) h[i] += s[i];
  }
  std::string digest;
  for (uint32_t word : h) {
    for (int b = 3; b >= 0; --b) {
      digest.push_back(static_cast<char>(word >> (8 * b)));
    }
  }
  return digest;
}

class VerityDataTest : public TargetDataTest {
 protected:
  // Fills sda with data and sdb, from block 1 on, with its tree; returns the
  // root.
  std::string Format(int version, const std::string& salt, size_t hash_block) {
    data_ = Random(kBlocks * 4096);
    data_.replace(3 * 4096, 4096, std::string(4096, '\0'));
    EXPECT_EQ(Write("sda", 0, data_), 0);
    const auto hash = [&](const std::string& block) {
      return Sha256(version == 1 ? salt + block : block + salt);
    };
    std::vector<std::string> level;
    for (size_t i = 0; i < kBlocks; ++i) {
      level.push_back(hash(data_.substr(i * 4096, 4096)));
    }
    const size_t per_block = std::bit_floor(hash_block / 32);
    std::vector<std::string> levels;
    while (levels.empty() || level.size() > 1) {
      std::string blocks;
      std::vector<std::string> above;
      for (size_t i = 0; i < level.size(); i += per_block) {
        std::string block;
        for (size_t j = i; j < std::min(level.size(), i + per_block); ++j) {
          block += level[j];
        }
        block.resize(hash_block);
        above.push_back(hash(block));
        blocks += block;
      }
      levels.insert(levels.begin(), blocks);
      level = above;
    }
    std::string tree(hash_block, 's');
    for (const std::string& blocks : levels) tree += blocks;
    EXPECT_EQ(Write("hash", 0, tree), 0);
    return absl::BytesToHexString(level[0]);
  }
  absl::Status Load(int version, const std::string& salt, size_t hash_block,
                    const std::string& root, const std::string& options = "") {
    if (ctl().FindDevice("v") == nullptr) {
      EXPECT_THAT(New("v"), IsOk());
    }
    DmIoctl io{.flags = DM_READONLY_FLAG, .name = "v"};
    absl::Status s = ctl().TableLoad(
        io, {Row(0, kBlocks * 8, "verity",
                 absl::StrCat(version, " /dev/sda /dev/hash 4096 ", hash_block,
                              " ", kBlocks, " 1 sha256 ", root, " ",
                              salt.empty() ? "-" : absl::BytesToHexString(salt),
                              options))});
    return s.ok() ? Resume("v") : s;
  }
  void SetUp() override {
    BlockOptions hash;
    hash.name = "hash";
    hash.nr_sectors = 8192;
    ASSERT_THAT(machine().AddBlock(hash), IsOk());
  }
  static constexpr size_t kBlocks = 40;
  std::string data_;
};

TEST_F(VerityDataTest, ReadsWhatFitsItsHash) {
  for (const int version : {0, 1}) {
    for (const size_t hash_block : {size_t{512}, size_t{4096}}) {
      for (const std::string salt : {"", "salt"}) {
        const std::string root = Format(version, salt, hash_block);
        ASSERT_THAT(Load(version, salt, hash_block, root), IsOk());
        EXPECT_TRUE(Read("v", 0, data_.size()) == data_)
            << version << hash_block;
        EXPECT_EQ(Table("v", 0), "0 320 verity V\n");
      }
    }
  }
}

TEST_F(VerityDataTest, RefusesWhatDoesNot) {
  const std::string root = Format(1, "x", 512);
  ASSERT_THAT(Load(1, "x", 512, root), IsOk());
  ASSERT_EQ(Write("sda", 16, "!"), 0);
  EXPECT_TRUE(Read("v", 0, 8192) == data_.substr(0, 8192));
  Log();
  EXPECT_EQ(Read("v", 16, 4096), "EIO");
  EXPECT_THAT(Log(),
              testing::Contains("device-mapper: verity: 8:0: data block 2 is "
                                "corrupted"));
  EXPECT_EQ(Table("v", 0), "0 320 verity C\n");
  // Told to, it only tells.
  ASSERT_THAT(Load(1, "x", 512, root, " 1 ignore_corruption"), IsOk());
  EXPECT_EQ(Read("v", 16, 1), "!");
  // A tree whose top is not the table's.
  ASSERT_THAT(Load(1, "x", 512, std::string(64, '0')), IsOk());
  EXPECT_EQ(Read("v", 0, 4096), "EIO");
}

TEST_F(VerityDataTest, ZeroBlocksAndBlocksThatWereSeen) {
  const std::string root = Format(1, "", 4096);
  ASSERT_THAT(Load(1, "", 4096, root, " 1 ignore_zero_blocks"), IsOk());
  ASSERT_EQ(Write("sda", 24, "junk"), 0);
  EXPECT_EQ(Read("v", 24, 4), std::string(4, '\0'));
  ASSERT_THAT(Load(1, "", 4096, root, " 1 check_at_most_once"), IsOk());
  EXPECT_EQ(Read("v", 0, 4), data_.substr(0, 4));
  ASSERT_EQ(Write("sda", 0, "late"), 0);
  EXPECT_EQ(Read("v", 0, 4), "late");
  EXPECT_EQ(Read("v", 24, 4), "EIO");
}

}  // namespace
}  // namespace dmdax
