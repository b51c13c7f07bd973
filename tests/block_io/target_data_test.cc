// SPDX-License-Identifier: Apache-2.0
//
// What targets do to data that passes them, held against plain arrays.
#include <fcntl.h>
#include <linux/fs.h>

#include <cerrno>
#include <cstring>
#include <random>

#include "tests/block_io/target_data_testing.h"

namespace dmdax {
namespace {

using testing::HasSubstr;

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
