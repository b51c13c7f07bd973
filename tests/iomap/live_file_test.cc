// SPDX-License-Identifier: Apache-2.0
//
// What becomes of a DAX file that is mapped when it changes: writes, holes,
// blocks that are shared, and a journal that can not commit.
#include <signal.h>

#include <cerrno>
#include <string>
#include <utility>

#include "tests/iomap/live_map_testing.h"

namespace dmdax {
namespace {

TEST_F(LiveMapTest, WhatBreaksALayoutDropsDirtyEntriesIn72) {
  for (const char* kernel : {"v6_12", "v7_2"}) {
    Use(kernel, "ext4");
    Map();
    Write(k2M);
    EXPECT_EQ(Fallocate(kPunch, 0, kPage), 0);
    EXPECT_EQ(OrderAt(k2M), -1);
    Events();
    inode->FsyncRange(0, INT64_MAX, false);
    EXPECT_EQ(Events(),
              std::string(kernel) == "v7_2" ? Strings{} : Strings{"flush"});
  }
}

TEST_F(LiveMapTest, TheRestOfABlockIsZeroedThroughTheDevice) {
  Map();
  EXPECT_EQ(Fallocate(kPunch, 4190000, 8192), 0);
  EXPECT_EQ(Events(), (Strings{"mapped 0x3fe000+0x1000", "da",
                               "mapped 0x400000+0x1000", "da"}));
  EXPECT_EQ(fs->Truncate(*inode, 5000), 0);
  EXPECT_EQ(Events(), (Strings{"mapped 0x1000+0x1000", "da"}));
  // Growing zeroes the rest of the last block since 6.12.
  EXPECT_EQ(fs->Truncate(*inode, 8 << 20), 0);
  EXPECT_EQ(Events(), Strings{});
  Use("v6_12", "ext4");
  Map();
  EXPECT_EQ(fs->Truncate(*inode, 5000), 0);
  Events();
  EXPECT_EQ(fs->Truncate(*inode, 8 << 20), 0);
  EXPECT_EQ(Events(), (Strings{"mapped 0x1000+0x1000", "da"}));
}

TEST_F(LiveMapTest, ZeroRangeAllocatesItsEdges) {
  inode->extents.Remove(0, 8 << 20);
  ExtentListAllocator blocks;
  blocks.Add({.physical = k2M, .length = 16 << 20});
  inode->allocator = &blocks;
  EXPECT_EQ(Fallocate(FALLOC_FL_ZERO_RANGE, 100, 8192), 0);
  EXPECT_EQ(inode->extents.Find(0).type, IOMAP_UNWRITTEN);
  EXPECT_EQ(inode->extents.Find(0).length, 3 * kPage);
  // Inside the last block it makes the file longer.
  EXPECT_EQ(Fallocate(FALLOC_FL_ZERO_RANGE, (8 << 20) - 4, 100), 0);
  EXPECT_EQ(inode->i_size, (8u << 20) + 96);
}

TEST_F(LiveMapTest, WithoutSpaceExt4KeepsWhatCameAndXfsNothing) {
  for (const char* kind : {"ext4", "xfs"}) {
    const bool keeps = std::string(kind) == "ext4";
    for (int mode : {0, FALLOC_FL_ZERO_RANGE, FALLOC_FL_KEEP_SIZE}) {
      Use("v6_1", kind);
      ExtentListAllocator blocks;
      blocks.Add({.logical = 8 << 20, .physical = 16 << 20, .length = k2M});
      inode->allocator = &blocks;
      EXPECT_EQ(Fallocate(mode, 4 << 20, 16 << 20), -ENOSPC) << kind;
      const uint64_t grown = mode == FALLOC_FL_KEEP_SIZE ? 0 : k2M;
      EXPECT_EQ(inode->i_size, (8u << 20) + (keeps ? grown : 0)) << kind;
      EXPECT_EQ(inode->extents.Find(8 << 20).type,
                keeps ? IOMAP_UNWRITTEN : IOMAP_HOLE)
          << kind;
    }
  }
}

TEST_F(LiveMapTest, XfsLooksUpWhatIsBetweenTheEnds) {
  Use("v6_1", "xfs");
  Map();
  EXPECT_EQ(fs->Truncate(*inode, 12 << 20), 0);
  EXPECT_EQ(Events(), (Strings{"hole 0x800000+0x400000"}));
  EXPECT_EQ(Fallocate(kPunch, 100, 8192), 0);
  EXPECT_EQ(Events(), (Strings{"mapped 0x0+0x1000", "da", "hole 0x1000+0x1000",
                               "mapped 0x2000+0x1000", "da"}));
}

TEST_F(LiveMapTest, AJournalThatCanNotCommitEndsAllChanges) {
  inode->extents.SetType(0, 8 << 20, IOMAP_UNWRITTEN);
  Map();
  Write(k2M);
  fs->set_journal_io([] { return -EIO; });
  EXPECT_EQ(inode->FsyncRange(0, INT64_MAX, false), -EIO);
  const FaultOutcome outcome = Write(0);
  EXPECT_EQ(outcome.sig, SIGBUS);
  EXPECT_TRUE(outcome.fallbacks.empty());  // no page is tried
  EXPECT_EQ(Read(0).order, 9);
  EXPECT_EQ(Fallocate(0, 0, kPage), -EROFS);
  // xfs shuts down, and reads fail too.
  Use("v6_1", "xfs");
  inode->extents.SetType(0, 8 << 20, IOMAP_UNWRITTEN);
  Map();
  Write(k2M);
  fs->set_journal_io([] { return -EIO; });
  EXPECT_EQ(inode->FsyncRange(0, INT64_MAX, false), -EIO);
  EXPECT_EQ(Read(0).sig, SIGBUS);
}

TEST_F(LiveMapTest, WhoFindsTheJournalGoneIsTheKernels) {
  constexpr struct {
    const char* kernel;
    int fallocate;  // its file_modified() may be the first change
    int found;      // by a second one
    int fsync, open_to_read, open_to_write, freeze;
  } kKernels[] = {
      {"v5_10", -EROFS, -EROFS, -EROFS, 0, -EROFS, 0},
      {"v6_1", -EROFS, -EROFS, 0, 0, 0, -EIO},
      {"v6_12", -EIO, -EIO, -EIO, -EIO, -EIO, -EIO},
      {"v6_16", -EROFS, -EROFS, -EROFS, 0, -EROFS, -EIO},
  };
  for (const auto& k : kKernels) {
    SCOPED_TRACE(k.kernel);
    Use(k.kernel, "ext4");
    inode->extents.SetType(0, 8 << 20, IOMAP_UNWRITTEN);
    Map();
    Write(k2M);
    fs->set_journal_io([] { return -EIO; });
    EXPECT_EQ(inode->FsyncRange(0, INT64_MAX, false), -EIO);
    EXPECT_EQ(inode->FsyncRange(0, INT64_MAX, false), 0) << "nobody knows yet";
    EXPECT_EQ(Fallocate(0, 0, kPage), k.fallocate);
    EXPECT_EQ(Fallocate(0, 0, kPage), k.found);
    EXPECT_EQ(inode->FsyncRange(0, INT64_MAX, false), k.fsync);
    EXPECT_EQ(fs->OpenErrno(OpenedFor::kReading), k.open_to_read);
    EXPECT_EQ(fs->OpenErrno(OpenedFor::kWriting), k.open_to_write);
    EXPECT_EQ(fs->Freeze(), k.freeze);
  }
}

TEST_F(LiveMapTest, AWriteToAHoleRemembersIt) {
  inode->extents.Remove(0, 8 << 20);
  ExtentListAllocator blocks;
  blocks.Add({.physical = 16 << 20, .length = 8 << 20});
  inode->allocator = &blocks;
  Map();
  Write(2 * k2M);
  EXPECT_EQ(Read(0).order, 9);
  // The hole that was known is cut in two, and a read ends at the cut.
  EXPECT_EQ(Fallocate(kPunch, k2M + 51 * kPage, kPage), 0);
  EXPECT_EQ(Read(k2M).order, 0);
}

TEST_F(LiveMapTest, BlocksThatCanNotBeZeroedAreNotSeen) {
  inode->extents.SetType(0, 8 << 20, IOMAP_UNWRITTEN);
  Map();
  fs->set_zeroout([](uint64_t, uint64_t) { return -EIO; });
  // The huge fault got its blocks, but only the page's are looked up again.
  EXPECT_EQ(Write(kPage).sig, 0);
  EXPECT_EQ(OrderAt(kPage), 0);
  EXPECT_EQ(inode->extents.Find(0).type, IOMAP_UNWRITTEN);
  EXPECT_EQ(inode->extents.Find(kPage).type, IOMAP_MAPPED);
  EXPECT_EQ(inode->extents.Find(2 * kPage).type, IOMAP_UNWRITTEN);
  EXPECT_EQ(Write(k2M + kPage).sig, 0);
  Use("v6_1", "xfs");
  inode->extents.SetType(0, 8 << 20, IOMAP_UNWRITTEN);
  Map();
  fs->set_zeroout([](uint64_t, uint64_t) { return -EIO; });
  // Nothing has been changed when unwritten blocks are zeroed.
  EXPECT_EQ(Write(kPage).sig, SIGBUS);
  EXPECT_EQ(Read(k2M).sig, 0);
  EXPECT_EQ(fs->OpenErrno(OpenedFor::kReading), 0);
  // New ones have been taken: xfs shuts down.
  inode->extents.Remove(2 * k2M, k2M);
  ExtentListAllocator blocks;
  blocks.Add({.physical = 16 << 20, .length = 8 << 20});
  inode->allocator = &blocks;
  EXPECT_EQ(Write(2 * k2M).sig, SIGBUS);
  EXPECT_EQ(Read(k2M + kPage).sig, 0);
  EXPECT_EQ(Read(3 * k2M).sig, SIGBUS);
  EXPECT_EQ(fs->OpenErrno(OpenedFor::kReading), -EIO);
}

TEST_F(LiveMapTest, WhatADeviceDoesNotTakeIsAnErrorOfFsync) {
  for (const char* name : {"xfs", "ext4"}) {
    Use("v6_1", name);
    inode->s_dax = false;
    inode->extents.SetType(0, 8 << 20, IOMAP_UNWRITTEN);
    Map();
    Write(k2M);
    fs->set_zeroout([](uint64_t, uint64_t) { return -EIO; });
    fs->set_journal_io([] { return -EIO; });
    EXPECT_EQ(inode->FsyncRange(0, INT64_MAX, false), -EIO);
    EXPECT_FALSE(fs->aborted());  // the log was not forced
    EXPECT_EQ(fs->OpenErrno(OpenedFor::kReading), 0);
  }
}

class DirtyPageTest : public LiveMapTest {
 protected:
  // A file without DAX, of blocks that are not written, and a dirty page.
  void UseDirty(const char* name) {
    Use("v6_1", name);
    inode->s_dax = false;
    inode->extents.SetType(0, 8 << 20, IOMAP_UNWRITTEN);
    fs->AddInode(*inode);
    Map();
    Write(k2M);
  }
};

TEST_F(DirtyPageTest, WhoWritesBackFirstIsToldOfWhatWasLostOnce) {
  for (const char* name : {"xfs", "ext4"}) {
    UseDirty(name);
    fs->set_zeroout([](uint64_t, uint64_t) { return -EIO; });
    fs->Sync();
    Write(k2M);
    fs->set_zeroout(nullptr);
    EXPECT_EQ(Fallocate(kPunch, 0, kPage), -EIO) << name;
    EXPECT_EQ(inode->extents.Find(0).type, IOMAP_UNWRITTEN) << name;
    EXPECT_EQ(Fallocate(kPunch, 0, kPage), 0) << name;
    EXPECT_EQ(inode->FsyncRange(0, INT64_MAX, false), -EIO) << name;
    EXPECT_EQ(inode->FsyncRange(0, INT64_MAX, false), 0) << name;
  }
}

TEST_F(LiveMapTest, AShutdownOfXfsLetsNoCachedPageBecomeDirty) {
  Use("v6_1", "xfs");
  inode->s_dax = false;
  Map();
  EXPECT_EQ(Read(0).sig, 0);
  fs->Shutdown();
  EXPECT_EQ(Write(0).sig, SIGBUS);
}

TEST_F(LiveMapTest, XfsGivesBackWhatItReservedAndCanNotAllocate) {
  Use("v6_1", "xfs");
  inode->s_dax = false;
  inode->extents.Remove(0, 8 << 20);
  inode->extents.Insert(
      {.logical = 0, .length = 8 << 20, .type = IOMAP_DELALLOC});
  fs->AddInode(*inode);
  Map();
  Write(0);
  fs->set_super_io([] { return -EIO; });
  EXPECT_EQ(inode->FsyncRange(0, INT64_MAX, false), -EIO);
  EXPECT_EQ(inode->extents.Find(0).type, IOMAP_HOLE);
}

TEST_F(LiveMapTest, AFrozenFileSystemIsClean) {
  inode->extents.SetType(0, 8 << 20, IOMAP_UNWRITTEN);
  fs->AddInode(*inode);
  Map();
  Write(0);
  EXPECT_EQ(fs->Freeze(), 0);
  EXPECT_TRUE(Write(0).faulted);
  // The time of that write is in the log.
  EXPECT_EQ(fs->Freeze(), 0);
  // The super block is written even where nothing changed; that it is not is no
  // end of an empty log.
  fs->set_journal_io([] { return -EIO; });
  EXPECT_EQ(fs->Freeze(), -EIO);
  EXPECT_EQ(Write(2 * k2M).sig, 0);
  // What has aborted stays so.
  EXPECT_EQ(fs->Freeze(), -EIO);
  EXPECT_EQ(Write(3 * k2M).sig, SIGBUS);
  fs->set_journal_io(nullptr);
  EXPECT_EQ(fs->Freeze(), -EIO);
}

TEST_F(LiveMapTest, AThawThatCanNotWriteTheSuperBlockEndsTheJournal) {
  // Since 6.8 who changes metadata looks at the errors of the device.
  for (const auto& [kernel, sig] :
       {std::pair("v6_1", 0), std::pair("v6_12", SIGBUS),
        std::pair("v7_2", SIGBUS)}) {
    Use(kernel, "ext4");
    fs->AddInode(*inode);
    Map();
    EXPECT_EQ(fs->Freeze(), 0);
    fs->set_super_io([] { return -EIO; });
    EXPECT_EQ(Read(0).sig, 0) << kernel;
    fs->Thaw();
    EXPECT_EQ(Write(k2M).sig, sig) << kernel;
    EXPECT_EQ(fs->aborted(), sig != 0) << kernel;
  }
}

TEST_F(LiveMapTest, TimesAreWrittenByFsyncAlone) {
  for (const char* name : {"ext4", "xfs"}) {
    Use("v6_1", name);
    Map();
    Write(0);
    fs->set_journal_io([] { return -EIO; });
    EXPECT_EQ(inode->FsyncRange(0, INT64_MAX, /*datasync=*/true), 0) << name;
    EXPECT_EQ(inode->FsyncRange(0, INT64_MAX, /*datasync=*/false), -EIO)
        << name;
    EXPECT_TRUE(fs->aborted()) << name;
  }
}

TEST_F(DirtyPageTest, SyncWritesTheLogWhateverBecomesOfTheData) {
  for (const char* name : {"ext4", "xfs"}) {
    UseDirty(name);
    fs->set_zeroout([](uint64_t, uint64_t) { return -EIO; });
    fs->set_journal_io([] { return -EIO; });
    fs->Sync();
    EXPECT_TRUE(fs->aborted()) << name;
  }
}

TEST_F(LiveMapTest, ZeroesInASharedBlockAreInItsCopy) {
  Use("v6_1", "xfs");
  inode->extents.Insert({.physical = k2M, .length = 8 << 20, .shared = true});
  inode->reflinked = true;
  ExtentListAllocator blocks;
  blocks.Add({.physical = 32 << 20, .length = 8 << 20});
  inode->allocator = &blocks;
  Map();
  EXPECT_EQ(Fallocate(kPunch, 100, 100), 0);
  // The copy is asked for, and then the source.
  EXPECT_EQ(Events(), (Strings{"mapped 0x0+0x1000", "da", "da"}));
}

TEST_F(LiveMapTest, BlocksAreSharedAsLongAsAnotherFileHasThem) {
  Use("v6_1", "xfs");
  DaxInode other(*profile, *mem);
  for (DaxInode* file : {inode.get(), &other}) {
    file->extents.Insert({.physical = k2M, .length = 8 << 20, .shared = true});
    fs->AddInode(*file);
  }
  ExtentListAllocator blocks;
  blocks.Add({.physical = 32 << 20, .length = 8 << 20});
  inode->allocator = &blocks;
  Map();
  Write(0);
  EXPECT_NE(inode->extents.Find(0).physical, k2M);
  other.extents.Remove(k2M, k2M);
  Write(k2M);
  EXPECT_EQ(inode->extents.Find(k2M).physical, 2 * k2M);
}

TEST_F(LiveMapTest, AWriteIntoAHoleUnmapsItsZeroPage) {
  inode->extents.Remove(0, k2M);
  ExtentListAllocator blocks;
  blocks.Add({.physical = 32 << 20, .length = k2M});
  inode->allocator = &blocks;
  Map();
  EXPECT_TRUE(Read(0).zero_page);
  Write(k2M);
  EXPECT_EQ(fs->Write(*inode, kPage, 100), 100);
  EXPECT_EQ(OrderAt(0), -1);
  EXPECT_EQ(OrderAt(k2M), 9);
  EXPECT_FALSE(Read(kPage).zero_page);
}

// ext2 has no extents: a hole is known as far as no pointers are there.
TEST_F(LiveMapTest, AHoleOfIndirectBlocksIsShort) {
  inode->has_extents = false;
  inode->extents.Remove(0, 8 << 20);
  Map();
  const FaultOutcome outcome = Read(0);
  EXPECT_EQ(outcome.order, 0);
  EXPECT_EQ(outcome.reason.code, FaultReasonCode::kExtentShort);
  EXPECT_EQ(outcome.reason.have, 1u);
  Events();
  EXPECT_EQ(fs->Truncate(*inode, (4 << 20) + 100), 0);
  EXPECT_EQ(Events(), Strings{"hole 0x400000+0x1000"});
  EXPECT_EQ(Fallocate(0, 0, kPage), -EOPNOTSUPP);
}

}  // namespace
}  // namespace dmdax
