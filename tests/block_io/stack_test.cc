// SPDX-License-Identifier: Apache-2.0
//
// What is written through a stack lies on the disks where RouteBio() says, and
// nowhere else: disks are held against plain arrays, which a walk sector by
// sector fills.
#include <fcntl.h>

#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "dm/io/block_file.h"
#include "tests/dm/target_testing.h"

namespace dmdax {
namespace {

constexpr uint64_t kDiskSectors = 1024;

class StackTest : public TargetTest {
 protected:
  using Random = std::mt19937_64;

  uint64_t Pick(uint64_t from, uint64_t to) {
    return std::uniform_int_distribution<uint64_t>(from, to)(random_);
  }

  // A row of `len` sectors of a kind that only moves data, on what lies below.
  DmTargetSpec RandomRow(uint64_t start, uint64_t len,
                         const std::vector<std::string>& below) {
    const auto dev = [&] { return below[Pick(0, below.size() - 1)]; };
    // All below have kDiskSectors or a little more.
    const uint64_t most = kDiskSectors - len;
    switch (Pick(0, 9)) {
      case 0:
        return Row(start, len, "zero");
      case 1:
        if (len % 16 != 0) break;
        return Row(start, len, "striped",
                   absl::StrCat("2 8 ", dev(), " ", Pick(0, most), " ", dev(),
                                " ", Pick(0, most)));
      case 2:
        if (len % 9 != 0) break;
        return Row(start, len, "striped",
                   absl::StrCat("3 3 ", dev(), " 1 ", dev(), " 2 ", dev(), " ",
                                Pick(0, most)));
      case 3:
        if (len % 8 != 0) break;
        return Row(start, len, "unstriped",
                   absl::StrCat("1 8 0 ", dev(), " ", Pick(0, most)));
      case 4:
        return Row(start, len, "delay",
                   absl::StrCat(dev(), " ", Pick(0, most), " 0"));
      case 5:
        return Row(start, len, "flakey",
                   absl::StrCat(dev(), " ", Pick(0, most), " 1 0"));
      case 6:
        return Row(start, len, "dust",
                   absl::StrCat(dev(), " ", Pick(0, most), " 512"));
      case 7:
        return Row(start, len, "switch",
                   absl::StrCat("2 5 0 ", dev(), " ", Pick(0, most), " ", dev(),
                                " ", Pick(0, most)));
      default:
        break;
    }
    return Row(start, len, "linear", absl::StrCat(dev(), " ", Pick(0, most)));
  }

  // A mapped device of kDiskSectors on `below`.
  absl::Status RandomDevice(const std::string& name,
                            const std::vector<std::string>& below) {
    std::vector<DmTargetSpec> rows;
    for (uint64_t at = 0; at < kDiskSectors;) {
      uint64_t len = Pick(1, 300);
      if (Pick(0, 1) == 0) len = (len + 143) / 144 * 144;
      len = std::min(len, kDiskSectors - at);
      rows.push_back(RandomRow(at, len, below));
      at += len;
    }
    return Create(name, rows);
  }

