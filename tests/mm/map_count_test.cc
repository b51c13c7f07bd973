// SPDX-License-Identifier: Apache-2.0
//
// A process of many mappings: how many there may be, and that the work for one
// does not grow with the others.
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <functional>

#include "base/kernel_profile.h"
#include "mm/filemap.h"
#include "mm/mm_struct.h"
#include "tests/testing.h"

namespace dmdax {
namespace {

using testing::HasSubstr;

constexpr uint64_t kPage = 4096;
constexpr uint64_t kAddr = 0x7f0000000000;

struct MapCountTest : testing::Test {
  MapCountTest() {
    inode.i_mapping = &mapping;
    mapping.host = &inode;
    file->f_inode = &inode;
    file->f_mapping = &mapping;
    file->f_op = &GenericFileOperations();
  }
  // Three pages at kAddr + 16 * i pages.
  MmapRequest Place(uint64_t i, int prot = PROT_READ) {
    return {.addr = kAddr + i * 16 * kPage,
            .len = 3 * kPage,
            .prot = prot,
            .flags = MAP_SHARED | MAP_FIXED,
            .file = file};
  }
  // Mappings 0 to nr - 1.
  void MapMany(uint64_t nr) {
    for (uint64_t i = 0; i < nr; ++i) ASSERT_THAT(mm.Mmap(Place(i)), IsOk());
  }

