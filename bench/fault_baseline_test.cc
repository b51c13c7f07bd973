// SPDX-License-Identifier: Apache-2.0
//
// The baseline of faults must be right before it may be slow.
#include "bench/fault_baseline.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace dmdax::bench {
namespace {

constexpr uint64_t kBase = uint64_t{1} << 32;
constexpr uint64_t kHuge = uint64_t{2} << 20;
constexpr uint64_t kAt = uint64_t{1} << 40;

TEST(FaultBaseline, MapsWhatTheExtentsSay) {
  KernelBaseline kernel(ReadSide::kNone);
  BaselineDax* pmem = kernel.AddPmem(kBase, 8 * kHuge);
  // 2 MiB at once, off by a page, a hole, and not written.
  BaselineFile file(pmem, BaselineFs::kExt4, 4 * kHuge,
                    {{0, 3 * kHuge, kHuge, false},
                     {kHuge, kHuge + 4096, kHuge, false},
                     {3 * kHuge, 0, kHuge, true}});
  FaultBaseline process;
  process.Map({.start = kAt - kHuge, .end = kAt});
  process.Map({.start = kAt, .end = kAt + 4 * kHuge, .file = &file});
  const uint64_t pfn = kBase / 4096;
  EXPECT_EQ(process.Touch(kAt + 8192, true), pfn + 3 * 512 + 2);
  EXPECT_EQ(process.Touch(kAt + kHuge, false), pfn + 512 + 1);
  EXPECT_EQ(process.Touch(kAt + 2 * kHuge + 4096, false),
            FaultBaseline::kHugeZeroPfn + 1);
  EXPECT_EQ(process.Touch(kAt + 3 * kHuge, true), pfn);
  // No file, and no mapping.
  EXPECT_EQ(process.Touch(kAt - 4096, false), 0u);
  EXPECT_EQ(process.Touch(kAt + 4 * kHuge, false), 0u);
  process.Reset();
  file.Reset();
  EXPECT_EQ(process.Touch(kAt + 4096, false), pfn + 3 * 512 + 1);
}

TEST(FaultBaseline, ADeviceMapsWhatItIsAlignedTo) {
  BaselineDevDax dax(kBase, 4 * kHuge, 9);
  FaultBaseline process;
  process.Map({.start = kAt, .end = kAt + 4 * kHuge, .file = &dax});
  EXPECT_EQ(process.Touch(kAt + kHuge + 4096, true), kBase / 4096 + 513);
}

// Against a map: single entries, and those of 512 pages.
TEST(Xarray, KeepsWhatIsStored) {
  Xarray pages;
  std::map<uint64_t, uint64_t> map;
  std::mt19937_64 random(1);
  for (uint64_t i = 1; i < 5000; ++i) {
    const uint64_t index = random() % (1 << 20);
    const uint64_t first = index & ~uint64_t{511};
    const bool huge = i % 3 == 0;
    const auto next = map.lower_bound(first);
    const bool taken = next != map.end() && next->first < first + 512;
    // What is huge keeps its place, and what is not too.
    if (taken && (huge || pages.Load(first) != 0)) continue;
    const uint64_t value = i * 2 + 1;
    pages.Store(huge ? first : index, huge ? 9 : 0, value);
    for (uint64_t page = 0; page < (huge ? 512 : 1); ++page) {
      map[(huge ? first : index) + page] = value;
    }
  }
  for (uint64_t index = 0; index < 1 << 20; index += 37) {
    const auto it = map.find(index);
    ASSERT_EQ(pages.Load(index), it == map.end() ? 0 : it->second) << index;
  }
}

}  // namespace
}  // namespace dmdax::bench
