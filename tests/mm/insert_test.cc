// SPDX-License-Identifier: Apache-2.0
//
// The preconditions of the insertion functions, through a driver of one's
// own, and which kernels ask a driver for huge pages at all.
#include "mm/insert.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>

#include "base/kernel_profile.h"
#include "tests/fake_driver.h"
#include "tests/testing.h"

namespace dmdax {
namespace {

struct Machine {
  explicit Machine(const char* name, const FakeDriverOptions& options)
      : profile((*FindKernelProfile(name))->fault),
        mem(profile),
        driver(options),
        mm(profile, mem) {}

  FaultOutcome Touch(bool write, int flags = MAP_SHARED) {
    MmapRequest request{.addr = 0x7f0000000000,
                        .len = 2 * profile.pmd_size(),
                        .prot = PROT_READ | PROT_WRITE,
                        .flags = flags | MAP_FIXED,
                        .file = driver.Open()};
    EXPECT_THAT(mm.Mmap(request), IsOk());
    return mm.Touch(0x7f0000000000, write);
  }

  const FaultProfile& profile;
  MemMap mem;
  FakeDriver driver;
  MmStruct mm;
};

FakeDriverOptions Options(bool dev_map, bool s_dax, uint64_t vm_flags) {
  return {.pfn = pfn_t{0x100000},
          .nr = 1 << 20,
          .dev_map = dev_map,
          .s_dax = s_dax,
          .vm_flags = vm_flags};
}

TEST(FakeDriverTest, WhoAsksForHugePages) {
  const auto asks = [](const char* kernel, bool s_dax, ThpEnabled thp) {
    Machine m(kernel, Options(false, s_dax, VM_PFNMAP));
    m.mm.thp_enabled = thp;
    m.Touch(false);
    return m.driver.huge_faults > 0;
  };
  EXPECT_TRUE(asks("v5_10", false, ThpEnabled::kAlways));
  EXPECT_FALSE(asks("v5_10", false, ThpEnabled::kNever));
  EXPECT_TRUE(asks("v5_10", true, ThpEnabled::kNever));
  EXPECT_FALSE(asks("v6_1", false, ThpEnabled::kAlways));
  EXPECT_TRUE(asks("v6_1", true, ThpEnabled::kNever));
  EXPECT_TRUE(asks("v6_12", false, ThpEnabled::kAlways));
  EXPECT_FALSE(asks("v6_12", false, ThpEnabled::kMadvise));
}

TEST(FakeDriverTest, SDaxOnAnotherInodeHasNoEffect) {
  FakeDriverOptions options = Options(false, true, VM_PFNMAP);
  options.other_host = true;
  Machine m("v6_1", options);
  m.Touch(false);
  EXPECT_EQ(m.driver.huge_faults, 0);
  EXPECT_GT(m.driver.faults, 0);
}

TEST(VmfInsertPfnPmdTest, NeedsAFlagOrADevmapFrame) {
  Machine neither("v6_1", Options(false, true, 0));
  EXPECT_EQ(neither.Touch(false).bug,
            "!(vma->vm_flags & (VM_PFNMAP|VM_MIXEDMAP)) && "
            "!pfn_t_devmap(pfn)");
  Machine devmap("v6_1", Options(true, true, 0));
  EXPECT_EQ(devmap.Touch(false).order, 9);
  Machine pfnmap("v6_1", Options(false, true, VM_PFNMAP));
  EXPECT_EQ(pfnmap.Touch(false).order, 9);
  // 4.14 wants both.
  Machine old("v4_14", Options(true, true, 0));
  EXPECT_EQ(old.Touch(false).bug, "!(vma->vm_flags & (VM_PFNMAP|VM_MIXEDMAP))");
  Machine no_devmap("v4_14", Options(false, true, VM_PFNMAP));
  EXPECT_EQ(no_devmap.Touch(false).bug, "!pfn_t_devmap(pfn)");
}

TEST(VmfInsertPfnPmdTest, BothFlagsAreABug) {
  Machine m("v6_1", Options(false, true, VM_PFNMAP | VM_MIXEDMAP));
  const FaultOutcome outcome = m.Touch(false);
  EXPECT_EQ(outcome.sig, SIGKILL);
  EXPECT_EQ(outcome.reason.code, FaultReasonCode::kKernelBug);
  EXPECT_EQ(outcome.bug,
            "(vma->vm_flags & (VM_PFNMAP|VM_MIXEDMAP)) == "
            "(VM_PFNMAP|VM_MIXEDMAP)");
}

TEST(VmfInsertPfnPmdTest, APrivateWritablePfnMapIsABug) {
  Machine m("v6_1", Options(false, true, VM_PFNMAP));
  EXPECT_EQ(m.Touch(false, MAP_PRIVATE).bug,
            "(vma->vm_flags & VM_PFNMAP) && is_cow_mapping(vma->vm_flags)");
}

TEST(VmfInsertPfnPmdTest, OnArm64Of414AlwaysABug) {
  Machine m("arm64_4_14", Options(true, true, VM_PFNMAP));
  EXPECT_EQ(m.Touch(false).bug, "!pfn_t_devmap(pfn)");
}

TEST(VmfInsertPfnPudTest, AnotherFrameIsAWarningThatNamesThePud) {
  Machine m("v6_12", Options(true, true, VM_MIXEDMAP));
  ASSERT_EQ(m.Touch(false).order, 9);
  VmFault vmf;
  vmf.vma = m.mm.FindVma(0x7f0000000000);
  vmf.mm = &m.mm;
  vmf.address = 0x7f0000000000;
  // What hangs at the PUD goes first.
  vmf.pud = m.mm.page_table().Pud(vmf.address, true);
  vmf.pud.Clear();
  m.mm.log().TakeNew();
  const FlaggedPfn first{.pfn = pfn_t{1 << 20}, .dev = true, .map = true};
  const FlaggedPfn other{.pfn = pfn_t{2 << 20}, .dev = true, .map = true};
  EXPECT_EQ(VmfInsertPfnPud(vmf, first, true), VM_FAULT_NOPAGE);
  EXPECT_EQ(VmfInsertPfnPud(vmf, other, true), VM_FAULT_NOPAGE);
  EXPECT_THAT(
      m.mm.log().TakeNew(),
      testing::ElementsAre("WARNING: pud_pfn(*pud) != pfn_t_to_pfn(pfn)"));
  EXPECT_EQ(m.mm.pte_ops().Pfn(vmf.pud.value()), first.pfn);
}

TEST(UniqueStructPagesTest, TwoPagesOfThemAreReserved) {
  const FaultProfile& p = DefaultKernelProfile().fault;
  DevPagemap pgmap{.vmemmap_shift = 9};
  EXPECT_EQ(UniqueStructPages(p, pgmap), 512u);
  pgmap.optimize_vmemmap = true;
  EXPECT_EQ(UniqueStructPages(p, pgmap), 128u);
  // Two pages hold the struct pages of folios up to order 7.
  pgmap.vmemmap_shift = 7;
  EXPECT_EQ(UniqueStructPages(p, pgmap), 128u);
  pgmap.vmemmap_shift = 0;
  EXPECT_EQ(UniqueStructPages(p, pgmap), 1u);
}

TEST(VmfInsertMixedTest, NotAllowedIsABugUntil69) {
  const auto mixed = [](const char* kernel) {
    FakeDriverOptions options = Options(true, false, 0);
    options.huge_fault = false;
    Machine m(kernel, options);
    // Frames without PFN_DEV|PFN_MAP in a VMA without a flag.
    EXPECT_THAT(m.mm.Mmap({.addr = 0x7e0000000000,
                           .len = 4096,
                           .prot = PROT_READ,
                           .flags = MAP_SHARED | MAP_FIXED,
                           .file = m.driver.Open()}),
                IsOk());
    VmFault vmf;
    vmf.vma = m.mm.FindVma(0x7e0000000000);
    vmf.mm = &m.mm;
    vmf.address = 0x7e0000000000;
    return VmfInsertMixed(vmf, vmf.address, FlaggedPfn{.pfn = pfn_t{0x99999}},
                          false);
  };
  EXPECT_EQ(mixed("v6_1"), VM_FAULT_KERNEL_BUG);
  EXPECT_EQ(mixed("v6_12"), VM_FAULT_SIGBUS);
}

TEST(RemapPfnRangeTest, APartOfAPrivateMappingIsEinval) {
  Machine m("v6_1", Options(false, false, 0));
  ASSERT_THAT(m.mm.Mmap({.addr = 0x7e0000000000,
                         .len = 8192,
                         .prot = PROT_READ,
                         .flags = MAP_PRIVATE | MAP_FIXED,
                         .file = m.driver.Open()}),
              IsOk());
  VmAreaStruct& vma = *m.mm.FindVma(0x7e0000000000);
  EXPECT_EQ(RemapPfnRange(m.mm, vma, vma.vm_start, pfn_t{16}, 4096), -EINVAL);
  EXPECT_EQ(RemapPfnRange(m.mm, vma, vma.vm_start, pfn_t{16}, 8192), 0);
  EXPECT_EQ(VmFlagsText(vma.vm_flags &
                        (VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP)),
            "pf io de dd");
  EXPECT_EQ(vma.vm_pgoff, 16u);
}

}  // namespace
}  // namespace dmdax
