// SPDX-License-Identifier: Apache-2.0
//
// A first touch allocates nothing when nobody listens: no text, no event, no
// reason that was not asked for.
#include <cstddef>
#include <cstdlib>
#include <new>

#include "base/kernel_profile.h"
#include "gtest/gtest.h"
#include "process/user_space.h"

namespace {

size_t allocations = 0;

}  // namespace

void* operator new(size_t bytes) {
  ++allocations;
  void* memory = malloc(bytes > 0 ? bytes : 1);
  if (memory == nullptr) abort();
  return memory;
}
void operator delete(void* memory) noexcept { free(memory); }
void operator delete(void* memory, size_t) noexcept { free(memory); }

namespace dmdax {
namespace {

constexpr uint64_t kMiB = 1 << 20;
constexpr uint64_t kHuge = 2 * kMiB;
constexpr uint64_t kLength = 32 * kMiB;
constexpr uint64_t kStart = uint64_t{1} << 42;

class TouchAllocationsTest : public testing::Test {
 protected:
  TouchAllocationsTest()
      : machine_(DefaultKernelProfile()),
        user_(machine_, DefaultKernelProfile().fault) {
    BlockDevice* pmem = *machine_.AddPmem(
        {.name = "pmem0", .base = uint64_t{1} << 32, .size = 64 * kMiB});
    MountPoint* mount = *user_.Mount(
        {.path = "/mnt", .request = {.type = "ext4", .options = "dax=always"}},
        *pmem);
    const bool added =
        mount
            ->AddFile({.name = "f",
                       .extents = {{.physical = kHuge, .length = kLength}}})
            .ok();
    EXPECT_TRUE(added);
  }

  // A new process that has the file mapped, and its first page touched: the
  // tables above are there.
  MmStruct& Process(uint32_t pid, VmaHuge huge) {
    Task& task = **user_.AddTask(pid);
    EXPECT_TRUE(task.Map({.file = *user_.Open("/mnt/f"),
                          .length = kLength,
                          .address = kStart,
                          .huge = huge})
                    .ok());
    task.mm().set_recorder(nullptr);
    task.mm().reasons = FaultReasons::kNone;
    EXPECT_TRUE(task.mm().Touch(kStart, /*write=*/true).faulted);
    return task.mm();
  }

  // Of touches of so many pages, `step` bytes apart, each of which faults.
  static size_t AllocationsOf(MmStruct& mm, uint64_t step, int pages,
                              int order) {
    const size_t before = allocations;
    size_t right = 0;
    for (int i = 1; i <= pages; ++i) {
      const FaultOutcome outcome = mm.Touch(kStart + i * step, /*write=*/true);
      right += outcome.faulted && outcome.sig == 0 && outcome.order == order;
    }
    const size_t made = allocations - before;
    EXPECT_EQ(right, static_cast<size_t>(pages));
    return made;
  }

  Machine machine_;
  UserSpace user_;
};

TEST_F(TouchAllocationsTest, HugePages) {
  // The first process leaves the DAX entries behind.
  AllocationsOf(Process(1, VmaHuge::kDefault), kHuge, 15, 9);
  EXPECT_EQ(AllocationsOf(Process(2, VmaHuge::kDefault), kHuge, 15, 9), 0u);
}

TEST_F(TouchAllocationsTest, SinglePages) {
  AllocationsOf(Process(1, VmaHuge::kNohugepage), kPageSize, 64, 0);
  EXPECT_EQ(AllocationsOf(Process(2, VmaHuge::kNohugepage), kPageSize, 64, 0),
            0u);
}

TEST_F(TouchAllocationsTest, WhoListensPaysForIt) {
  MmStruct& mm = Process(1, VmaHuge::kDefault);
  FaultRecorder recorder;
  mm.set_recorder(&recorder);
  EXPECT_GT(AllocationsOf(mm, kHuge, 15, 9), 15u);
}

}  // namespace
}  // namespace dmdax
