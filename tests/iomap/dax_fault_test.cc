// SPDX-License-Identifier: Apache-2.0
//
// A DAX file on persistent memory, touched: what is mapped, and why not more.
#include "iomap/dax_fault.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/falloc.h>
#include <signal.h>
#include <sys/mman.h>

#include "base/kernel_profile.h"
#include "dax/pmem.h"
#include "fs/file_system_type.h"
#include "tests/testing.h"

namespace dmdax {
namespace {

constexpr uint64_t k2M = 2 << 20;
constexpr uint64_t kAddr = 0x7ffff7400000;

struct DaxFaultTest : testing::Test {
  DaxFaultTest() { Use("v6_1", "ext4"); }

  void Use(const char* kernel, const char* fs_name,
           uint64_t base = 0x100000000) {
    mm.reset();
    inode.reset();
    const KernelProfile& kernel_profile = **FindKernelProfile(kernel);
    profile = &kernel_profile.fault;
    PmemOptions options;
    options.name = "pmem0";
    options.base = base;
    options.size = 64 << 20;
    pmem = *PmemDevice::Create(kernel_profile, options);
    pmem->dax_dev().SetSynchronous();
    mem = std::make_unique<MemMap>(*profile);
    mem->AddPagemap({.start = PhysPfn(base), .nr = 16384});
    fs = *MakeFileSystem(fs_name, *profile);
    inode = std::make_unique<DaxInode>(*profile, *mem);
    inode->i_size = 8 << 20;
    inode->s_dax = true;
    inode->dax_dev = &pmem->dax_dev();
    mm = std::make_unique<MmStruct>(*profile, *mem);
  }
  void Extent(uint64_t logical, uint64_t physical, uint64_t length,
              uint16_t type = IOMAP_MAPPED) {
    inode->extents.Insert({.logical = logical,
                           .physical = physical,
                           .length = length,
                           .type = type});
  }
  absl::Status Map(int flags, uint64_t offset = 0) {
    return mm
        ->Mmap({.addr = kAddr,
                .len = 8 << 20,
                .prot = PROT_READ | PROT_WRITE,
                .flags = flags | MAP_FIXED,
                .file = fs->Open(*inode, "f"),
                .pgoff = offset / 4096})
        .status();
  }
  FaultOutcome Touch(uint64_t offset, bool write) {
    return mm->Touch(kAddr + offset, write);
  }

