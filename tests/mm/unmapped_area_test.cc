// SPDX-License-Identifier: Apache-2.0
#include "mm/unmapped_area.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include "base/kernel_profile.h"
#include "tests/testing.h"

namespace dmdax {
namespace {

constexpr uint64_t k2M = 2 << 20;

const FaultProfile& Profile(const char* name) {
  return (*FindKernelProfile(name))->fault;
}

// A kernel that always answers `at`.
PlainArea Always(int64_t at) {
  return [at](uint64_t, uint64_t) { return at; };
}

TEST(ThpUnmappedAddressTest, TheAddressIsCongruentToTheOffset) {
  const FaultProfile& p = Profile("v6_1");
  const PlainArea plain = Always(0x7f0000123000);
  EXPECT_EQ(ThpUnmappedAddress(p, plain, 0, 4 << 20, 0, k2M), 0x7f0000200000);
  EXPECT_EQ(ThpUnmappedAddress(p, plain, 0, 4 << 20, 0x1000, k2M) & 0x1fffff,
            0x1000);
  // No whole huge page inside: the plain answer is taken.
  EXPECT_EQ(ThpUnmappedAddress(p, plain, 0, 1 << 20, 0, k2M), 0);
  EXPECT_EQ(ThpUnmappedAddress(p, plain, 0, k2M, 0x1000, k2M), 0);
}

TEST(ThpUnmappedAddressTest, HintsByKernel) {
  const PlainArea hint = [](uint64_t addr, uint64_t) {
    return static_cast<int64_t>(addr);
  };
  EXPECT_EQ(
      ThpUnmappedAddress(Profile("v6_1"), hint, 0x7f0000123000, k2M, 0, k2M),
      0x7f0000123000);
  EXPECT_EQ(
      ThpUnmappedAddress(Profile("v4_14"), hint, 0x7f0000123000, k2M, 0, k2M),
      0);
}

TEST(ThpUnmappedAddressTest, SixTwelveMovesAnAlignedAnswerUp) {
  const PlainArea plain = Always(0x7f0000200000);
  EXPECT_EQ(ThpUnmappedAddress(Profile("v6_1"), plain, 0, k2M, 0, k2M),
            0x7f0000200000);
  EXPECT_EQ(ThpUnmappedAddress(Profile("v6_12"), plain, 0, k2M, 0, k2M),
            0x7f0000400000);
}

TEST(DaxUnmappedAddressTest, AHintIsNotAligned) {
  const PlainArea plain = Always(0x7f0000123000);
  EXPECT_EQ(DaxUnmappedAddress(plain, 0, 4 << 20, 0, k2M), 0x7f0000200000);
  EXPECT_EQ(DaxUnmappedAddress(plain, 0x1000, 4 << 20, 0, k2M), 0x7f0000123000);
}

TEST(GetUnmappedAreaTest, Errors) {
  const FaultProfile& p = Profile("v6_1");
  MemMap mem(p);
  MmStruct mm(p, mem);
  MmapRequest request{.len = mm.task_size + 4096, .flags = MAP_PRIVATE};
  EXPECT_THAT(GetUnmappedArea(mm, request), HasErrno(ENOMEM));
  request = {.addr = 0x10001, .len = 4096, .flags = MAP_PRIVATE | MAP_FIXED};
  EXPECT_THAT(GetUnmappedArea(mm, request), HasErrno(EINVAL));
  request.addr = 0x1000;
  EXPECT_THAT(GetUnmappedArea(mm, request), HasErrno(EPERM));
  request.addr = mm.task_size;
  EXPECT_THAT(GetUnmappedArea(mm, request), HasErrno(ENOMEM));
}

TEST(GetUnmappedAreaTest, BelowWhatIsMapped) {
  const FaultProfile& p = Profile("v6_1");
  MemMap mem(p);
  MmStruct mm(p, mem);
  MmapRequest request{
      .len = 8192, .prot = PROT_READ, .flags = MAP_PRIVATE | MAP_ANONYMOUS};
  absl::StatusOr<VmAreaStruct*> first = mm.Mmap(request);
  ASSERT_THAT(first, IsOk());
  EXPECT_EQ((*first)->vm_end, mm.mmap_base);
  absl::StatusOr<VmAreaStruct*> second = mm.Mmap(request);
  ASSERT_THAT(second, IsOk());
  EXPECT_EQ((*second)->vm_end, (*first)->vm_start);
}

}  // namespace
}  // namespace dmdax