  Random random_{20261128};
};

using Disks = std::map<const BlockDevice*, std::vector<char>>;

// Whole sectors from `offset` on, each where it is routed to; what goes nowhere
// is zeroes.
void MoveSectors(BlockDevice& bdev, ReqOp op, uint64_t offset,
                 absl::Span<char> bytes, Disks* disks) {
  for (uint64_t b = 0; b < bytes.size(); b += kSectorSize) {
    char* const sector = bytes.data() + b;
    const BioRoute route =
        RouteBio(bdev, sector_t((offset + b) / kSectorSize), op);
    if (route.kind != BioMap::Kind::kRemapped) {
      if (op == ReqOp::kRead) memset(sector, 0, kSectorSize);
      continue;
    }
    const BioHop& hop = route.hops.back();
    char* const there =
        (*disks)[hop.bdev].data() + hop.sector.value() * kSectorSize;
    if (op == ReqOp::kRead) {
      memcpy(sector, there, kSectorSize);
    } else {
      memcpy(there, sector, kSectorSize);
    }
  }
}

TEST_F(StackTest, DataLiesWhereTheSectorsGo) {
  int stacks = 0;
  for (int round = 0; round < 60; ++round) {
    Boot("v6_1");
    std::vector<std::string> below;
    Disks disks;
    for (int i = 0; i < 3; ++i) {
      BlockOptions disk;
      disk.name = absl::StrCat("disk", i);
      disk.nr_sectors = kDiskSectors;
      absl::StatusOr<BlockDevice*> bdev = machine().AddBlock(disk);
      ASSERT_THAT(bdev, IsOk());
      disks[*bdev].resize(kDiskSectors * kSectorSize);
      below.push_back(absl::StrCat("/dev/", disk.name));
    }
    std::string top;
    for (int level = 0; level < 3; ++level) {
      const std::string name = absl::StrCat("d", round, level);
      if (!RandomDevice(name, below).ok()) break;
      top = name;
      below.push_back(absl::StrCat("/dev/mapper/", name));
    }
    if (top.empty()) continue;
    ++stacks;
    BlockDevice& bdev = Md(top).disk();
    absl::StatusOr<std::unique_ptr<BlockFile>> file =
        BlockFile::Open(ctl(), bdev.dev(), O_RDWR, "test");
    ASSERT_THAT(file, IsOk());
    for (int i = 0; i < 40; ++i) {
      // Of whole sectors, much may be written to a file at once.
      const uint64_t unit = i % 2 == 0 ? 1 : kSectorSize;
      const uint64_t offset =
          Pick(0, kDiskSectors * kSectorSize / unit - 1) * unit;
      std::vector<char> bytes(std::min(Pick(1, 200000 / unit) * unit,
                                       kDiskSectors * kSectorSize - offset));
      for (char& c : bytes) c = static_cast<char>(random_());
      ASSERT_THAT((*file)->Write(offset, bytes), IsOkAndHolds(bytes.size()));
      // The same, sector by sector: a page at a time, in whole blocks, whose
      // other bytes are read first and written again.
      const uint64_t block = bdev.soft_block_size();
      const uint64_t end = offset + bytes.size();
      for (uint64_t at = offset; at < end;) {
        const uint64_t stop =
            std::min(end, (at / kPageSize + 1) * uint64_t{kPageSize});
        const uint64_t first = at - at % block;
        std::vector<char> blocks((stop + block - 1) / block * block - first);
        MoveSectors(bdev, ReqOp::kRead, first, absl::MakeSpan(blocks), &disks);
        memcpy(blocks.data() + (at - first), bytes.data() + (at - offset),
               stop - at);
        MoveSectors(bdev, ReqOp::kWrite, first, absl::MakeSpan(blocks), &disks);
        at = stop;
      }
      const uint64_t first = offset - offset % kSectorSize;
      std::vector<char> sectors(
          (end + kSectorSize - 1) / kSectorSize * kSectorSize - first);
      MoveSectors(bdev, ReqOp::kRead, first, absl::MakeSpan(sectors), &disks);
      const std::vector<char> want(
          sectors.begin() + static_cast<ptrdiff_t>(offset - first),
          sectors.begin() + static_cast<ptrdiff_t>(end - first));
      std::vector<char> got(bytes.size());
      ASSERT_THAT((*file)->Read(offset, absl::MakeSpan(got)),
                  IsOkAndHolds(got.size()));
      ASSERT_EQ(got == want, true) << Table(top) << offset;
    }
    for (const auto& [disk, want] : disks) {
      std::vector<char> got(want.size());
      ASSERT_THAT(const_cast<BlockDevice*>(disk)->bytes().Read(
                      sector_t{0}, absl::MakeSpan(got)),
                  IsOk());
      EXPECT_EQ(got == want, true) << disk->name() << "\n" << Table(top);
    }
  }
  EXPECT_GT(stacks, 40) << "most random stacks load";
}

// Where Backing() says that a byte lies, it lies.
TEST_F(StackTest, ABackingIsTheDevice) {
  int backed = 0;
  for (int round = 0; round < 20; ++round) {
    Boot("v6_1");
    ASSERT_THAT(RandomDevice("a", {"/dev/sda", "/dev/pmem0"}), IsOk());
    ASSERT_THAT(Create("top", {Row(0, 500, "linear", "/dev/mapper/a 3"),
                               Row(500, 128, "striped",
                                   "2 8 /dev/mapper/a 0 /dev/pmem1 16")}),
                IsOk());
    absl::StatusOr<std::unique_ptr<BlockFile>> file =
        BlockFile::Open(ctl(), Md("top").disk().dev(), O_RDWR, "test");
    ASSERT_THAT(file, IsOk());
    const uint64_t size = (*file)->Size();
    for (uint64_t at = 0; at < size;) {
      const std::optional<BlockBacking> run = (*file)->Backing(at, size - at);
      if (!run) {
        at += 100;
        continue;
      }
      ++backed;
      ASSERT_GT(run->length, 0u);
      std::vector<char> bytes(run->length);
      for (char& c : bytes) c = static_cast<char>(random_());
      ASSERT_EQ(pwrite(run->fd, bytes.data(), bytes.size(),
                       static_cast<off_t>(run->offset)),
                static_cast<ssize_t>(bytes.size()));
      std::vector<char> got(bytes.size());
      ASSERT_THAT((*file)->Read(at, absl::MakeSpan(got)),
                  IsOkAndHolds(got.size()));
      ASSERT_EQ(got == bytes, true) << at << "\n" << Table("a");
      at += Pick(1, run->length);
    }
  }
  EXPECT_GT(backed, 100);
}

TEST_F(StackTest, ABackingEndsWhereATableIsSwapped) {
  ASSERT_THAT(Create("d", {Row(0, 64, "linear", "/dev/sda 0")}), IsOk());
  absl::StatusOr<std::unique_ptr<BlockFile>> file =
      BlockFile::Open(ctl(), Md("d").disk().dev(), O_RDWR, "test");
  ASSERT_THAT(file, IsOk());
  const std::optional<BlockBacking> before = (*file)->Backing(0, 512);
  ASSERT_TRUE(before.has_value());
  EXPECT_EQ(before->generation, machine().io_generation());
  ASSERT_THAT(Suspend("d"), IsOk());
  EXPECT_NE(before->generation, machine().io_generation());
  EXPECT_FALSE((*file)->Backing(0, 512).has_value()) << "it has to wait";
  ASSERT_THAT(Load("d", {Row(0, 64, "linear", "/dev/sda 8")}), IsOk());
  ASSERT_THAT(Resume("d"), IsOk());
  const std::optional<BlockBacking> after = (*file)->Backing(0, 512);
  ASSERT_TRUE(after.has_value());
  EXPECT_EQ(after->offset, before->offset + 8 * kSectorSize);
  // Statistics see what passes.
  DmIoctl io{.name = "d"};
  std::string reply;
  ASSERT_THAT(ctl().TargetMsg(io, sector_t{0}, "@stats_create - /1", &reply),
              IsOk());
  EXPECT_FALSE((*file)->Backing(0, 512).has_value());
}

}  // namespace
}  // namespace dmdax
