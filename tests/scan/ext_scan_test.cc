// SPDX-License-Identifier: Apache-2.0
#include "process/scan/ext_scan.h"

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/errno_status.h"
#include "gtest/gtest.h"
#include "iomap/used_blocks.h"
#include "tests/scan/ext_image.h"

namespace dmdax {
namespace {

struct Kind {
  std::string words;
  std::string type;
  uint64_t block_size;
  bool indirect;
};

const std::vector<Kind>& Kinds() {
  static const auto* const kinds = new std::vector<Kind>{
      {"-t ext4 -b 4096", "ext4", 4096, false},
      {"-t ext4 -b 4096 -O ^metadata_csum,^64bit", "ext4", 4096, false},
      {"-t ext4 -b 1024", "ext4", 1024, false},
      {"-t ext4 -b 4096 -O inline_data", "ext4", 4096, false},
      {"-t ext4 -b 4096 -O bigalloc -C 16384", "ext4", 4096, false},
      {"-t ext4 -b 4096 -O encrypt,project,quota", "ext4", 4096, false},
      {"-t ext3 -b 4096", "ext4", 4096, true},
      {"-t ext2 -b 4096", "ext2", 4096, true},
      {"-t ext2 -b 1024", "ext2", 1024, true},
  };
  return *kinds;
}

uint32_t Number32(const std::string& bytes, size_t at) {
  uint32_t n = 0;
  memcpy(&n, bytes.data() + at, sizeof(n));
  return n;
}

// What is neither a file's nor used is what the super block counts as free.
void ExpectTheRestIsFree(const ScannedFileSystem& fs, const ExtImage& image) {
  uint64_t used = 0;
  UsedBlocks blocks;
  const auto add = [&](uint64_t start, uint64_t length) {
    EXPECT_FALSE(blocks.Refuses(BlockSharing::kOwned, start, length)) << start;
    blocks.Add(BlockSharing::kOwned, start, length);
    used += length;
  };
  for (const ScannedFile& file : fs.files) {
    for (const FileExtent& e : file.options.extents) {
      if (e.type != IOMAP_INLINE) add(e.physical, e.length);
    }
  }
  for (const ByteRange& range : fs.used) add(range.start, range.length);
  const uint64_t free_blocks = Number32(image.bytes(), 1024 + 12);
  EXPECT_EQ(used + free_blocks * fs.request.block_size, image.bytes().size());
}

class ExtScanKindTest : public testing::TestWithParam<Kind> {};

TEST_P(ExtScanKindTest, FilesHaveTheirContent) {
  ExtImage image(GetParam().words, "24M");
  absl::StatusOr<ScannedFileSystem> fs = image.Scan();
  ASSERT_TRUE(fs.ok()) << fs.status();
  EXPECT_EQ(fs->request.type, GetParam().type);
  EXPECT_EQ(fs->request.block_size, GetParam().block_size);
  const bool has_inline = absl::StrContains(GetParam().words, "inline_data");
  EXPECT_EQ(fs->request.inline_data, has_inline);
  EXPECT_EQ(fs->request.project,
            absl::StrContains(GetParam().words, "project"));
  EXPECT_EQ(fs->request.has_journal,
            !absl::StrContains(GetParam().words, "ext2"));
  EXPECT_EQ(fs->files.size(), TreeFiles().size());
  for (const auto& [name, content] : TreeFiles()) {
    const ScannedFile file = FindScanned(*fs, name);
    EXPECT_EQ(file.options.size, content.size()) << name;
    EXPECT_FALSE(file.options.dax);
    const bool inlined = has_inline && content.size() <= 5;
    EXPECT_EQ(file.options.never_dax, inlined) << name;
    if (inlined) {
      for (const FileExtent& e : file.options.extents) {
        EXPECT_EQ(e.type, IOMAP_INLINE) << name;
        EXPECT_EQ(e.length, content.size()) << name;
      }
      continue;
    }
    EXPECT_EQ(file.options.indirect_blocks, GetParam().indirect) << name;
    EXPECT_TRUE(ContentOf(file, image.bytes()) == content) << name;
  }
  ExpectTheRestIsFree(*fs, image);
}

INSTANTIATE_TEST_SUITE_P(Kinds, ExtScanKindTest, testing::ValuesIn(Kinds()));

// The extents that debugfs prints of a file, in bytes.
std::map<uint64_t, FileExtent> ExtentsOfDebugfs(const std::string& text) {
  std::map<uint64_t, FileExtent> extents;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    // " 0/ 0   1/  2     0 -    99  1537 -  1636    100 Uninit"
    const std::vector<absl::string_view> words =
        absl::StrSplit(line, absl::ByAnyChar(" /-"), absl::SkipEmpty());
    uint64_t n[9] = {};
    bool ok = words.size() >= 9;
    for (size_t i = 0; ok && i < 9; ++i) {
      ok = absl::SimpleAtoi(words[i], &n[i]);
    }
    if (!ok) continue;
    const bool uninit = words.size() > 9 && words[9] == "Uninit";
    extents[n[4] * 4096] = {
        .logical = n[4] * 4096,
        .physical = n[6] * 4096,
        .length = n[8] * 4096,
        .type = uninit ? uint16_t{IOMAP_UNWRITTEN} : uint16_t{IOMAP_MAPPED}};
  }
  return extents;
}

TEST(ExtScanTest, ExtentsAreThoseOfDebugfs) {
  ExtImage image("-t ext4 -b 4096", "24M");
  image.Debugfs("fallocate /db/deep/er/sparse 20 700");
  absl::StatusOr<ScannedFileSystem> fs = image.Scan();
  ASSERT_TRUE(fs.ok()) << fs.status();
  const std::map<uint64_t, FileExtent> expected =
      ExtentsOfDebugfs(image.Debugfs("ex /db/deep/er/sparse"));
  ASSERT_GE(expected.size(), 4u);
  FileExtents joined;
  bool unwritten = false;
  for (const auto& [at, e] : expected) {
    joined.Insert(e);
    unwritten |= e.type == IOMAP_UNWRITTEN;
  }
  EXPECT_TRUE(unwritten);
  EXPECT_EQ(FindScanned(*fs, "db/deep/er/sparse").options.extents,
            joined.All());
}

TEST(ExtScanTest, FlagsDecideAboutDax) {
  ExtImage image("-t ext4 -b 4096 -O encrypt,verity", "24M");
  const std::map<std::string, uint32_t> flags = {
      {"small", 0x02000000},  // dax
      {"empty", 0x00100000},  // verity
      {"data", 0x00004000},   // journalled data
  };
  for (const auto& [name, flag] : flags) {
    image.Debugfs(absl::StrCat("set_inode_field /", name, " flags 0x",
                               absl::Hex(flag | 0x80000)));
  }
  image.Debugfs("set_inode_field /many flags 0x80800");
  absl::StatusOr<ScannedFileSystem> fs = image.Scan();
  ASSERT_TRUE(fs.ok()) << fs.status();
  EXPECT_TRUE(FindScanned(*fs, "small").options.dax);
  EXPECT_FALSE(FindScanned(*fs, "small").options.never_dax);
  EXPECT_TRUE(FindScanned(*fs, "empty").options.never_dax);
  EXPECT_TRUE(FindScanned(*fs, "data").options.never_dax);
  EXPECT_EQ(fs->encrypted, std::vector<std::string>{"many"});
  EXPECT_EQ(fs->files.size(), 4u);
}

TEST(ExtScanTest, TheSuperBlockHasOptions) {
  ExtImage image("-t ext4 -b 4096", "24M");
  image.Debugfs("set_super_value mount_opts dax=never,nodelalloc");
  image.Debugfs("set_super_value default_mount_opts 0x2c");
  absl::StatusOr<ScannedFileSystem> fs = image.Scan();
  ASSERT_TRUE(fs.ok()) << fs.status();
  EXPECT_EQ(fs->request.options, "data=journal,dax=never,nodelalloc");
}

// A file that fallocate -n made has blocks and no size.
TEST(ExtScanTest, BlocksBehindTheEndAreNobodysToMap) {
  ExtImage image("-t ext4 -b 4096", "24M");
  image.Debugfs("fallocate /empty 0 100");
  image.Debugfs("set_inode_field /empty size 0");
  absl::StatusOr<ScannedFileSystem> fs = image.Scan();
  ASSERT_TRUE(fs.ok()) << fs.status();
  EXPECT_EQ(FindScanned(*fs, "empty").options.size, 0u);
  EXPECT_TRUE(FindScanned(*fs, "empty").options.extents.empty());
}

// --- what is no such file system ---

void ExpectError(const absl::StatusOr<ScannedFileSystem>& fs, int err,
                 const std::string& words) {
  ASSERT_FALSE(fs.ok()) << words;
  EXPECT_EQ(ErrnoOf(fs.status()), err) << fs.status();
  EXPECT_TRUE(absl::StrContains(fs.status().message(), words)) << fs.status();
}

TEST(ExtScanTest, OtherDevices) {
  ExtImage image("", "1M");
  ExpectError(image.Scan(), EINVAL, "no super block of ext2, ext3 or ext4");
  image.bytes().replace(0, 4, "XFSB");
  ExpectError(image.Scan(), EINVAL, "image: xfs, which is not scanned");
  image.bytes().resize(1024);
  ExpectError(image.Scan(), EINVAL, "xfs");
  image.bytes().clear();
  ExpectError(image.Scan(), EINVAL, "no super block");
}

TEST(ExtScanTest, WhatAMountWouldNotSeeYet) {
  ExtImage image("-t ext4 -b 4096", "24M");
  std::string whole = image.bytes();
  image.bytes().resize(16 << 20);
  ExpectError(image.Scan(), EINVAL, "6144 blocks, where 4096 are");
  image.bytes() = whole;
  image.Debugfs("feature needs_recovery");
  ExpectError(image.Scan(), EUCLEAN, "the journal has to be replayed");
}

// --- damage ---

TEST(ExtScanTest, ADirectoryInTwoPlaces) {
  ExtImage image("-t ext4 -b 4096", "24M");
  image.Debugfs("link /db /db/deep/loop");
  ExpectError(image.Scan(), EUCLEAN,
              "/db/deep/loop: a directory in two places");
}

TEST(ExtScanTest, AFreeInode) {
  ExtImage image("-t ext4 -b 4096", "24M");
  image.Debugfs("set_inode_field /small links_count 0");
  ExpectError(image.Scan(), EUCLEAN, ", /small: the inode is free");
}

TEST(ExtScanTest, ABlockOfNoFileSystem) {
  ExtImage image("-t ext2 -b 4096", "24M");
  image.Debugfs("set_inode_field /small block[0] 4000000");
  ExpectError(image.Scan(), EUCLEAN, ", /small: blocks 4000000 to 4000000");
}

// A block of pointers that leads to itself, over and over.
TEST(ExtScanTest, IndirectBlocksThatComeBack) {
  ExtImage image("-t ext2 -b 4096", "24M");
  const uint32_t block = 6000;
  image.Debugfs(absl::StrCat("set_inode_field /small block[TIND] ", block));
  for (size_t i = 0; i < 1024; ++i) {
    memcpy(image.bytes().data() + block * 4096 + i * 4, &block, sizeof(block));
  }
  ExpectError(image.Scan(), EUCLEAN,
              "/small: files have more blocks than the file system");
}

// The only entry of a file's tree, which is in its inode, and its first extent.
char* EntryOf(const FileExtent& extent, std::string& bytes) {
  const std::string header("\x0a\xf3\x01\0\x04\0\0\0\0\0\0\0", 12);
  for (size_t at = bytes.find(header); at != bytes.npos;
       at = bytes.find(header, at + 1)) {
    char* const entry = &bytes[at + header.size()];
    uint32_t start;
    memcpy(&start, entry + 8, sizeof(start));
    if (start * uint64_t{4096} == extent.physical) return entry;
  }
  ADD_FAILURE() << "no entry for " << extent.physical;
  return bytes.data();
}

TEST(ExtScanTest, ExtentsThatNoKernelTakes) {
  ExtImage image("-t ext4 -b 4096 -O ^metadata_csum", "24M");
  absl::StatusOr<ScannedFileSystem> fs = image.Scan();
  ASSERT_TRUE(fs.ok()) << fs.status();
  char* const entry =
      EntryOf(FindScanned(*fs, "small").options.extents.at(0), image.bytes());
  const std::string whole(entry, 12);
  memset(entry + 4, 0, 2);
  ExpectError(image.Scan(), EUCLEAN, "an extent without blocks, at 0");
  memcpy(entry, whole.data(), whole.size());
  memset(entry, '\xff', 4);
  ExpectError(image.Scan(), EUCLEAN,
              "an extent of blocks 4294967295 to 4294967295 of the file, where "
              "0 to 4294967294 can follow");
}

TEST(ExtScanTest, SizesThatNoKernelTakes) {
  ExtImage image("-t ext4 -b 4096 -O ^metadata_csum", "24M");
  image.Debugfs("set_inode_field /small size 0x8000000000000000");
  ExpectError(image.Scan(), EUCLEAN,
              "/small: a size of 9223372036854775808 bytes; at most "
              "9223372036854775807");
  image.Debugfs("set_inode_field /small size 257");
  image.Debugfs("set_inode_field /small flags 0x10000000");
  ExpectError(image.Scan(), EUCLEAN,
              "data in an inode, in a file system without inline_data");
  image.Debugfs("feature inline_data");
  ExpectError(image.Scan(), EUCLEAN, "257 bytes of data in an inode of 256");
}

TEST(ExtScanTest, WhatCanNotBeRead) {
  ExtImage image("-t ext4 -b 4096", "24M");
  const ScannedFileSystem fs = image.Scan().value();
  // The super block, the descriptors of groups, and whatever else is read.
  size_t failed = 0;
  for (uint64_t bad = 1024; bad < image.bytes().size(); bad += 4096) {
    absl::StatusOr<ScannedFileSystem> scanned = image.ScanWithBadByte(bad);
    if (scanned.ok()) continue;
    ++failed;
    ExpectError(scanned, EIO, absl::StrCat("byte ", bad));
  }
  EXPECT_GT(failed, 10u);
  // Data is not read.
  const ScannedFile data = FindScanned(fs, "data");
  EXPECT_TRUE(image.ScanWithBadByte(data.options.extents[0].physical).ok());
}

}  // namespace
}  // namespace dmdax
