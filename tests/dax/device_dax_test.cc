// SPDX-License-Identifier: Apache-2.0
#include "dax/device_dax.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>

#include "base/kernel_profile.h"
#include "tests/testing.h"

namespace dmdax {
namespace {

constexpr uint64_t kG = 1 << 30;
constexpr uint64_t kAddr = 0x7f0000000000;

struct DevDaxTest : testing::Test {
  void Use(const char* kernel, uint64_t align, bool compound = true,
           std::vector<DevDaxRange> ranges = {{4 * kG, 2 * kG}}) {
    mm.reset();
    dax.reset();
    profile = &(*FindKernelProfile(kernel))->fault;
    mem = std::make_unique<MemMap>(*profile);
    dax = *DevDax::Create(*profile, *mem,
                          {.name = "dax3.0",
                           .align = align,
                           .ranges = ranges,
                           .static_region = ranges.size() == 1,
                           .compound_pages = compound});
    mm = std::make_unique<MmStruct>(*profile, *mem);
  }
  absl::Status Map(uint64_t len, int flags = MAP_SHARED, uint64_t addr = kAddr,
                   uint64_t pgoff = 0) {
    return mm
        ->Mmap({.addr = addr,
                .len = len,
                .prot = PROT_READ | PROT_WRITE,
                .flags = flags | MAP_FIXED,
                .file = dax->Open(),
                .pgoff = pgoff})
        .status();
  }

