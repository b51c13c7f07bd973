// SPDX-License-Identifier: Apache-2.0
//
// What programs do to a DAX file that is mapped: calls over ranges that are
// not one mapping, and changes of the file that begin inside a block.
#include <gtest/gtest.h>
#include <linux/falloc.h>
#include <signal.h>
#include <sys/mman.h>

#include <cerrno>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "base/kernel_profile.h"
#include "dax/pmem.h"
#include "fs/file_system_type.h"
#include "iomap/dax_inode.h"
#include "tests/testing.h"

namespace dmdax {
namespace {

constexpr uint64_t k2M = 2 << 20;
constexpr uint64_t kPage = 4096;
constexpr uint64_t kAddr = 0x7ffff7400000;
constexpr int kPunch = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;

struct LiveMapTest : testing::Test {
  LiveMapTest() { Use("v6_1", "ext4"); }

  void Use(const char* kernel, const char* fs_name) {
    mm.reset();
    inode.reset();
    const KernelProfile& kernel_profile = **FindKernelProfile(kernel);
    profile = &kernel_profile.fault;
    PmemOptions options;
    options.name = "pmem0";
    options.base = 0x100000000;
    options.size = 64 << 20;
    pmem = *PmemDevice::Create(kernel_profile, options);
    pmem->dax_dev().SetSynchronous();
    mem = std::make_unique<MemMap>(*profile);
    mem->AddPagemap({.start = PhysPfn(options.base), .nr = 16384});
    fs = *MakeFileSystem(fs_name, *profile);
    inode = std::make_unique<DaxInode>(*profile, *mem);
    inode->i_size = 8 << 20;
    inode->s_dax = true;
    inode->dax_dev = &pmem->dax_dev();
    inode->extents.Insert({.physical = k2M, .length = 8 << 20});
    mm = std::make_unique<MmStruct>(*profile, *mem);
    recorder.Clear();
    inode->recorder = &recorder;
  }
  void Map(int prot = PROT_READ | PROT_WRITE, int flags = MAP_SHARED,
           uint64_t len = 8 << 20) {
    ASSERT_THAT(mm->Mmap({.addr = kAddr,
                          .len = len,
                          .prot = prot,
                          .flags = flags | MAP_FIXED,
                          .file = fs->Open(*inode, "f")}),
                IsOk());
  }
  FaultOutcome Read(uint64_t offset) {
    return mm->Touch(kAddr + offset, false);
  }
  FaultOutcome Write(uint64_t offset) {
    return mm->Touch(kAddr + offset, true);
  }
  // 9: a PMD; 0: a page; -1: nothing.
  int OrderAt(uint64_t offset) {
    Pte entry;
    int order = 0;
    return mm->Lookup(kAddr + offset, &entry, &order) ? order : -1;
  }
  int Fallocate(int mode, uint64_t offset, uint64_t length) {
    return fs->Fallocate(*inode, mode, offset, length);
  }
  // "MAPPED 0x3fe000+0x1000" of each lookup, "da" of each access since the
  // last call.
  std::vector<std::string> Events() {
    std::vector<std::string> out;
    for (const FaultEvent& event : recorder.events()) {
      if (event.kind == FaultEventKind::kIomapIterDstmap) {
        out.push_back(absl::StrFormat("%s 0x%x+0x%x",
                                      IomapTypeName(event.iomap_type),
                                      event.offset, event.length));
      } else if (event.kind == FaultEventKind::kDirectAccess) {
        out.push_back("da");
      } else if (event.kind == FaultEventKind::kDaxWritebackOne) {
        out.push_back("flush");
      }
    }
    recorder.Clear();
    return out;
  }

