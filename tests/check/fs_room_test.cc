// SPDX-License-Identifier: Apache-2.0
//
// FsRoom against what `mkfs.ext4 -b 4096 -E stride=512,stripe_width=512` of
// e2fsprogs 1.47 leaves free in whole, aligned pages of 2 MiB (dumpe2fs).
#include "tools/check/fs_room.h"

#include <algorithm>
#include <cstdint>

#include "gtest/gtest.h"
#include "state/world.pb.h"

namespace dmdax {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;

proto::Mount MountOf(const char* type, const char* options = "") {
  proto::Mount mount;
  mount.set_type(type);
  mount.set_options(options);
  return mount;
}

TEST(FsRoomTest, Ext4IsAsMke2fsLeavesIt) {
  constexpr struct {
    uint64_t device, free;  // MiB
  } kMeasured[] = {
      {8, 2},       {16, 10},     {32, 24},      {60, 52},       {64, 54},
      {100, 88},    {128, 102},   {200, 168},    {256, 220},     {400, 354},
      {511, 456},   {512, 482},   {600, 570},    {1024, 966},    {2048, 1940},
      {3000, 2876}, {4096, 3934}, {10240, 9954}, {65536, 63860},
  };
  for (const auto& m : kMeasured) {
    SCOPED_TRACE(m.device);
    const uint64_t pages = FsRoom(MountOf("ext4"), m.device * kMiB).pages;
    EXPECT_EQ(pages % (2 * kMiB), 0u);
    EXPECT_LE(pages, m.free * kMiB);
    // The kernel keeps a fiftieth, at most 16 MiB.
    const uint64_t kept = std::min(m.device * kMiB / 50, 16 * kMiB);
    EXPECT_GE(pages + kept + 6 * kMiB, m.free * kMiB);
  }
}

TEST(FsRoomTest, PagesAreAPartOfAll) {
  for (const char* type : {"ext4", "xfs"}) {
    for (uint64_t mib = 1; mib < 5000; mib += 7) {
      const FsRoomBytes room = FsRoom(MountOf(type), mib * kMiB);
      ASSERT_LE(room.pages, room.all) << type << mib;
      ASSERT_LT(room.all, mib * kMiB) << type << mib;
    }
  }
}

TEST(FsRoomTest, NothingHasNoRoom) {
  EXPECT_EQ(FsRoom(MountOf("ext4"), 0).all, 0u);
  EXPECT_EQ(FsRoom(MountOf("xfs"), 0).pages, 0u);
}

TEST(FsRoomTest, AJournalElsewhereTakesNone) {
  EXPECT_GT(FsRoom(MountOf("ext4", "journal_path=/dev/pmem1"), 64 * kMiB).all,
            FsRoom(MountOf("ext4"), 64 * kMiB).all);
  EXPECT_GT(FsRoom(MountOf("xfs", "logdev=/dev/pmem1"), 400 * kMiB).all,
            FsRoom(MountOf("xfs"), 400 * kMiB).all);
}

}  // namespace
}  // namespace dmdax