  const FaultProfile* profile = nullptr;
  std::unique_ptr<MemMap> mem;
  std::unique_ptr<DevDax> dax;
  std::unique_ptr<MmStruct> mm;
};

TEST_F(DevDaxTest, TheMappingIsAsLargeAsTheAlignment) {
  const std::pair<uint64_t, int> cases[] = {{4096, 0}, {2 << 20, 9}, {kG, 18}};
  for (const auto& [align, order] : cases) {
    Use("v6_1", align);
    ASSERT_THAT(Map(kG), IsOk());
    const FaultOutcome outcome = mm->Touch(kAddr, true);
    EXPECT_EQ(outcome.order, order);
    EXPECT_EQ(outcome.pfn, pfn_t{0x100000});
    if (order < 18) {
      EXPECT_EQ(outcome.reason.code, FaultReasonCode::kDevDaxAlignSmaller);
    }
  }
}

TEST_F(DevDaxTest, AReadMapsWritable) {
  Use("v6_1", 4096);
  ASSERT_THAT(Map(8192), IsOk());
  const FaultOutcome outcome = mm->Touch(kAddr, false);
  EXPECT_TRUE(mm->pte_ops().Write(outcome.entry));
  EXPECT_FALSE(mm->pte_ops().Dirty(outcome.entry));
  EXPECT_FALSE(mm->Touch(kAddr, true).faulted);
}

TEST_F(DevDaxTest, MmapChecksInOrderAndSaysWhy) {
  Use("v6_1", 2 << 20);
  EXPECT_THAT(Map(4 << 20, MAP_PRIVATE), HasErrno(EINVAL));
  EXPECT_THAT(Map(4 << 20, MAP_SHARED, kAddr + 4096), HasErrno(EINVAL));
  EXPECT_THAT(mm->log().TakeNew(),
              testing::ElementsAre(
                  "device_dax dax3.0: dmdax: dax_mmap: fail, attempted private "
                  "mapping",
                  "device_dax dax3.0: dmdax: dax_mmap: fail, unaligned vma "
                  "(0x7f0000001000 - 0x7f0000401000, 0x1fffff)"));
  dax->KillDevDax();
  EXPECT_THAT(Map(4 << 20), HasErrno(ENXIO));
}

TEST_F(DevDaxTest, BeyondTheEndIsSigbusAtTheFault) {
  Use("v6_1", 2 << 20);
  ASSERT_THAT(Map(4 << 20, MAP_SHARED, kAddr, 2 * kG / 4096), IsOk());
  const FaultOutcome outcome = mm->Touch(kAddr, true);
  EXPECT_EQ(outcome.sig, SIGBUS);
  EXPECT_EQ(outcome.reason.code, FaultReasonCode::kDevDaxPgoff);
}

TEST_F(DevDaxTest, NoHugepageIsSigbus) {
  Use("v6_1", 2 << 20);
  ASSERT_THAT(Map(4 << 20), IsOk());
  ASSERT_THAT(mm->Madvise(kAddr, 4 << 20, MADV_NOHUGEPAGE), IsOk());
  const FaultOutcome outcome = mm->Touch(kAddr, true);
  EXPECT_EQ(outcome.sig, SIGBUS);
  EXPECT_EQ(outcome.reason.code, FaultReasonCode::kDevDaxAlignLarger);
  // The sysfs switch does not count for DAX.
  Use("v6_1", 2 << 20);
  mm->thp_enabled = ThpEnabled::kNever;
  ASSERT_THAT(Map(4 << 20), IsOk());
  EXPECT_EQ(mm->Touch(kAddr, true).order, 9);
}

TEST_F(DevDaxTest, CutsMustRespectTheAlignment) {
  Use("v6_1", 2 << 20);
  ASSERT_THAT(Map(4 << 20), IsOk());
  EXPECT_THAT(mm->Munmap(kAddr + 4096, 4096), HasErrno(EINVAL));
  EXPECT_THAT(mm->Munmap(kAddr, 2 << 20), IsOk());
}

TEST_F(DevDaxTest, AHugePageMayNotStraddleRanges) {
  Use("v6_1", 4096, true, {{4 * kG, 4096}, {8 * kG, 8192}});
  EXPECT_EQ(dax->size(), 12288u);
  EXPECT_EQ(dax->PgoffToPhys(0, 4096), 4 * kG);
  EXPECT_EQ(dax->PgoffToPhys(1, 8192), 8 * kG);
  EXPECT_EQ(dax->PgoffToPhys(0, 8192), std::nullopt);
  EXPECT_EQ(dax->PgoffToPhys(3, 4096), std::nullopt);
}

TEST_F(DevDaxTest, CreationErrors) {
  const FaultProfile& p = DefaultKernelProfile().fault;
  MemMap m(p);
  const auto create = [&](const DevDaxOptions& options) {
    return DevDax::Create(p, m, options).status();
  };
  EXPECT_THAT(create({.name = "d", .align = 3 << 20, .ranges = {{0, kG}}}),
              HasErrno(EINVAL));
  EXPECT_THAT(create({.name = "d", .ranges = {{4096, kG}}}), HasErrno(ENOMEM));
  EXPECT_THAT(create({.name = "d", .ranges = {{4 * kG, kG}, {8 * kG, kG}}}),
              HasErrno(EINVAL, testing::HasSubstr("multi-range")));
  absl::StatusOr<std::unique_ptr<DevDax>> dev =
      DevDax::Create(p, m, {.name = "d", .ranges = {{4 * kG, kG}}});
  ASSERT_THAT(dev, IsOk());
  EXPECT_THAT(create({.name = "e", .ranges = {{4 * kG, kG}}}), HasErrno(EBUSY));
  EXPECT_THAT((*dev)->StoreAlign(4096), HasErrno(EBUSY));
  EXPECT_THAT((*dev)->StoreAlign(1), HasErrno(EINVAL));
}

TEST_F(DevDaxTest, PagesAreCountedSince615) {
  Use("v6_1", 2 << 20);
  ASSERT_THAT(Map(4 << 20), IsOk());
  mm->Touch(kAddr, true);
  EXPECT_EQ(mem->Refcount(pfn_t{0x100000}), 1);
  EXPECT_EQ(mm->rss_file, 0);
  Use("v6_16", 2 << 20);
  ASSERT_THAT(Map(4 << 20), IsOk());
  mm->Touch(kAddr, true);
  EXPECT_EQ(mem->Refcount(pfn_t{0x100001}), 2);  // the folio's
  EXPECT_EQ(mem->Mapcount(pfn_t{0x100000}), 1);
  EXPECT_EQ(mm->rss_file, 512);
  ASSERT_THAT(mm->Munmap(kAddr, 4 << 20), IsOk());
  EXPECT_EQ(mem->Refcount(pfn_t{0x100000}), 1);
}

TEST_F(DevDaxTest, WithoutCompoundPagesAFolioInsertWarnsAndIsSigbus) {
  Use("v6_16", 2 << 20, /*compound=*/false);
  ASSERT_THAT(Map(4 << 20), IsOk());
  const FaultOutcome outcome = mm->Touch(kAddr, true);
  EXPECT_EQ(outcome.sig, SIGBUS);
  EXPECT_EQ(outcome.reason.code, FaultReasonCode::kFolioOrder);
  EXPECT_EQ(outcome.warnings.size(), 1u);
}

TEST_F(DevDaxTest, TheMappingsIndexIsSetAtTheFaultAndStays) {
  Use("v6_1", 2 << 20);
  ASSERT_THAT(Map(4 << 20), IsOk());
  EXPECT_EQ(dax->PageIndex(pfn_t{0x100200}), std::nullopt);
  mm->Touch(kAddr + (2 << 20), true);
  EXPECT_EQ(dax->PageIndex(pfn_t{0x100200}), 512u);
  ASSERT_THAT(mm->Munmap(kAddr, 4 << 20), IsOk());
  EXPECT_EQ(dax->PageIndex(pfn_t{0x100200}), 512u);
}

TEST_F(DevDaxTest, OperationsByKernel) {
  const auto hooks = [&](const char* kernel) {
    Use(kernel, 2 << 20);
    EXPECT_THAT(Map(4 << 20), IsOk());
    return HookNames(*profile, mm->FindVma(kAddr)->vm_ops->hooks());
  };
  EXPECT_EQ(hooks("v6_1"), "may_split fault huge_fault pagesize");
  EXPECT_EQ(hooks("v4_14"), "split fault huge_fault");
  EXPECT_EQ(hooks("v5_10"), "split fault huge_fault pagesize");
}

}  // namespace
}  // namespace dmdax
