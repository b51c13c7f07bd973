// SPDX-License-Identifier: Apache-2.0
#include "fs/ext4_backup.h"

#include <gtest/gtest.h>

namespace dmdax {
namespace {

constexpr uint64_t kSectors = 352 << 11;  // of 352 MiB

TEST(Ext4Backup, TheFirstIsBehindOneKib) {
  for (uint64_t block : {1024, 2048, 4096}) {
    EXPECT_TRUE(Ext4HasSuperBlock(block, kSectors, 1));
    EXPECT_FALSE(Ext4HasSuperBlock(block, kSectors, 0));
    EXPECT_FALSE(Ext4HasSuperBlock(block, kSectors, 2));
  }
}

// As recorded: of 128 MiB groups 1 has one and 2 has none.
TEST(Ext4Backup, GroupsThatArePowersHaveOne) {
  EXPECT_TRUE(Ext4HasSuperBlock(4096, kSectors, 131072));
  EXPECT_FALSE(Ext4HasSuperBlock(4096, kSectors, 131073));
  EXPECT_FALSE(Ext4HasSuperBlock(4096, kSectors, 262144));
  EXPECT_TRUE(Ext4HasSuperBlock(2048, kSectors, 32768));
  EXPECT_FALSE(Ext4HasSuperBlock(2048, kSectors, 49152));
}

TEST(Ext4Backup, BlocksOfOneKibBeginOneLater) {
  EXPECT_TRUE(Ext4HasSuperBlock(1024, kSectors, 8193));
  EXPECT_FALSE(Ext4HasSuperBlock(1024, kSectors, 8192));
  EXPECT_FALSE(Ext4HasSuperBlock(1024, kSectors, 2 * 8192 + 1));
  for (uint64_t group : {3, 5, 7, 9, 25, 27}) {
    EXPECT_TRUE(Ext4HasSuperBlock(1024, kSectors, group * 8192 + 1)) << group;
  }
  EXPECT_FALSE(Ext4HasSuperBlock(1024, kSectors, 15 * 8192 + 1));
}

TEST(Ext4Backup, NoneLiesBehindTheDevice) {
  EXPECT_FALSE(Ext4HasSuperBlock(4096, 262144, 131072));
  EXPECT_FALSE(Ext4HasSuperBlock(4096, kSectors, UINT32_MAX));
}

}  // namespace
}  // namespace dmdax