  const FaultProfile* profile = nullptr;
  std::unique_ptr<PmemDevice> pmem;
  std::unique_ptr<MemMap> mem;
  std::unique_ptr<FileSystem> fs;
  std::unique_ptr<DaxInode> inode;
  std::unique_ptr<MmStruct> mm;
};

TEST_F(DaxFaultTest, AnAlignedExtentIsAPmd) {
  Extent(0, k2M, 8 << 20);
  ASSERT_THAT(Map(MAP_SHARED), IsOk());
  const FaultOutcome outcome = Touch(4096, true);
  EXPECT_EQ(outcome.order, 9);
  EXPECT_EQ(outcome.pfn, pfn_t{0x100201});
  EXPECT_EQ(outcome.min_flt, 1);
  EXPECT_FALSE(outcome.reason.code == FaultReasonCode::kPfnExtent);
  EXPECT_FALSE(Touch(8192, true).faulted);
}

TEST_F(DaxFaultTest, EachFallbackHasItsReason) {
  Extent(0, k2M + 4096, 4 << 20);
  Extent(4 << 20, 32 << 20, 1 << 20);
  ASSERT_THAT(Map(MAP_SHARED), IsOk());
  FaultOutcome outcome = Touch(0, false);
  EXPECT_EQ(outcome.order, 0);
  EXPECT_EQ(outcome.fallbacks.size(), 2u);  // PUD and PMD
  EXPECT_EQ(outcome.reason.code, FaultReasonCode::kPfnExtent);
  EXPECT_EQ(FaultReasonText(outcome.reason),
            "the extent starts 1 page past a multiple of 512 pages on the "
            "device");
  EXPECT_EQ(Touch(4096, false).reason.code, FaultReasonCode::kPageTablePresent);
  outcome = Touch(4 << 20, false);
  EXPECT_EQ(outcome.reason.code, FaultReasonCode::kExtentShort);
  EXPECT_EQ(outcome.reason.have, 256u);
  EXPECT_EQ(outcome.fallbacks.size(), 1u);
}

TEST_F(DaxFaultTest, MemoryThatIsNotAlignedIsNamed) {
  Use("v6_1", "ext4", 0x100100000);
  Extent(0, k2M, 8 << 20);
  ASSERT_THAT(Map(MAP_SHARED), IsOk());
  const FaultOutcome outcome = Touch(0, false);
  EXPECT_EQ(outcome.reason.code, FaultReasonCode::kPfnDevice);
  EXPECT_THAT(FaultReasonText(outcome.reason),
              testing::HasSubstr("pmem0 starts 256 pages past"));
}

TEST_F(DaxFaultTest, ColourAndEof) {
  Extent(0, k2M, 8 << 20);
  inode->i_size = 3 << 20;
  ASSERT_THAT(Map(MAP_SHARED), IsOk());
  EXPECT_EQ(Touch(k2M, false).reason.code, FaultReasonCode::kEofInside);
  const FaultOutcome beyond = Touch(3 << 20, false);
  EXPECT_EQ(beyond.sig, SIGBUS);
  EXPECT_EQ(beyond.reason.code, FaultReasonCode::kBeyondEof);
  ASSERT_THAT(Map(MAP_SHARED, 4096), IsOk());
  EXPECT_EQ(Touch(0, false).reason.code, FaultReasonCode::kVmaColour);
}

TEST_F(DaxFaultTest, AHoleReadsTheZeroPageAndIsReplacedByAWrite) {
  AlignedAllocator blocks(0, 64 << 20, k2M);
  inode->allocator = &blocks;
  ASSERT_THAT(Map(MAP_SHARED), IsOk());
  FaultOutcome outcome = Touch(0, false);
  EXPECT_TRUE(outcome.zero_page);
  EXPECT_EQ(outcome.order, 9);
  outcome = Touch(0, true);
  EXPECT_EQ(outcome.order, 9);
  EXPECT_FALSE(outcome.zero_page);
  EXPECT_EQ(outcome.min_flt, 1);  // MAJOR is for single pages only
}

TEST_F(DaxFaultTest, NoSpaceIsSigbus) {
  ASSERT_THAT(Map(MAP_SHARED), IsOk());
  const FaultOutcome outcome = Touch(0, true);
  EXPECT_EQ(outcome.sig, SIGBUS);
  EXPECT_EQ(outcome.reason.code, FaultReasonCode::kIomapError);
  EXPECT_EQ(outcome.reason.err, ENOSPC);
}

TEST_F(DaxFaultTest, SinglePagesInTheMappingForbidAPmdElsewhere) {
  Extent(0, k2M, 8 << 20);
  ASSERT_THAT(Map(MAP_PRIVATE), IsOk());
  EXPECT_EQ(Touch(0, true).reason.code, FaultReasonCode::kPrivateWrite);
  MmStruct other(*profile, *mem);
  ASSERT_THAT(other.Mmap({.addr = kAddr,
                          .len = 8 << 20,
                          .prot = PROT_READ,
                          .flags = MAP_SHARED | MAP_FIXED,
                          .file = fs->Open(*inode, "f")}),
              IsOk());
  EXPECT_EQ(other.Touch(kAddr, false).reason.code,
            FaultReasonCode::kEntryConflict);
}

TEST_F(DaxFaultTest, PoisonIsBusAdrerrAndSince65BusMceerrAr) {
  for (const char* kernel : {"v6_1", "v6_12"}) {
    Use(kernel, "ext4");
    Extent(0, k2M, 8 << 20);
    pmem->SetBadblocks(sector_t{k2M / 512}, 8);
    ASSERT_THAT(Map(MAP_SHARED), IsOk());
    const FaultOutcome outcome = Touch(0, false);
    EXPECT_EQ(outcome.sig, SIGBUS);
    EXPECT_EQ(outcome.si_code, std::string(kernel) == "v6_1" ? 2 : 4);
    EXPECT_EQ(outcome.reason.code, FaultReasonCode::kPoison);
  }
}

TEST_F(DaxFaultTest, ADeadDeviceIsSigbus) {
  Extent(0, k2M, 8 << 20);
  ASSERT_THAT(Map(MAP_SHARED), IsOk());
  pmem->dax_dev().Kill();
  const FaultOutcome outcome = Touch(0, false);
  EXPECT_EQ(outcome.sig, SIGBUS);
  EXPECT_EQ(outcome.reason.err, ENXIO);
}

TEST_F(DaxFaultTest, MapSyncIsForDaxFilesOnSynchronousDevices) {
  Extent(0, k2M, 8 << 20);
  inode->datasync_dirty = true;
  ASSERT_THAT(Map(MAP_SHARED_VALIDATE | MAP_SYNC), IsOk());
  EXPECT_EQ(Touch(0, true).order, 9);
  EXPECT_FALSE(inode->datasync_dirty);  // the fault synchronised it
  inode->s_dax = false;
  EXPECT_THAT(Map(MAP_SHARED_VALIDATE | MAP_SYNC), HasErrno(EOPNOTSUPP));
}

TEST_F(DaxFaultTest, Ext2HasNoHugePages) {
  Use("v6_1", "ext2");
  Extent(0, k2M, 8 << 20);
  ASSERT_THAT(Map(MAP_SHARED), IsOk());
  const FaultOutcome outcome = Touch(0, true);
  EXPECT_EQ(outcome.order, 0);
  EXPECT_EQ(outcome.reason.code, FaultReasonCode::kNoHugeFault);
}

TEST_F(DaxFaultTest, VmFlagsByKernel) {
  ASSERT_THAT(Map(MAP_SHARED), IsOk());
  EXPECT_THAT(VmFlagsText(mm->FindVma(kAddr)->vm_flags),
              testing::EndsWith(" hg"));
  Use("v4_14", "ext4");
  ASSERT_THAT(Map(MAP_SHARED), IsOk());
  EXPECT_THAT(VmFlagsText(mm->FindVma(kAddr)->vm_flags),
              testing::EndsWith("mm hg"));
}

// It was counted as sixteen, which need the devmap bit that arm64 lacks.
TEST_F(DaxFaultTest, OnePageOf64KiBNeedsNoDevmapBit) {
  Use("arm64_4_14", "xfs");
  Extent(0, k2M, 8 << 20);
  ASSERT_THAT(Map(MAP_SHARED), IsOk());
  const FaultOutcome outcome = Touch(0, true);
  EXPECT_EQ(outcome.sig, 0);
  EXPECT_EQ(outcome.order, 0);
  EXPECT_EQ(outcome.pfn, pfn_t{0x10020});
}

TEST_F(DaxFaultTest, PunchingAPageTakesTheWholePmd) {
  Extent(0, k2M, 8 << 20);
  ASSERT_THAT(Map(MAP_SHARED), IsOk());
  EXPECT_EQ(Touch(0, true).order, 9);
  ASSERT_EQ(fs->Fallocate(*inode, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                          4096, 4096),
            0);
  Pte entry;
  int order;
  EXPECT_FALSE(mm->Lookup(kAddr, &entry, &order));
  EXPECT_EQ(Touch(0, false).reason.code, FaultReasonCode::kExtentShort);
}

TEST_F(DaxFaultTest, Since615PagesAreCounted) {
  for (const char* kernel : {"v6_1", "v6_16"}) {
    Use(kernel, "ext4");
    const bool counted = std::string(kernel) == "v6_16";
    Extent(0, k2M, 8 << 20);
    ASSERT_THAT(Map(MAP_SHARED), IsOk());
    EXPECT_EQ(mem->Refcount(pfn_t{0x100200}), counted ? 0 : 1);
    EXPECT_EQ(Touch(0, true).order, 9);
    EXPECT_EQ(mem->Refcount(pfn_t{0x100200}), 1);
    EXPECT_EQ(mem->FolioOrder(pfn_t{0x100200}), counted ? 9 : 0);
    EXPECT_EQ(mm->rss_file, counted ? 512 : 0);
    ASSERT_THAT(mm->Munmap(kAddr, 8 << 20), IsOk());
    EXPECT_EQ(mm->rss_file, 0);
  }
}

}  // namespace
}  // namespace dmdax
