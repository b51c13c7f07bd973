// SPDX-License-Identifier: Apache-2.0
//
// get_user_pages() on DAX entries: when get_dev_pagemap() is null, and what
// becomes of it.
#include "mm/gup.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include "base/kernel_profile.h"
#include "tests/fake_driver.h"
#include "tests/testing.h"

namespace dmdax {
namespace {

struct GupTest : testing::Test {
  GupTest() { Use("v6_1", false); }
  // A driver that maps device memory, by PMD or by PTE.
  void Use(const char* name, bool huge, bool with_pagemap = true) {
    mm.reset();
    mem.reset();
    profile = &(*FindKernelProfile(name))->fault;
    mem = std::make_unique<MemMap>(*profile);
    pgmap = with_pagemap ? mem->AddPagemap({.start = pfn_t{0x100000},
                                            .nr = 4096,
                                            .type = MemoryType::kGeneric})
                         : nullptr;
    driver =
        std::make_unique<FakeDriver>(FakeDriverOptions{.pfn = pfn_t{0x100000},
                                                       .nr = 4096,
                                                       .dev_map = true,
                                                       .s_dax = true,
                                                       .huge_fault = huge});
    mm = std::make_unique<MmStruct>(*profile, *mem);
    ASSERT_THAT(mm->Mmap({.addr = kAddr,
                          .len = 4 << 20,
                          .prot = PROT_READ | PROT_WRITE,
                          .flags = MAP_SHARED | MAP_FIXED,
                          .file = driver->Open()}),
                IsOk());
  }

  static constexpr uint64_t kAddr = 0x7f0000000000;
  const FaultProfile* profile = nullptr;
  std::unique_ptr<MemMap> mem;
  std::unique_ptr<FakeDriver> driver;
  std::unique_ptr<MmStruct> mm;
  DevPagemap* pgmap = nullptr;
};

TEST_F(GupTest, TakesAReferenceOfThePage) {
  absl::StatusOr<std::vector<pfn_t>> pages =
      GetUserPages(*mm, kAddr, 1, FOLL_GET);
  ASSERT_THAT(pages, IsOk());
  EXPECT_EQ((*pages)[0], pfn_t{0x100000});
  EXPECT_EQ(mem->Refcount(pfn_t{0x100000}), 2);
  EXPECT_EQ(pgmap->refs, 0);  // the walk's own ended with it
  PutUserPages(*mm, *pages, FOLL_GET);
  EXPECT_EQ(mem->Refcount(pfn_t{0x100000}), 1);
}

TEST_F(GupTest, APinIsWorth1024) {
  ASSERT_THAT(GetUserPages(*mm, kAddr, 1, FOLL_PIN), IsOk());
  EXPECT_EQ(mem->Refcount(pfn_t{0x100000}), 1 + kGupPinCountingBias);
  EXPECT_THAT(GetUserPages(*mm, kAddr, 1, FOLL_PIN | FOLL_GET),
              HasErrno(EINVAL));
}

TEST_F(GupTest, WithoutGetItIsEexist) {
  EXPECT_THAT(GetUserPages(*mm, kAddr, 1, 0), HasErrno(EEXIST));
}

TEST_F(GupTest, ADyingPagemapLoopsAtPteLevel) {
  mm->Touch(kAddr, false);
  pgmap->ref_live = false;
  DevPagemap* none = nullptr;
  EXPECT_TRUE(
      FollowPage(*mm, *mm->FindVma(kAddr), kAddr, FOLL_GET, &none).null());
  EXPECT_THAT(GetUserPages(*mm, kAddr, 1, FOLL_GET), HasErrno(EINTR));
}

TEST_F(GupTest, ADyingPagemapIsEfaultAtPmdLevel) {
  Use("v6_1", true);
  EXPECT_EQ(mm->Touch(kAddr, false).order, 9);
  pgmap->ref_live = false;
  EXPECT_THAT(GetUserPages(*mm, kAddr, 1, FOLL_GET), HasErrno(EFAULT));
}

TEST_F(GupTest, TagsWithoutAPagemapAreNull) {
  Use("v6_1", false, /*with_pagemap=*/false);
  mm->Touch(kAddr, false);
  DevPagemap* none = nullptr;
  EXPECT_TRUE(
      FollowPage(*mm, *mm->FindVma(kAddr), kAddr, FOLL_GET, &none).null());
}

TEST_F(GupTest, APoisonedPageIsNoReason) {
  mm->Touch(kAddr, false);
  mem->SetHwPoison(pfn_t{0x100000}, true);
  EXPECT_THAT(GetUserPages(*mm, kAddr, 1, FOLL_GET), IsOk());
}

TEST_F(GupTest, PfnmapsAreEfault) {
  mm->FindVma(kAddr)->vm_flags |= VM_PFNMAP;
  EXPECT_THAT(GetUserPages(*mm, kAddr, 1, FOLL_GET), HasErrno(EFAULT));
}

TEST_F(GupTest, NothingMappedIsEfault) {
  EXPECT_THAT(GetUserPages(*mm, 0x1000, 1, FOLL_GET), HasErrno(EFAULT));
}

}  // namespace
}  // namespace dmdax