  const FaultProfile* profile = nullptr;
  std::unique_ptr<PmemDevice> pmem;
  std::unique_ptr<MemMap> mem;
  std::unique_ptr<FileSystem> fs;
  std::unique_ptr<DaxInode> inode;
  FaultRecorder recorder;
  std::unique_ptr<MmStruct> mm;
};

using Strings = std::vector<std::string>;

TEST_F(LiveMapTest, WhatChangesNothingSplitsNothing) {
  Map(PROT_READ);
  EXPECT_EQ(Read(0).order, 9);
  // A DAX mapping is VM_HUGEPAGE already.
  EXPECT_THAT(mm->Madvise(kAddr + kPage, kPage, MADV_HUGEPAGE), IsOk());
  EXPECT_THAT(mm->Mprotect(kAddr + kPage, kPage, PROT_READ), IsOk());
  EXPECT_EQ(OrderAt(0), 9);
  EXPECT_THAT(mm->Madvise(kAddr + kPage, kPage, MADV_NOHUGEPAGE), IsOk());
  EXPECT_EQ(OrderAt(0), -1);
}

TEST_F(LiveMapTest, HolesArePassedOverAndToldOf) {
  Map();
  ASSERT_THAT(mm->Munmap(kAddr + k2M, k2M), IsOk());
  Write(0);
  Write(2 * k2M);
  EXPECT_THAT(mm->Msync(kAddr, 8 << 20), HasErrno(ENOMEM));
  EXPECT_FALSE(mm->pte_ops().Write(Read(2 * k2M).entry));
  EXPECT_THAT(mm->Madvise(kAddr, 8 << 20, MADV_DONTNEED), HasErrno(ENOMEM));
  EXPECT_EQ(OrderAt(2 * k2M), -1);
  EXPECT_THAT(mm->Madvise(kAddr, 8 << 20, MADV_NOHUGEPAGE), HasErrno(ENOMEM));
  EXPECT_TRUE(mm->FindVma(kAddr + 2 * k2M)->vm_flags & VM_NOHUGEPAGE);
  // mprotect() ends at the hole, mlock() does nothing at all.
  EXPECT_THAT(mm->Mprotect(kAddr, 8 << 20, PROT_READ), HasErrno(ENOMEM));
  EXPECT_EQ(Write(0).sig, SIGSEGV);
  EXPECT_EQ(Write(2 * k2M).sig, 0);
  EXPECT_THAT(mm->Mlock(kAddr, 8 << 20), HasErrno(ENOMEM));
  EXPECT_EQ(OrderAt(kPage), -1);
}

TEST_F(LiveMapTest, PopulateStopsAtAHoleSince69) {
  for (const char* kernel : {"v6_1", "v6_12"}) {
    Use(kernel, "ext4");
    Map();
    ASSERT_THAT(mm->Munmap(kAddr + k2M, k2M), IsOk());
    EXPECT_THAT(mm->Madvise(kAddr, 8 << 20, MADV_POPULATE_READ),
                HasErrno(ENOMEM));
    EXPECT_EQ(OrderAt(0), 9);
    EXPECT_EQ(OrderAt(2 * k2M), std::string(kernel) == "v6_1" ? 9 : -1);
  }
}

TEST_F(LiveMapTest, EmptyRangesAreNothing) {
  Map();
  EXPECT_THAT(mm->Madvise(kAddr, 0, MADV_DONTNEED), IsOk());
  EXPECT_THAT(mm->Mprotect(kAddr, 0, PROT_READ), IsOk());
  EXPECT_THAT(mm->Msync(kAddr, 0), IsOk());
  EXPECT_THAT(mm->Madvise(kAddr, ~uint64_t{0}, MADV_DONTNEED),
              HasErrno(EINVAL));
  EXPECT_THAT(mm->Mprotect(kAddr, ~kPage, PROT_READ), HasErrno(ENOMEM));
  EXPECT_THAT(mm->Munmap(kAddr, 0), HasErrno(EINVAL));
}

TEST_F(LiveMapTest, WhatMayNotBeReadIsNotPopulated) {
  Map(PROT_NONE, MAP_SHARED | MAP_POPULATE);
  EXPECT_EQ(OrderAt(0), -1);
  EXPECT_THAT(mm->Mlock(kAddr, kPage), HasErrno(ENOMEM));
  EXPECT_THAT(mm->Madvise(kAddr, kPage, MADV_POPULATE_READ), HasErrno(EINVAL));
  // Only executed: it has a protection key, which forbids to look.
  Map(PROT_EXEC);
  EXPECT_THAT(mm->Mlock(kAddr, kPage), HasErrno(ENOMEM));
  const FaultOutcome outcome = Read(0);
  EXPECT_EQ(outcome.sig, SIGSEGV);
  EXPECT_EQ(outcome.si_code, 4);  // SEGV_PKUERR
  EXPECT_EQ(mm->Touch(kAddr, false, /*exec=*/true).sig, 0);
  EXPECT_EQ(Read(0).si_code, 4);
  // Any other right is enough.
  ASSERT_THAT(mm->Mprotect(kAddr, 8 << 20, PROT_WRITE), IsOk());
  EXPECT_THAT(mm->Mlock(kAddr, k2M), IsOk());
  EXPECT_EQ(OrderAt(0), 9);
  // A page behind the end of the file does not come.
  inode->i_size = 3 << 20;
  EXPECT_THAT(mm->Mlock(kAddr, 8 << 20), HasErrno(ENOMEM));
}

TEST_F(LiveMapTest, AnonVmasDecideWhatMerges) {
  // The first page is written and has an anon_vma, the rest has none.
  const auto map_count = [&](const char* kernel) {
    Use(kernel, "ext4");
    Map(PROT_READ | PROT_WRITE, MAP_PRIVATE);
    EXPECT_THAT(mm->Mprotect(kAddr, kPage, PROT_READ), IsOk());
    EXPECT_THAT(mm->Mprotect(kAddr, kPage, PROT_READ | PROT_WRITE), IsOk());
    EXPECT_EQ(mm->mm_mt().map_count(), 1u);
    EXPECT_THAT(mm->Mprotect(kAddr + kPage, kPage, PROT_READ), IsOk());
    Write(0);
    EXPECT_THAT(mm->Mprotect(kAddr, kPage, PROT_READ), IsOk());
    return mm->mm_mt().map_count();
  };
  EXPECT_EQ(map_count("v6_1"), 3u);
  EXPECT_EQ(map_count("v7_2"), 2u);
}

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
  EXPECT_EQ(inode->FsyncRange(0, INT64_MAX, false), -EROFS);
  // xfs shuts down, and reads fail too.
  Use("v6_1", "xfs");
  inode->extents.SetType(0, 8 << 20, IOMAP_UNWRITTEN);
  Map();
  Write(k2M);
  fs->set_journal_io([] { return -EIO; });
  EXPECT_EQ(inode->FsyncRange(0, INT64_MAX, false), -EIO);
  EXPECT_EQ(Read(0).sig, SIGBUS);
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
  EXPECT_EQ(Write(kPage).sig, SIGBUS);
  EXPECT_EQ(Read(k2M).sig, SIGBUS);
  EXPECT_EQ(fs->OpenErrno(), -EIO);
}

TEST_F(LiveMapTest, AFrozenFileSystemIsClean) {
  inode->extents.SetType(0, 8 << 20, IOMAP_UNWRITTEN);
  fs->AddInode(*inode);
  Map();
  Write(0);
  EXPECT_EQ(fs->Freeze(), 0);
  EXPECT_TRUE(Write(0).faulted);
  // The super block is written even where nothing changed.
  fs->set_journal_io([] { return -EIO; });
  EXPECT_EQ(fs->Freeze(), -EIO);
  // What has aborted stays so.
  EXPECT_EQ(Write(2 * k2M).sig, SIGBUS);
  fs->set_journal_io(nullptr);
  EXPECT_EQ(fs->Freeze(), -EIO);
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

TEST_F(LiveMapTest, MremapKeepsAHugeEntryWhereBothPlacesAreAligned) {
  Map();
  EXPECT_EQ(Write(0).order, 9);
  EXPECT_EQ(Write(k2M).order, 9);
  const uint64_t to = kAddr - (64 << 20);
  EXPECT_THAT(mm->Mremap(kAddr, k2M, k2M, MREMAP_MAYMOVE | MREMAP_FIXED, to),
              IsOkAndHolds(to));
  EXPECT_EQ(OrderAt(0), -1);
  EXPECT_FALSE(mm->Touch(to, true).faulted);
  // Where the colour differs it is lost.
  const uint64_t odd = to + (8 << 20) + kPage;
  EXPECT_THAT(
      mm->Mremap(kAddr + k2M, k2M, k2M, MREMAP_MAYMOVE | MREMAP_FIXED, odd),
      IsOkAndHolds(odd));
  const FaultOutcome outcome = mm->Touch(odd, true);
  EXPECT_EQ(outcome.order, 0);
  EXPECT_EQ(outcome.reason.code, FaultReasonCode::kVmaColour);
  // It grows where there is room, and only there without MREMAP_MAYMOVE.
  EXPECT_THAT(mm->Mremap(to, k2M, 2 * k2M, 0), IsOkAndHolds(to));
  EXPECT_THAT(mm->Mremap(to, 2 * k2M, 6 * k2M, 0), HasErrno(ENOMEM));
  EXPECT_THAT(mm->Mremap(to, 2 * k2M, k2M, 0), IsOkAndHolds(to));
  EXPECT_THAT(mm->Mremap(to, 2 * k2M, 3 * k2M, MREMAP_MAYMOVE),
              HasErrno(EFAULT));
  EXPECT_THAT(mm->Mremap(to, k2M, 0, 0), HasErrno(EINVAL));
}

TEST_F(LiveMapTest, AForkFaultsAgainAndSharesPrivateCopies) {
  Map();
  EXPECT_EQ(Write(0).order, 9);
  std::unique_ptr<MmStruct> child = mm->Fork();
  EXPECT_TRUE(child->Touch(kAddr, false).faulted);
  EXPECT_EQ(child->Touch(kAddr, false).order, 9);
  // A punch by anybody unmaps both.
  Fallocate(kPunch, 0, kPage);
  EXPECT_EQ(OrderAt(0), -1);
  EXPECT_TRUE(child->Touch(kAddr + kPage, false).faulted);
  child.reset();
  Map(PROT_READ | PROT_WRITE, MAP_PRIVATE);
  const pfn_t copy = Write(k2M).pfn;
  child = mm->Fork();
  EXPECT_EQ(child->Touch(kAddr + k2M, false).pfn, copy);
  EXPECT_NE(Write(k2M).pfn, copy);
  EXPECT_EQ(child->Touch(kAddr + k2M, true).pfn, copy);
}

TEST_F(LiveMapTest, TwoMappingsOfAFileAreUnmappedTogether) {
  Map();
  MmStruct other(*profile, *mem);
  absl::StatusOr<VmAreaStruct*> vma =
      other.Mmap({.len = 8 << 20,
                  .prot = PROT_READ,
                  .flags = MAP_SHARED,
                  .file = fs->Open(*inode, "f")});
  ASSERT_THAT(vma, IsOk());
  const uint64_t at = (*vma)->vm_start;
  Write(0);
  EXPECT_EQ(other.Touch(at, false).order, 9);
  EXPECT_EQ(fs->Truncate(*inode, 0), 0);
  EXPECT_EQ(OrderAt(0), -1);
  EXPECT_EQ(other.Touch(at, false).sig, SIGBUS);
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