  const FaultProfile& profile = (*FindKernelProfile("v6_1"))->fault;
  Inode inode;
  AddressSpace mapping;
  std::shared_ptr<File> file = std::make_shared<File>();
  MemMap mem{profile};
  MmStruct mm{profile, mem};
};

TEST_F(MapCountTest, MmapGoesOneAboveTheLimit) {
  EXPECT_EQ(mm.sysctl_max_map_count, 65530u);
  MapMany(65531);
  absl::StatusOr<VmAreaStruct*> more = mm.Mmap(Place(65531));
  EXPECT_THAT(more, HasErrno(ENOMEM));
  EXPECT_THAT(std::string(more.status().message()),
              HasSubstr("the process has 65531 mappings; max_map_count is "
                        "65530"));
  // Also where it would take the place of another.
  EXPECT_THAT(mm.Mmap(Place(0)), HasErrno(ENOMEM));
  ASSERT_THAT(mm.Munmap(kAddr, kPage), IsOk());
  ASSERT_THAT(mm.Munmap(kAddr, 3 * kPage), IsOk());
  EXPECT_THAT(mm.Mmap(Place(0)), IsOk());
}

TEST_F(MapCountTest, OnlyAHoleMakesMunmapExceedIt) {
  mm.sysctl_max_map_count = 10;
  MapMany(10);
  EXPECT_THAT(mm.Munmap(kAddr + kPage, kPage), HasErrno(ENOMEM));
  EXPECT_EQ(mm.FindVma(kAddr)->vm_end, kAddr + 3 * kPage);
  // One that takes an end away makes none.
  EXPECT_THAT(mm.Munmap(kAddr + 2 * kPage, kPage), IsOk());
  EXPECT_THAT(mm.Munmap(kAddr, kPage), IsOk());
  // Nor does one from the middle of this to the middle of that.
  EXPECT_THAT(mm.Munmap(kAddr + 17 * kPage, 16 * kPage), IsOk());
  EXPECT_EQ(mm.mm_mt().map_count(), 10u);
}

TEST_F(MapCountTest, ACutOfMprotectOrMadviseMayNotExceedIt) {
  mm.sysctl_max_map_count = 11;
  MapMany(10);
  // The first cut makes 11, the second is refused, as in the kernel.
  EXPECT_THAT(mm.Mprotect(kAddr + kPage, kPage, PROT_NONE), HasErrno(ENOMEM));
  EXPECT_EQ(mm.mm_mt().map_count(), 11u);
  EXPECT_THAT(mm.Madvise(kAddr + 16 * kPage, kPage, MADV_NOHUGEPAGE),
              HasErrno(EAGAIN));
  // What is so already needs no cut, nor do whole mappings.
  EXPECT_THAT(mm.Mprotect(kAddr + 17 * kPage, kPage, PROT_READ), IsOk());
  EXPECT_THAT(mm.Mprotect(kAddr + 16 * kPage, 3 * kPage, PROT_NONE), IsOk());
}

TEST_F(MapCountTest, WhatANeighbourTakesOverNeedsNoCut) {
  MapMany(1);
  ASSERT_THAT(mm.Mprotect(kAddr, kPage, PROT_NONE), IsOk());
  mm.sysctl_max_map_count = 2;
  EXPECT_THAT(mm.Mprotect(kAddr + kPage, kPage, PROT_NONE), IsOk());
  EXPECT_EQ(mm.FindVma(kAddr)->vm_end, kAddr + 2 * kPage);
  EXPECT_EQ(mm.FindVma(kAddr + 2 * kPage)->vm_pgoff, 2u);
  EXPECT_EQ(mm.mm_mt().map_count(), 2u);
  EXPECT_EQ(mapping.i_mmap.size(), 2u);
}

TEST_F(MapCountTest, MprotectChangesWhatComesBeforeAHole) {
  MapMany(1);
  EXPECT_THAT(mm.Mprotect(kAddr, 4 * kPage, PROT_NONE), HasErrno(ENOMEM));
  EXPECT_EQ(mm.FindVma(kAddr)->vm_flags & VM_READ, 0u);
}

TEST_F(MapCountTest, MunmapBeyondUserSpaceIsRefused) {
  MapMany(1);
  EXPECT_THAT(mm.Munmap(kAddr + kPage, ~(kPage - 1)), HasErrno(EINVAL));
  EXPECT_EQ(mm.mm_mt().map_count(), 1u);
}

TEST_F(MapCountTest, OffsetsThatNoFileHasAreRefusedSince417) {
  MmapRequest request = Place(0);
  request.pgoff = ~uint64_t{0} - 1;
  EXPECT_THAT(mm.Mmap(request), HasErrno(EOVERFLOW));
  // The last page below 2^63, less one: MAX_LFS_FILESIZE is odd.
  request.pgoff = (uint64_t{1} << 51) - 4;
  EXPECT_THAT(mm.Mmap(request), IsOk());
  ++request.pgoff;
  absl::StatusOr<VmAreaStruct*> beyond = mm.Mmap(request);
  EXPECT_THAT(beyond, HasErrno(EOVERFLOW));
  EXPECT_EQ(beyond.status().message(),
            "offset 9223372036854763520 + length 12288 is beyond "
            "MAX_LFS_FILESIZE, which is 9223372036854775807");
  inode.type = InodeType::kCharDevice;
  EXPECT_THAT(mm.Mmap(request), IsOk());
  request.pgoff = (uint64_t{1} << 52) - 3;
  EXPECT_THAT(mm.Mmap(request), HasErrno(EOVERFLOW));
  MmStruct old((*FindKernelProfile("v4_14"))->fault, mem);
  EXPECT_THAT(old.Mmap(request), IsOk());
}

// Seconds of CPU: what else runs here does not count.
double Seconds(const std::function<void()>& work) {
  double least = 1e9;
  for (int i = 0; i < 3; ++i) {
    const clock_t start = clock();
    work();
    least =
        std::min(least, static_cast<double>(clock() - start) / CLOCKS_PER_SEC);
  }
  return least;
}

// All the calls on each of `nr` mappings, of one file or of none.
void MapChangeAndExit(const FaultProfile& profile, uint64_t nr,
                      std::shared_ptr<File> file) {
  MemMap mem(profile);
  MmStruct mm(profile, mem);
  std::vector<uint64_t> at;
  for (uint64_t i = 0; i < nr; ++i) {
    // Every other one is put into a hole.
    MmapRequest request{.addr = i % 2 != 0 ? 0 : kAddr + i * 4 * kPage,
                        .len = 3 * kPage,
                        .prot = i % 4 < 2 ? PROT_READ : PROT_WRITE,
                        .flags = MAP_PRIVATE,
                        .file = file};
    if (request.addr != 0) request.flags |= MAP_FIXED;
    if (file == nullptr) request.flags |= MAP_ANONYMOUS;
    at.push_back((*mm.Mmap(request))->vm_start);
  }
  for (uint64_t addr : at) {
    ASSERT_THAT(mm.Mprotect(addr, 3 * kPage, PROT_NONE), IsOk());
    ASSERT_THAT(mm.Madvise(addr, 3 * kPage, MADV_DONTNEED), IsOk());
    ASSERT_THAT(mm.Madvise(addr, 3 * kPage, MADV_HUGEPAGE), IsOk());
  }
  for (size_t i = 0; i < at.size(); i += 2) {
    ASSERT_THAT(mm.Munmap(at[i], 3 * kPage), IsOk());
  }
}

TEST_F(MapCountTest, TenTimesTheMappingsAreNotAHundredTimesTheWork) {
  for (const std::shared_ptr<File>& f : {std::shared_ptr<File>(), file}) {
    const double tenth = Seconds([&] { MapChangeAndExit(profile, 6553, f); });
    const double all = Seconds([&] { MapChangeAndExit(profile, 65530, f); });
    // Ten times, and what the processor's caches can not hold.
    EXPECT_LE(all, 25 * tenth)
        << tenth << " s for 6,553 mappings, " << all << " s for 65,530";
    RecordProperty(f == nullptr ? "anonymous" : "one_file",
                   std::to_string(all / tenth));
  }
}

}  // namespace
}  // namespace dmdax
