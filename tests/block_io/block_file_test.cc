// SPDX-License-Identifier: Apache-2.0
#include "dm/io/block_file.h"

#include <fcntl.h>
#include <linux/cdrom.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <linux/hdreg.h>

#include <cerrno>
#include <cstring>

#include "block/block_ioctl_arg.h"
#include "tests/block_io/block_file_testing.h"

namespace dmdax {
namespace {

class BlockFileTest : public OpensDevices {
 protected:
  // The errno of an ioctl that takes no bytes.
  static int Do(BlockFile& file, uint32_t command, uint64_t value = 0) {
    return ErrnoOf(
        file.Ioctl({.command = command, .value = value, .bytes = {}}).status());
  }
  template <typename T>
  static T Get(BlockFile& file, uint32_t command) {
    T value{};
    EXPECT_EQ(dmdax_ioctl_arg_of(command).size, sizeof(T)) << command;
    EXPECT_TRUE(dmdax_ioctl_arg_of(command).writes) << command;
    EXPECT_THAT(
        file.Ioctl({.command = command,
                    .bytes = absl::MakeSpan(reinterpret_cast<char*>(&value),
                                            sizeof(value))}),
        IsOkAndHolds(0))
        << command;
    return value;
  }
  static int Range(BlockFile& file, uint32_t command, uint64_t start,
                   uint64_t length) {
    uint64_t range[2] = {start, length};
    return ErrnoOf(
        file.Ioctl({.command = command,
                    .bytes = absl::MakeSpan(reinterpret_cast<char*>(range),
                                            sizeof(range))})
            .status());
  }
  static std::string Text(BlockFile& file, uint64_t offset, size_t size) {
    std::string text(size, '?');
    absl::StatusOr<size_t> n = file.Read(offset, absl::MakeSpan(text));
    if (!n.ok()) return ErrnoName(ErrnoOf(n.status()));
    return text.substr(0, *n);
  }
  static absl::StatusOr<size_t> Write(BlockFile& file, uint64_t offset,
                                      absl::string_view text) {
    return file.Write(offset, absl::MakeConstSpan(text.data(), text.size()));
  }
};

TEST_F(BlockFileTest, AnyBytesCanBeReadAndWritten) {
  // sdb has blocks of 4096 bytes.
  const auto file = Open("sdb");
  EXPECT_THAT(Write(*file, 4094, "abcd"), IsOkAndHolds(4u));
  EXPECT_THAT(Write(*file, 4095, "X"), IsOkAndHolds(1u));
  EXPECT_EQ(Text(*file, 4093, 6), std::string("\0aXcd\0", 6));
  const uint64_t size = file->Size();
  EXPECT_THAT(Write(*file, size - 2, "end of it"), IsOkAndHolds(2u));
  EXPECT_EQ(Text(*file, size - 3, 99), std::string("\0en", 3));
  EXPECT_THAT(Write(*file, size, "x"), HasErrno(ENOSPC));
  EXPECT_EQ(Text(*file, size, 1), "");
  file->SetDirect(true);
  EXPECT_EQ(Text(*file, 512, 512), "EINVAL");
  EXPECT_THAT(Write(*file, 0, std::string(512, 'x')), HasErrno(EINVAL));
  EXPECT_THAT(Write(*file, 4096, std::string(4096, 'x')), IsOkAndHolds(4096u));
}

TEST_F(BlockFileTest, WhatItWasOpenedForIsAllItDoes) {
  const auto reader = Open("sda", O_RDONLY);
  EXPECT_THAT(Write(*reader, 0, "x"), HasErrno(EBADF));
  EXPECT_EQ(Range(*reader, BLKZEROOUT, 0, 512), EBADF);
  EXPECT_THAT(reader->Fallocate(FALLOC_FL_ZERO_RANGE, 0, 512), HasErrno(EBADF));
  const auto writer = Open("sda", O_WRONLY);
  EXPECT_EQ(Text(*writer, 0, 1), "EBADF");
  machine().FindBdevByName("sda")->SetReadOnly(true);
  EXPECT_THAT(Write(*writer, 0, "x"), HasErrno(EPERM));
  EXPECT_THAT(BlockFile::Open(ctl(), DevT{9, 9}, O_RDONLY, "dd"),
              HasErrno(ENXIO));
}

TEST_F(BlockFileTest, ReadsStopBeforeABadPage) {
  ASSERT_THAT(
      Create("d", {Row(0, 64, "linear", "/dev/sda 0"), Row(64, 8, "error")}),
      IsOk());
  const auto file = Open("d");
  EXPECT_EQ(Text(*file, 100, 40000).size(), 64 * 512 - 100u);
  EXPECT_EQ(Text(*file, 64 * 512, 512), "EIO");
}

// The page cache takes all; who calls fsync learns what became of it.
TEST_F(BlockFileTest, ErrorsOfBufferedWritesAreToldByFsync) {
  ASSERT_THAT(Create("d", {Row(0, 8, "error")}), IsOk());
  const auto file = Open("d");
  EXPECT_THAT(Write(*file, 0, std::string(4096, 'x')), IsOkAndHolds(4096u));
  EXPECT_THAT(file->Fsync(), HasErrno(EIO));
  EXPECT_THAT(file->Fsync(), IsOk()) << "once";
  EXPECT_THAT(Write(*file, 1, "x"), HasErrno(EIO)) << "its block is not read";
  file->SetDirect(true);
  EXPECT_THAT(Write(*file, 0, std::string(4096, 'x')), HasErrno(EIO));
}

// As kernels answer: a mapped device, a disk that makes requests of bios, and
// one whose logical blocks are longer than what its memory has to begin at.
TEST_F(BlockFileTest, DirectMemoryIsAligned) {
  struct Want {
    const char* kernel;
    int mapped, requests, in_large_blocks, parts;
  };
  for (const Want& want : {Want{"v5_10", EINVAL, EINVAL, EINVAL, EINVAL},
                           Want{"v6_1", EINVAL, EINVAL, 0, EINVAL},
                           Want{"v6_12", EINVAL, EINVAL, 0, EINVAL},
                           Want{"v6_18", 0, EINVAL, 0, 0},
                           Want{"v7_2", EINVAL, EINVAL, 0, EINVAL}}) {
    SCOPED_TRACE(want.kernel);
    BootWithMemory(want.kernel);
    ASSERT_THAT(Create("d", {Row(0, 2048, "linear", "/dev/pmem0 0")}), IsOk());
    std::string bytes(4096, 'x');
    const auto outcome = [&](absl::string_view name, int flags,
                             IoMemory memory) {
      const std::unique_ptr<BlockFile> file = Open(name, O_RDWR | flags);
      const absl::Status read =
          file->Read(0, absl::MakeSpan(bytes.data(), bytes.size()), memory)
              .status();
      EXPECT_EQ(ErrnoOf(file->Write(0, bytes, memory).status()), ErrnoOf(read));
      return ErrnoOf(read);
    };
    for (const char* name : {"d", "sda", "sdb"}) {
      EXPECT_EQ(outcome(name, O_DIRECT, {.addresses = 4096}), 0) << name;
      EXPECT_EQ(outcome(name, 0, {.addresses = 1, .lengths = 7}), 0) << name;
    }
    EXPECT_EQ(outcome("d", O_DIRECT, {.addresses = 512}), 0);
    EXPECT_EQ(outcome("d", O_DIRECT, {.addresses = 4097}), want.mapped);
    EXPECT_EQ(outcome("d", O_DIRECT, {.addresses = 256}), want.mapped);
    EXPECT_EQ(outcome("d", O_DIRECT, {.lengths = 100}), want.parts);
    EXPECT_EQ(outcome("sda", O_DIRECT, {.addresses = 4}), want.requests);
    EXPECT_EQ(outcome("sdb", O_DIRECT, {.addresses = 512}),
              want.in_large_blocks);
  }
}

TEST_F(BlockFileTest, HoldsTheDeviceOpen) {
  ASSERT_THAT(Create("d", {Row(0, 8, "zero")}), IsOk());
  auto file = Open("d", O_RDONLY);
  auto second = Open("d", O_RDONLY);
  EXPECT_EQ(Info("d").open_count, 2);
  EXPECT_THAT(Remove("d"), HasErrno(EBUSY));
  ASSERT_THAT(Remove("d", DM_DEFERRED_REMOVE), IsOk());
  file.reset();
  ASSERT_NE(ctl().FindDevice("d"), nullptr);
  second.reset();
  EXPECT_EQ(ctl().FindDevice("d"), nullptr);
}

TEST_F(BlockFileTest, AClaimIsExclusive) {
  auto file = Open("sda", O_RDWR | O_EXCL);
  EXPECT_THAT(BlockFile::Open(ctl(), DevT{8, 0}, O_RDWR | O_EXCL, "dd"),
              HasErrno(EBUSY));
  EXPECT_THAT(Create("d", {Row(0, 8, "linear", "/dev/sda 0")}),
              HasErrno(EBUSY));
  file.reset();
  ASSERT_THAT(Load("d", {Row(0, 8, "linear", "/dev/sda 0")}), IsOk());
  EXPECT_THAT(BlockFile::Open(ctl(), DevT{8, 0}, O_RDWR | O_EXCL, "dd"),
              HasErrno(EBUSY));
  Open("sda");
}

TEST_F(BlockFileTest, ASuspendedDeviceKeepsItsCallersWaiting) {
  ASSERT_THAT(Create("a", {Row(0, 64, "linear", "/dev/sda 0")}), IsOk());
  ASSERT_THAT(Create("b", {Row(0, 64, "linear", "/dev/mapper/a 0")}), IsOk());
  const auto file = Open("b");
  ASSERT_THAT(Suspend("a"), IsOk());
  EXPECT_TRUE(IsSuspended(Write(*file, 0, "x").status()));
  EXPECT_TRUE(IsSuspended(file->Fsync()));
  std::string byte(1, '?');
  EXPECT_TRUE(IsSuspended(file->Read(0, absl::MakeSpan(byte)).status()));
  ASSERT_THAT(Resume("a"), IsOk());
  EXPECT_THAT(Write(*file, 0, "x"), IsOkAndHolds(1u));
  EXPECT_EQ(Text(*file, 0, 1), "x");
}

TEST_F(BlockFileTest, NumbersOfTheDevice) {
  ASSERT_THAT(
      Create("d", {Row(0, 2048, "striped", "2 16 /dev/sdb 0 /dev/sdb 4096")}),
      IsOk());
  const auto file = Open("d");
  EXPECT_EQ(Get<unsigned long>(*file, BLKGETSIZE), 2048u);
  EXPECT_EQ(Get<uint64_t>(*file, BLKGETSIZE64), 2048u * 512);
  EXPECT_EQ(Get<int>(*file, BLKSSZGET), 4096);
  EXPECT_EQ(Get<int>(*file, BLKPBSZGET), 4096);
  EXPECT_EQ(Get<int>(*file, BLKIOMIN), 16 * 512);
  EXPECT_EQ(Get<int>(*file, BLKIOOPT), 32 * 512);
  EXPECT_EQ(Get<int>(*file, BLKALIGNOFF), 0);
  EXPECT_EQ(Get<int>(*file, BLKDISCARDZEROES), 0);
  EXPECT_EQ(Get<int>(*file, BLKROGET), 0);
  EXPECT_EQ(Get<int>(*file, BLKBSZGET), 4096);
  EXPECT_EQ(Get<uint16_t>(*file, BLKROTATIONAL), 0);
  EXPECT_NE(Get<uint64_t>(*file, BLKGETDISKSEQ), 0u);
  EXPECT_EQ(Do(*file, BLKRASET, 512), 0);
  EXPECT_EQ(Get<long>(*file, BLKRAGET), 512);
  EXPECT_EQ(Get<hd_geometry>(*file, HDIO_GETGEO).heads, 0);
  EXPECT_EQ(Do(*file, BLKFLSBUF), 0);
  EXPECT_EQ(Do(*file, CDROM_GET_CAPABILITY), ENOTTY);
  EXPECT_EQ(Do(*file, 0x5301), ENOTTY) << "SCSI";
  EXPECT_EQ(Do(*file, BLKRRPART), EINVAL) << "a mapped device has none";
  EXPECT_EQ(Do(*file, BLKGETSIZE64), EFAULT) << "nowhere to write";
  EXPECT_EQ(Do(*Open("sda"), HDIO_GETGEO), ENOTTY);
}

TEST_F(BlockFileTest, BlockSizeAndReadOnlyCanBeSet) {
  BootWithMemory("v6_1");
  ASSERT_THAT(Create("d", {Row(0, 9, "linear", "/dev/sda 0")}), IsOk());
  auto file = Open("d");
  const auto set = [&](uint32_t command, int value, bool admin = true) {
    return ErrnoOf(
        file->Ioctl({.command = command,
                     .bytes = absl::MakeSpan(reinterpret_cast<char*>(&value),
                                             sizeof(value)),
                     .admin = admin})
            .status());
  };
  EXPECT_EQ(Get<int>(*file, BLKBSZGET), 512) << "as its size allows";
  EXPECT_EQ(set(BLKBSZSET, 1024), 0);
  EXPECT_EQ(Get<int>(*file, BLKBSZGET), 1024);
  EXPECT_EQ(set(BLKBSZSET, 8192), EINVAL);
  EXPECT_EQ(set(BLKBSZSET, 513), EINVAL);
  EXPECT_EQ(set(BLKBSZSET, 512, false), EACCES);
  EXPECT_EQ(set(BLKROSET, 1, false), EACCES);
  EXPECT_EQ(set(BLKROSET, 1), 0);
  EXPECT_EQ(Get<int>(*file, BLKROGET), 1);
  EXPECT_THAT(Write(*file, 0, "x"), HasErrno(EPERM));
  file.reset();
  // On 5.15 and later.
  BootWithMemory("v5_10");
  EXPECT_EQ(Do(*Open("sda"), BLKGETDISKSEQ), ENOTTY);
}

// Also of persistent memory that has bytes of its own.
TEST_F(BlockFileTest, PartitionsAreReadWhereTheBytesAre) {
  BootWithMemory("v6_1");
  // A partition of 64 sectors from sector 8 on, in an MBR.
  std::string mbr(512, '\0');
  mbr[446 + 4] = '\x83';
  mbr[446 + 8] = 8;
  mbr[446 + 12] = 64;
  mbr.replace(510, 2, "\x55\xaa");
  for (const char* disk : {"sda", "mem0"}) {
    const auto file = Open(disk);
    ASSERT_THAT(Write(*file, 0, mbr), IsOk());
    EXPECT_EQ(Do(*file, BLKRRPART), 0) << disk;
  }
  EXPECT_EQ(machine().FindBdevByName("sda1")->nr_sectors(), 64u);
  ASSERT_NE(machine().FindBdevByName("mem0p1"), nullptr);
  EXPECT_EQ(machine().FindBdevByName("mem0p1")->nr_sectors(), 64u);
}

TEST_F(BlockFileTest, ZerosByWhateverTheDeviceHas) {
  for (const bool by_command : {false, true}) {
    BootWithMemory("v6_1");
    BlockDevice& sda = *machine().FindBdevByName("sda");
    QueueLimits limits = sda.queue().limits();
    limits.max_write_zeroes_sectors = by_command ? 1024 : 0;
    sda.queue().SetLimits(limits);
    ASSERT_THAT(Create("d", {Row(0, 64, "linear", "/dev/sda 8")}), IsOk());
    const auto file = Open("d");
    ASSERT_THAT(Write(*file, 0, std::string(64 * 512, 'x')), IsOk());
    EXPECT_EQ(Range(*file, BLKZEROOUT, 512, 512), 0);
    EXPECT_EQ(Text(*file, 511, 514), "x" + std::string(512, '\0') + "x");
    EXPECT_EQ(Range(*file, BLKZEROOUT, 512, 511), EINVAL);
    EXPECT_EQ(Range(*file, BLKZEROOUT, 511, 512), EINVAL);
    EXPECT_EQ(Range(*file, BLKZEROOUT, 0, 0), EINVAL);
    EXPECT_EQ(Range(*file, BLKZEROOUT, 63 * 512, 1024), EINVAL);
    EXPECT_THAT(file->Fallocate(FALLOC_FL_ZERO_RANGE, 1024, 512), IsOk());
    EXPECT_EQ(Text(*file, 1024, 513), std::string(512, '\0') + "x");
    constexpr int kPunch = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
    EXPECT_THAT(file->Fallocate(kPunch, 2048, 512),
                by_command ? HasErrno(0) : HasErrno(EOPNOTSUPP));
    EXPECT_EQ(Text(*file, 2048, 1), by_command ? std::string(1, '\0') : "x");
    EXPECT_THAT(file->Fallocate(0, 0, 512), HasErrno(EOPNOTSUPP));
    EXPECT_THAT(file->Fallocate(kPunch, 64 * 512, 512), HasErrno(EINVAL));
    EXPECT_THAT(file->Fallocate(FALLOC_FL_ZERO_RANGE, 512, 64 * 512),
                HasErrno(EINVAL));
    EXPECT_THAT(file->Fallocate(FALLOC_FL_ZERO_RANGE, 1, 512),
                HasErrno(EINVAL));
  }
}

TEST_F(BlockFileTest, DiscardsGoDownIfTheDiskHasThem) {
  const auto plain = Open("sda");
  EXPECT_EQ(Range(*plain, BLKDISCARD, 0, 512), EOPNOTSUPP);
  EXPECT_EQ(Range(*plain, BLKSECDISCARD, 0, 512), EOPNOTSUPP);
  BlockDevice& sda = *machine().FindBdevByName("sda");
  QueueLimits limits = sda.queue().limits();
  limits.max_discard_sectors = limits.max_hw_discard_sectors = 2048;
  limits.discard_granularity = 512;
  sda.queue().SetLimits(limits);
  ASSERT_THAT(
      Create("s", {Row(0, 64, "striped", "2 8 /dev/sda 0 /dev/sda 64")}),
      IsOk());
  const auto file = Open("s");
  ASSERT_THAT(Write(*file, 0, std::string(64 * 512, 'x')), IsOk());
  EXPECT_EQ(Range(*file, BLKDISCARD, 7 * 512, 10 * 512), 0);
  EXPECT_EQ(Text(*file, 7 * 512 - 1, 10 * 512 + 2),
            "x" + std::string(10 * 512, '\0') + "x");
  EXPECT_EQ(Range(*file, BLKDISCARD, 0, 65 * 512), EINVAL);
}

// A gigabyte of holes is no gigabyte of memory, and bulk data no message each.
TEST_F(BlockFileTest, MemoryIsForWhatIsWritten) {
  BlockOptions big;
  big.name = "big";
  big.nr_sectors = uint64_t{1} << 40;
  ASSERT_THAT(machine().AddBlock(big), IsOk());
  ASSERT_THAT(Create("d", {Row(0, big.nr_sectors, "linear", "/dev/big 0")}),
              IsOk());
  const auto file = Open("d");
  const std::string mib(1 << 20, 'm');
  for (const uint64_t at :
       {uint64_t{0}, uint64_t{1} << 40, uint64_t{1} << 48}) {
    EXPECT_THAT(Write(*file, at, mib), IsOkAndHolds(mib.size()));
    EXPECT_EQ(Text(*file, at, mib.size()), mib);
  }
  EXPECT_EQ(machine().FindBdevByName("big")->bytes().Pages().size(), 3 * 256u);
}

}  // namespace
}  // namespace dmdax
