// SPDX-License-Identifier: Apache-2.0
#include "block/partitions/partition_table.h"

#include <cstring>
#include <random>

#include "block/partitions/partitions.h"
#include "tests/dm_testing.h"

namespace dmdax {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// A disk in memory.
class Disk {
 public:
  explicit Disk(uint64_t sectors, uint32_t block = 512)
      : bytes_(sectors * kSectorSize), block_(block) {}

  std::vector<PartitionEntry> Parse() {
    const auto read = [&](sector_t sector, absl::Span<char> out) {
      memcpy(out.data(), bytes_.data() + sector.value() * kSectorSize,
             out.size());
      return true;
    };
    return ParsePartitions({bytes_.size() / kSectorSize, block_, read});
  }
  void Put(uint64_t at, uint64_t value, size_t n) {
    for (size_t i = 0; i < n; ++i) {
      bytes_[at + i] = static_cast<char>(value >> (8 * i));
    }
  }
  // Entry `i` of the MBR, or of an extended one, in `sector`.
  void Entry(uint64_t sector, int i, int type, uint64_t start, uint64_t size) {
    const uint64_t at =
        sector * kSectorSize + 446 + 16 * static_cast<uint64_t>(i);
    Put(at + 4, static_cast<uint64_t>(type), 1);
    Put(at + 8, start, 4);
    Put(at + 12, size, 4);
    Put(sector * kSectorSize + 510, 0xaa55, 2);
  }
  // A GPT as sfdisk writes it, with these partitions (first and last block).
  void Gpt(const std::vector<std::pair<uint64_t, uint64_t>>& parts) {
    const uint64_t blocks = bytes_.size() / block_;
    Entry(0, 0, 0xee, 1, blocks - 1);
    const uint64_t header = block_, entries = 2 * uint64_t{block_};
    memcpy(&bytes_[header], "EFI PART", 8);
    Put(header + 8, 0x10000, 4);
    Put(header + 12, 92, 4);
    Put(header + 24, 1, 8);
    Put(header + 32, blocks - 1, 8);
    Put(header + 40, 34, 8);
    Put(header + 48, blocks - 34, 8);
    Put(header + 72, 2, 8);
    Put(header + 80, 128, 4);
    Put(header + 84, 128, 4);
    for (size_t i = 0; i < parts.size(); ++i) {
      Put(entries + 128 * i, 0x1234, 2);
      Put(entries + 128 * i + 32, parts[i].first, 8);
      Put(entries + 128 * i + 40, parts[i].second, 8);
    }
    Put(header + 88, Crc(entries, 128 * 128), 4);
    Put(header + 16, 0, 4);
    Put(header + 16, Crc(header, 92), 4);
  }
  char& operator[](uint64_t at) { return bytes_[at]; }
  std::vector<char>& bytes() { return bytes_; }

 private:
  uint32_t Crc(uint64_t at, size_t n) const {
    uint32_t crc = ~0u;
    for (size_t i = 0; i < n; ++i) {
      crc ^= static_cast<unsigned char>(bytes_[at + i]);
      for (int bit = 0; bit < 8; ++bit) {
        crc = crc & 1 ? crc >> 1 ^ 0xedb88320u : crc >> 1;
      }
    }
    return ~crc;
  }

