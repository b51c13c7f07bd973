// SPDX-License-Identifier: Apache-2.0
//
// What targets do to data that passes them, held against plain arrays, against
// known answers of ciphers, and against a hash of our own.
#include <fcntl.h>
#include <linux/fs.h>

#include <array>
#include <bit>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <random>

#include "absl/strings/escaping.h"
#include "dm/io/block_file.h"
#include "tests/dm/target_testing.h"

namespace dmdax {
namespace {

using testing::HasSubstr;

class TargetDataTest : public TargetTest {
 protected:
  std::unique_ptr<BlockFile> Open(absl::string_view name, int flags = O_RDWR) {
    BlockDevice* bdev = ctl().FindDevice(name) != nullptr
                            ? &Md(name).disk()
                            : machine().FindBdevByName(name);
    absl::StatusOr<std::unique_ptr<BlockFile>> file =
        BlockFile::Open(ctl(), bdev->dev(), flags, "dd");
    EXPECT_THAT(file, IsOk());
    return *std::move(file);
  }
  std::string Read(absl::string_view name, uint64_t sector, size_t size) {
    std::string text(size, '?');
    absl::StatusOr<size_t> n =
        Open(name, O_RDONLY)->Read(sector * 512, absl::MakeSpan(text));
    return n.ok() ? text.substr(0, *n) : ErrnoName(ErrnoOf(n.status()));
  }
  // What fsync says of a write; of O_DIRECT, what the write says.
  int Write(absl::string_view name, uint64_t sector, const std::string& text,
            int flags = O_RDWR) {
    const auto file = Open(name, flags);
    absl::StatusOr<size_t> n =
        file->Write(sector * 512, absl::MakeConstSpan(text));
    if (!n.ok()) return ErrnoOf(n.status());
    EXPECT_EQ(*n, text.size());
    return ErrnoOf(file->Fsync());
  }
  std::string Random(size_t size) {
    std::string bytes(size, '\0');
    for (char& c : bytes) c = static_cast<char>(random_());
    return bytes;
  }
  std::string Send(const std::string& name, const std::string& message) {
    DmIoctl io{.name = name};
    std::string reply;
    const absl::Status s = ctl().TargetMsg(io, sector_t{0}, message, &reply);
    return s.ok() ? reply : ErrnoName(ErrnoOf(s));
  }
  void Advance(const std::string& name, int64_t seconds) {
    machine().AdvanceClock(seconds);
    (void)Table(name, 0);
  }
  std::mt19937_64 random_{1};
};

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

TEST_F(TargetDataTest, ASnapshotKeepsWhatWasThereAndMerges) {
  constexpr size_t kSize = 512 * 512;
  std::string origin = Random(kSize);
  ASSERT_EQ(Write("sda", 0, origin), 0);
  ASSERT_THAT(Create("o", {Row(0, 512, "snapshot-origin", "/dev/sda")}),
              IsOk());
  ASSERT_THAT(Create("s", {Row(0, 512, "snapshot", "/dev/sda /dev/mem0 P 8")}),
              IsOk());
  // It learns of the snapshot's chunks when it is resumed.
  ASSERT_THAT(Suspend("o"), IsOk());
  ASSERT_THAT(Resume("o"), IsOk());
  std::string snapshot = origin;
  for (int i = 0; i < 200; ++i) {
    const bool above = random_() % 2 == 0;
    const uint64_t sector = random_() % 511;
    std::string bytes = Random(random_() % 9000 + 1);
    bytes.resize(std::min(bytes.size(), kSize - sector * 512));
    ASSERT_EQ(Write(above ? "s" : "o", sector, bytes), 0);
    (above ? snapshot : origin).replace(sector * 512, bytes.size(), bytes);
  }
  EXPECT_TRUE(Read("o", 0, kSize) == origin);
  EXPECT_TRUE(Read("s", 0, kSize) == snapshot);
  // Back into the origin, to the end: as many sectors as are only metadata.
  ASSERT_THAT(Suspend("o"), IsOk());
  ASSERT_THAT(Remove("s"), IsOk());
  ASSERT_THAT(
      Load("o", {Row(0, 512, "snapshot-merge", "/dev/sda /dev/mem0 P 8")}),
      IsOk());
  ASSERT_THAT(Resume("o"), IsOk());
  EXPECT_TRUE(Read("o", 0, kSize) == snapshot) << "from the first moment on";
  for (int i = 0; i < 100 && !absl::StrContains(Table("o", 0), " 16/"); ++i) {
    Advance("o", 10);
  }
  EXPECT_THAT(Table("o", 0), HasSubstr("snapshot-merge 16/131072 16"));
  EXPECT_TRUE(Read("sda", 0, kSize) == snapshot);
}

TEST_F(TargetDataTest, ThinDevicesShareUntilTheyAreWritten) {
  ASSERT_THAT(
      Create("pool", {Row(0, 65536, "thin-pool", "/dev/mem0 /dev/mem1 128 0")}),
      IsOk());
  constexpr size_t kSize = 1024 * 512;
  std::vector<std::string> want = {std::string(kSize, '\0')};
  ASSERT_EQ(Send("pool", "create_thin 0"), "");
  const auto create = [&](size_t i) {
    return Create(absl::StrCat("t", i),
                  {Row(0, 1024, "thin", absl::StrCat("/dev/mapper/pool ", i))});
  };
  ASSERT_THAT(create(0), IsOk());
  for (int i = 0; i < 300; ++i) {
    const size_t t = random_() % want.size();
    const std::string name = absl::StrCat("t", t);
    if (random_() % 40 == 0 && want.size() < 5) {
      ASSERT_THAT(Suspend(name), IsOk());
      ASSERT_EQ(Send("pool", absl::StrCat("create_snap ", want.size(), " ", t)),
                "");
      ASSERT_THAT(Resume(name), IsOk());
      ASSERT_THAT(create(want.size()), IsOk());
      want.push_back(want[t]);
      continue;
    }
    const uint64_t sector = random_() % 1023;
    if (random_() % 5 == 0) {
      uint64_t range[2] = {
          sector * 512,
          std::min<uint64_t>(random_() % 400 + 1, 1024 - sector) * 512};
      ASSERT_THAT(Open(name)->Ioctl(
                      {.command = BLKDISCARD,
                       .bytes = absl::MakeSpan(reinterpret_cast<char*>(range),
                                               sizeof(range))}),
                  IsOk());
      // Whole blocks of 64 KiB are unmapped.
      constexpr uint64_t kBlock = 128 * 512;
      const uint64_t from = (range[0] + kBlock - 1) / kBlock * kBlock;
      const uint64_t to = (range[0] + range[1]) / kBlock * kBlock;
      for (uint64_t at = from; at < to; ++at) want[t][at] = '\0';
      continue;
    }
    std::string bytes = Random(random_() % 70000 + 1);
    bytes.resize(std::min(bytes.size(), kSize - sector * 512));
    ASSERT_EQ(Write(name, sector, bytes), 0);
    want[t].replace(sector * 512, bytes.size(), bytes);
  }
  ASSERT_GT(want.size(), 3u);
  for (size_t i = 0; i < want.size(); ++i) {
    EXPECT_TRUE(Read(absl::StrCat("t", i), 0, kSize) == want[i]) << i;
  }
}

TEST_F(TargetDataTest, ADiscardGivesBlocksBack) {
  ASSERT_THAT(
      Create("pool", {Row(0, 65536, "thin-pool", "/dev/mem0 /dev/mem1 128 0")}),
      IsOk());
  ASSERT_EQ(Send("pool", "create_thin 0"), "");
  ASSERT_THAT(Create("t", {Row(0, 1024, "thin", "/dev/mapper/pool 0")}),
              IsOk());
  ASSERT_EQ(Write("t", 0, std::string(1024 * 512, 'x')), 0);
  EXPECT_EQ(Table("t", 0), "0 1024 thin 1024 1023\n");
  uint64_t range[2] = {1 * 512, 300 * 512};
  ASSERT_THAT(
      Open("t")->Ioctl({.command = BLKDISCARD,
                        .bytes = absl::MakeSpan(reinterpret_cast<char*>(range),
                                                sizeof(range))}),
      IsOk());
  EXPECT_EQ(Table("t", 0), "0 1024 thin 896 1023\n") << "one whole block";
  EXPECT_EQ(Read("t", 127, 1024),
            std::string(512, 'x') + std::string(512, '\0'));
  EXPECT_EQ(Read("t", 256, 1), "x");
}

TEST_F(TargetDataTest, AMirrorWritesBothLegs) {
  ASSERT_THAT(Create("m", {Row(0, 1024, "mirror",
                               "core 2 64 nosync 2 /dev/sda 8 /dev/mem0 16")}),
              IsOk());
  const std::string bytes = Random(100 * 512);
  ASSERT_EQ(Write("m", 60, bytes, O_RDWR | O_DIRECT), 0);
  EXPECT_TRUE(Read("sda", 68, bytes.size()) == bytes);
  EXPECT_TRUE(Read("mem0", 76, bytes.size()) == bytes);
  EXPECT_TRUE(Read("m", 60, bytes.size()) == bytes);
}

TEST_F(TargetDataTest, FlakeyWhileItIsDown) {
  const auto down = [&](const std::string& features) {
    EXPECT_EQ(Why("flakey", "/dev/sda 8 0 1 " + features), "");
  };
  ASSERT_EQ(Write("sda", 8, std::string(4096, 'a')), 0);
  down("1 drop_writes");
  EXPECT_EQ(Write("d", 0, std::string(512, 'b')), 0);
  EXPECT_EQ(Read("sda", 8, 512), std::string(512, 'a'));
  down("1 error_writes");
  EXPECT_EQ(Write("d", 0, std::string(512, 'b')), EIO);
  EXPECT_EQ(Read("d", 0, 512), std::string(512, 'a'));
  down("0");
  EXPECT_EQ(Read("d", 0, 512), "EIO");
  down("5 corrupt_bio_byte 3 r 90 0");
  // A disk with request queues, before 6.12; of pmem it is corrupted.
  EXPECT_EQ(Read("d", 0, 512), std::string(512, 'a'));
  ASSERT_EQ(Write("mem0", 8, std::string(4096, 'a')), 0);
  EXPECT_EQ(Why("flakey", "/dev/mem0 8 0 1 5 corrupt_bio_byte 3 r 90 0"), "");
  EXPECT_EQ(Read("d", 0, 512), "aaZ" + std::string(509, 'a'));
  EXPECT_EQ(Read("mem0", 8, 4), "aaaa");
  down("5 corrupt_bio_byte 513 w 90 0");
  EXPECT_EQ(Write("d", 0, std::string(1024, 'c')), 0);
  EXPECT_EQ(Read("sda", 8, 1024),
            std::string(512, 'c') + "Z" + std::string(511, 'c'));
}

// A write that fails counts once, however many sectors it has.
TEST_F(TargetDataTest, DustCountsBios) {
  ASSERT_EQ(Why("dust", "/dev/sda 0 4096"), "");
  EXPECT_EQ(Send("d", "addbadblock 2 1"), "");
  EXPECT_EQ(Send("d", "enable"), "");
  EXPECT_EQ(Read("d", 0, 16384).size(), 8192u);
  EXPECT_EQ(Write("d", 16, std::string(4096, 'x'), O_RDWR | O_DIRECT), EIO);
  EXPECT_EQ(Write("d", 16, std::string(4096, 'x'), O_RDWR | O_DIRECT), 0);
  EXPECT_EQ(Read("d", 16, 4096), std::string(4096, 'x'));
}

// The log, replayed up to a mark, is the device at that moment.
TEST_F(TargetDataTest, ALogOfWritesReplays) {
  constexpr size_t kSize = 512 * 512;
  ASSERT_THAT(Create("w", {Row(0, 512, "log-writes", "/dev/sda /dev/mem0")}),
              IsOk());
  std::string device(kSize, '\0'), at_mark;
  for (int i = 0; i < 30; ++i) {
    const uint64_t sector = random_() % 500;
    std::string bytes = Random((random_() % 12 + 1) * 512);
    ASSERT_EQ(Write("w", sector, bytes, O_RDWR | O_DIRECT), 0);
    device.replace(sector * 512, bytes.size(), bytes);
    if (i == 17) {
      at_mark = device;
      ASSERT_EQ(Send("w", "mark here"), "");
    }
  }
  ASSERT_THAT(Remove("w"), IsOk());
  const std::string log = Read("mem0", 0, 4 << 20);
  const auto number = [&](size_t at) {
    uint64_t value;
    memcpy(&value, &log[at], 8);
    return value;
  };
  ASSERT_EQ(number(0), 0x6a736677736872u);
  const uint64_t entries = number(16);
  // 30 writes, 30 flushes, a mark, and the end.
  EXPECT_EQ(entries, 62u);
  std::string replayed(kSize, '\0'), marked;
  size_t at = 512;
  for (uint64_t i = 0; i < entries; ++i) {
    const uint64_t sector = number(at), count = number(at + 8);
    const uint64_t flags = number(at + 16), text = number(at + 24);
    if (flags & 8) {
      if (log.substr(at + 32, text) == "here") marked = replayed;
    }
    at += 512;
    if (count > 0)
      replayed.replace(sector * 512, count * 512, log, at, count * 512);
    at += count * 512;
  }
  EXPECT_TRUE(marked == at_mark);
  EXPECT_TRUE(replayed == device);
  EXPECT_EQ(log.substr(at - 512 + 32, 17), "dm-log-writes-end");
}

}  // namespace
}  // namespace dmdax
