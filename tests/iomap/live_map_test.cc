// SPDX-License-Identifier: Apache-2.0
//
// What programs do to mappings of a DAX file: calls over ranges that are not
// one mapping, and copies of mappings.
#include <signal.h>

#include <cerrno>
#include <string>

#include "tests/iomap/live_map_testing.h"

namespace dmdax {
namespace {

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

}  // namespace
}  // namespace dmdax