  std::vector<char> bytes_;
  const uint32_t block_;
};

TEST(PartitionTable, NoTable) {
  EXPECT_THAT(Disk(0).Parse(), IsEmpty());
  EXPECT_THAT(Disk(100).Parse(), IsEmpty());
}

TEST(PartitionTable, Mbr) {
  Disk disk(10000);
  disk.Entry(0, 0, 0x83, 2048, 1000);
  disk.Entry(0, 1, 0x82, 4096, 10);
  disk.Entry(0, 3, 0x83, 20000, 10);  // past the end: for the caller
  EXPECT_THAT(disk.Parse(), ElementsAre(PartitionEntry{1, 2048, 1000},
                                        PartitionEntry{2, 4096, 10},
                                        PartitionEntry{4, 20000, 10}));
  // A boot sector of a file system.
  disk[446] = 0x12;
  EXPECT_THAT(disk.Parse(), IsEmpty());
}

TEST(PartitionTable, LogicalPartitionsAreAChain) {
  Disk disk(10000);
  disk.Entry(0, 0, 0x83, 100, 100);
  disk.Entry(0, 1, 0x05, 1000, 5000);
  disk.Entry(1000, 0, 0x83, 10, 50);
  disk.Entry(1000, 1, 0x05, 200, 300);
  disk.Entry(1200, 0, 0x83, 5, 20);
  EXPECT_THAT(
      disk.Parse(),
      ElementsAre(PartitionEntry{1, 100, 100}, PartitionEntry{2, 1000, 2},
                  PartitionEntry{5, 1010, 50}, PartitionEntry{6, 1205, 20}));
  // A chain that leads back to its beginning has an end.
  disk.Entry(1200, 1, 0x05, 0, 300);
  EXPECT_LE(disk.Parse().size(), 256u);
}

TEST(PartitionTable, Gpt) {
  for (const uint32_t block : {512u, 4096u}) {
    Disk disk(40000, block);
    disk.Gpt({{40, 99}, {3, 3}, {100, 100}});
    const uint64_t unit = block / 512;
    EXPECT_THAT(disk.Parse(),
                ElementsAre(PartitionEntry{1, 40 * unit, 60 * unit},
                            PartitionEntry{2, 3 * unit, unit},
                            PartitionEntry{3, 100 * unit, unit}));
    // Its checksum fails, and the MBR beside it is only a guard.
    disk[2 * block] ^= 1;
    EXPECT_THAT(disk.Parse(), IsEmpty());
  }
}

TEST(PartitionTable, NothingThatADiskHoldsIsFatal) {
  std::mt19937 random(1);
  for (int round = 0; round < 3000; ++round) {
    Disk disk(200 + random() % 100, random() % 2 == 0 ? 512 : 4096);
    if (round % 3 == 0) disk.Gpt({{40, 60}, {70, 99}});
    if (round % 3 == 1) {
      disk.Entry(0, 0, 0x0f, random() % 300, random() % 300);
      disk.Entry(random() % 200, 1, 0x05, random() % 300, random() % 300);
    }
    for (uint32_t i = 0; i < random() % 200; ++i) {
      disk[random() % disk.bytes().size()] = static_cast<char>(random());
    }
    if (round % 5 == 0) {
      for (char& c : disk.bytes()) c = static_cast<char>(random());
      disk.Put(510, 0xaa55, 2);
      for (int i = 0; i < 4; ++i) {
        disk[446 + 16 * static_cast<uint64_t>(i)] = 0;
      }
    }
    EXPECT_LE(disk.Parse().size(), 256u + 4);
  }
}

class PartitionsTest : public DmTest {
 protected:
  BlockDevice& Sda() { return *machine().FindBdevByName("sda"); }
  absl::Status Rescan() {
    return RescanPartitions(machine(), Sda(),
                            [&](sector_t sector, absl::Span<char> out) {
                              return Sda().bytes().Read(sector, out).ok();
                            });
  }
  std::vector<std::string> Names() {
    std::vector<std::string> names;
    for (const BlockDevice* part : PartitionsOf(machine(), Sda())) {
      names.push_back(absl::StrCat(part->name(), " ", part->dev().ToString(),
                                   " ", part->start_sect().value(), " ",
                                   part->nr_sectors()));
    }
    return names;
  }
};

TEST_F(PartitionsTest, ComeAndGo) {
  ASSERT_THAT(AddPartition(machine(), Sda(), 1, sector_t{8}, 80), IsOk());
  EXPECT_THAT(AddPartition(machine(), Sda(), 1, sector_t{800}, 80),
              HasErrno(EBUSY));
  EXPECT_THAT(AddPartition(machine(), Sda(), 2, sector_t{80}, 80),
              HasErrno(EBUSY));
  EXPECT_THAT(AddPartition(machine(), Sda(), 2, sector_t{131071}, 2),
              HasErrno(EINVAL));
  ASSERT_THAT(AddPartition(machine(), Sda(), 20, sector_t{800}, 80), IsOk());
  EXPECT_THAT(Names(), ElementsAre("sda1 8:1 8 80", "sda20 259:2 800 80"));
  EXPECT_THAT(ResizePartition(machine(), Sda(), 1, sector_t{8}, 1000),
              HasErrno(EBUSY));
  EXPECT_THAT(ResizePartition(machine(), Sda(), 1, sector_t{9}, 10),
              HasErrno(EINVAL));
  EXPECT_THAT(ResizePartition(machine(), Sda(), 1, sector_t{8}, 792), IsOk());
  ASSERT_THAT(Create("d", {Row(0, 80, "linear", "/dev/sda20 0")}), IsOk());
  EXPECT_THAT(DelPartition(machine(), Sda(), 20), HasErrno(EBUSY));
  EXPECT_THAT(DropPartitions(machine(), Sda()), HasErrno(EBUSY));
  EXPECT_THAT(Names(), ElementsAre("sda1 8:1 8 792", "sda20 259:2 800 80"));
  ASSERT_THAT(Remove("d"), IsOk());
  EXPECT_THAT(DelPartition(machine(), Sda(), 20), IsOk());
  EXPECT_THAT(DelPartition(machine(), Sda(), 20), HasErrno(ENXIO));
  ASSERT_THAT(Create("d2", {Row(0, 80, "zero")}), IsOk());
  EXPECT_THAT(AddPartition(machine(), Md("d2").disk(), 1, sector_t{0}, 1),
              HasErrno(EINVAL))
      << "no partition of a mapped device";
}

TEST_F(PartitionsTest, AreReadFromTheDisk) {
  Disk disk(131072);
  disk.Entry(0, 0, 0x83, 2048, 1000);
  disk.Entry(0, 1, 0x83, 130000, 100000);  // cut at the end
  ASSERT_THAT(Sda().bytes().Write(sector_t{0},
                                  absl::MakeSpan(disk.bytes().data(), 512)),
              IsOk());
  ASSERT_THAT(Rescan(), IsOk());
  EXPECT_THAT(Names(),
              ElementsAre("sda1 8:1 2048 1000", "sda2 8:2 130000 1072"));
  ASSERT_THAT(Sda().bytes().Zero(sector_t{0}, 1), IsOk());
  ASSERT_THAT(Rescan(), IsOk());
  EXPECT_THAT(Names(), IsEmpty());
}

}  // namespace
}  // namespace dmdax
