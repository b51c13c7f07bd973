// SPDX-License-Identifier: Apache-2.0
//
// Files and mounts: filefrag, xfs_bmap, FIEMAP, /proc/mounts.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "tests/import/import_testing.h"

namespace dmdax {
namespace {

using testing::HasSubstr;

constexpr char kFilefrag[] =
    "Filesystem type is: ef53\n"
    "File size of /mnt/a is 8192 (2 blocks of 4096 bytes)\n"
    " ext:     logical_offset:        physical_offset: length:   expected: "
    "flags:\n"
    "   0:        0..       1:        512..       513:      2:             "
    "last,eof\n"
    "/mnt/a: 1 extent found\n"
    "File size of /mnt/d/b is 4096 (1 block of 4096 bytes)\n"
    " ext:     logical_offset:        physical_offset: length:   expected: "
    "flags:\n"
    "   0:        0..       0:       1024..      1024:      1:             "
    "last,eof\n"
    "/mnt/d/b: 1 extent found\n";

TEST(Filefrag, ManyFiles) {
  const Imported m = Import({{"l", kLsblk}, {"f", kFilefrag}});
  ASSERT_EQ(m.world.mount_size(), 1);
  ASSERT_EQ(m.world.mount(0).file_size(), 2);
  EXPECT_EQ(m.world.mount(0).file(1).name(), "d/b");
  EXPECT_EQ(m.world.mount(0).file(1).extent(0).physical(), 1024u * 4096);
}

std::string FilefragOf(const std::string& path, int block) {
  return absl::StrCat(
      "File size of ", path,
      " is 4096 (1 block of 4096 bytes)\n"
      " ext:     logical_offset:        physical_offset: length:   expected: "
      "flags:\n"
      "   0:        0..       0:  ",
      block, "..  ", block, ":      1:             last,eof\n", path,
      ": 1 extent found\n");
}

TEST(Filefrag, WhatIsRefusedLeavesTheOthers) {
  std::string text = "Filesystem type is: ef53\n";
  for (int i = 0; i < 20; ++i) {
    // Those with an odd number lie far behind the end of the device.
    absl::StrAppend(&text, FilefragOf(absl::StrCat("/mnt/f", i),
                                      i % 2 == 0 ? 1024 + i : 1000000000 + i));
  }
  absl::StrAppend(&text, FilefragOf("/mnt/twice", 1024));
  const Imported m = Import({{"l", kLsblk}, {"f", text}});
  ASSERT_EQ(m.world.mount_size(), 1) << Notes(m);
  ASSERT_EQ(m.world.mount(0).file_size(), 10) << Notes(m);
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(m.world.mount(0).file(i).name(), absl::StrCat("f", 2 * i));
  }
  EXPECT_THAT(Notes(m), HasSubstr("/mnt/f19 is left out: file 'f19': "));
  EXPECT_THAT(Notes(m), HasSubstr("/mnt/twice is left out: file 'twice': "));
}

TEST(Filefrag, AnErrorHasItsLineInTheWholeInput) {
  std::string text = kFilefrag;
  text.replace(text.find("1024:"), 5, "xxxx:");
  EXPECT_THAT(ErrorOf({{"f", text}}), HasSubstr("f:8:"));
}

TEST(Filefrag, NoMountButOnePlace) {
  const Imported m = Import(
      {{"t", "a: 0 2097152 linear /dev/pmem0 2048\n"}, {"f", kFilefrag}});
  ASSERT_EQ(m.world.mount_size(), 1) << Notes(m);
  EXPECT_EQ(m.world.mount(0).device(), "/dev/mapper/a");
  EXPECT_THAT(Notes(m), HasSubstr("/dev/mapper/a with ext4, dax=always taken"));
}

TEST(XfsBmap, ManyFilesAndHoles) {
  const Imported m = Import(
      {{"l", absl::StrReplaceAll(kLsblk, {{"ext4", "xfs"}})},
       {"m", "/dev/pmem0p1 /mnt xfs rw,relatime,dax=always,inode64 0 0\n"},
       {"x",
        "/mnt/a:\n EXT: FILE-OFFSET BLOCK-RANGE AG AG-OFFSET TOTAL FLAGS\n"
        "   0: [0..15]:  96..111  0 (96..111)  16 010000\n"
        "   1: [16..31]: hole 16\n/mnt/b: no extents\n"}});
  ASSERT_EQ(m.world.mount_size(), 1);
  EXPECT_EQ(m.world.mount(0).options(), "dax=always");
  ASSERT_GE(m.world.mount(0).file_size(), 1) << Notes(m);
  EXPECT_EQ(m.world.mount(0).file(0).extent(0).type(),
            proto::Extent::UNWRITTEN);
}

TEST(Fiemap, Bytes) {
  std::string bytes(32 + 56, '\0');
  bytes[20] = 1;            // fm_mapped_extents
  bytes[32 + 10] = '\x20';  // fe_physical
  bytes[32 + 17] = '\x10';  // fe_length
  bytes[32 + 40] = 1;       // FIEMAP_EXTENT_LAST
  EXPECT_EQ(TypeOf(bytes), "fiemap");
  const Imported m = Import({{"l", kLsblk}, {"/mnt/f.fiemap", bytes}});
  EXPECT_THAT(Notes(m), HasSubstr("extents of a file without a name"));
}

TEST(Mounts, WhatHasNoDeviceIsCounted) {
  const Imported m =
      Import({{"l", kLsblk},
              {"m",
               "proc /proc proc rw,nosuid 0 0\ntmpfs /run tmpfs rw 0 0\n"
               "/dev/pmem0p1 /a\\040b ext4 rw,dax=always 0 0\n"
               "/dev/sr0 /cd iso9660 ro 0 0\n"}});
  EXPECT_THAT(Notes(m), HasSubstr("2 mounts without a block device"));
  // One without DAX is mounted too.
  ASSERT_EQ(m.world.mount_size(), 2);
  EXPECT_EQ(m.world.mount(1).type(), "iso9660");
  std::vector<std::string> paths;
  for (const proto::Mount& mount : m.world.mount()) {
    paths.push_back(mount.path());
  }
  EXPECT_THAT(paths, testing::Contains("/a b"));
}

// As the kernel writes them; a comma within one stays what it was.
TEST(Mounts, OptionsAreUnescaped) {
  const std::string options =
      "rw,dax=always,journal_path=/dev/mapper/vg-a\\134x20b,"
      "context=a\\040b\\054c";
  for (const std::string& line :
       {"/dev/pmem0p1 /mnt ext4 " + options + " 0 0\n",
        "30 1 259:1 / /mnt rw - ext4 /dev/pmem0p1 " + options + "\n"}) {
    const Imported m = Import({{"l", kLsblk}, {"m", line}});
    ASSERT_EQ(m.world.mount_size(), 1) << Notes(m);
    EXPECT_EQ(m.world.mount(0).options(),
              "dax=always,journal_path=/dev/mapper/vg-a\\x20b,"
              "context=a b\\054c");
  }
}

}  // namespace
}  // namespace dmdax
