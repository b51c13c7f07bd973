// SPDX-License-Identifier: Apache-2.0
//
// The examples of process/ and process/sweep/.
#include <sys/mman.h>

#include <iostream>

#include "base/kernel_profile.h"
#include "process/block_claims.h"
#include "process/dev_dax_options.h"
#include "process/field_error.h"
#include "process/file_options.h"
#include "process/mount_point.h"
#include "process/place_file.h"
#include "process/scan/ext_scan.h"
#include "process/sweep/dax_sweep.h"
#include "process/sweep/extent_cursor.h"
#include "process/sweep/short_answers.h"
#include "process/sweep/sweep_cells.h"
#include "process/sweep/sweep_outcomes.h"
#include "process/sweep/sweep_probe.h"
#include "process/sweep/would_fault.h"
#include "process/task.h"
#include "process/user_space.h"
#include "process/vma_words.h"
#include "tests/examples/examples.h"

namespace dmdax {
namespace {

// An ext4 with a file of 16 MiB, mounted at /mnt0.
class ProcessExamples : public testing::Test {
 protected:
  ProcessExamples() {
    MountPoint* m =
        *user_space.Mount({.path = "/mnt0",
                           .request = {.type = "ext4", .options = "dax=always"},
                           .claim = DeviceClaim::kShared},
                          *bdev);
    EXPECT_THAT(m->AddFile({.name = "f", .extents = {{.length = 16 << 20}}}),
                IsOk());
    file = *user_space.Open("/mnt0/f");
  }
  const KernelProfile& profile = DefaultKernelProfile();
  const FaultProfile& faults = DefaultKernelProfile().fault;
  Machine machine{profile};
  BlockDevice* bdev =
      machine.AddPmem({.name = "pmem0", .base = 1ull << 32, .size = 64 << 20})
          .value();
  UserSpace user_space{machine, faults};
  MemMap& mem = user_space.mem();
  KernelLog& log = machine.log();
  std::shared_ptr<File> file;
};

TEST_F(ProcessExamples, BlockClaims) {
  MountedFiles files;
#include "tests/examples/process/block_claims.inc"
  EXPECT_EQ(FieldOf(s), "extent[1].physical");
}

TEST_F(ProcessExamples, DevDaxOptions) {
#include "tests/examples/process/dev_dax_options.inc"
  EXPECT_THAT(s, HasErrno(EINVAL, "align 5: 4096, 2097152 or 1073741824"));
  EXPECT_EQ(FieldOf(s), "align");
}

TEST_F(ProcessExamples, ExtScan) {
#include "tests/examples/process/scan/ext_scan.inc"
  EXPECT_THAT(fs.status(), HasErrno(EINVAL));
}

TEST_F(ProcessExamples, FieldError){
#include "tests/examples/process/field_error.inc"
}

TEST_F(ProcessExamples, FileOptions) {
#include "tests/examples/process/file_options.inc"
  EXPECT_THAT(s, HasErrno(EINVAL,
                          "physical 5: not a multiple of 4096 bytes; nearest "
                          "are 0 and 4096"));
}

TEST_F(ProcessExamples, MountPoint) {
  ASSERT_THAT(user_space.Unmount("/mnt0"), IsOk());
#include "tests/examples/process/mount_point.inc"
  EXPECT_EQ(file->path, "/mnt/f");
}

TEST_F(ProcessExamples, PlaceFile) {
  UsedBlocks used;
#include "tests/examples/process/place_file.inc"
  ASSERT_THAT(best, IsOk());
  ASSERT_EQ(best->size(), 1u);
  EXPECT_EQ(best->front().physical, 2u << 20);
  EXPECT_EQ(best->front().length, 64u << 20);
  ASSERT_THAT(worst, IsOk());
  ASSERT_EQ(worst->size(), 1u);
  EXPECT_EQ(worst->front().physical, (2u << 20) + 4096);
  // Around what somebody has.
  used.Add(BlockSharing::kOwned, 5 << 20, 1 << 20);
  best = PlaceFile(8 << 20, Placement::kAligned, {.end = 1 << 30}, used);
  ASSERT_THAT(best, IsOk());
  ASSERT_EQ(best->size(), 2u);
  EXPECT_EQ(best->at(0).length, 2u << 20);
  EXPECT_EQ(best->at(1).logical, 2u << 20);
  EXPECT_EQ(best->at(1).physical, 6u << 20);
  // A gap in which no huge page has room is left.
  used.Add(BlockSharing::kOwned, (2 << 20) + 4096, (3 << 20) - 4096);
  best = PlaceFile(8 << 20, Placement::kAligned, {.end = 1 << 30}, used);
  ASSERT_THAT(best, IsOk());
  ASSERT_EQ(best->size(), 1u);
  EXPECT_EQ(best->front().physical, 6u << 20);
  // All or nothing.
  for (const uint64_t size : {uint64_t{64} << 20, ~uint64_t{0}}) {
    EXPECT_EQ(
        ErrnoOf(PlaceFile(size, Placement::kWorst, {.end = 32 << 20}, used)
                    .status()),
        ENOSPC);
  }
}

TEST_F(ProcessExamples, Task){
#include "tests/examples/process/task.inc"
}

TEST_F(ProcessExamples, UserSpace) {
  ASSERT_THAT(user_space.Unmount("/mnt0"), IsOk());
#include "tests/examples/process/user_space.inc"
  EXPECT_EQ(task.mm().vmas().size(), 1);
}

TEST_F(ProcessExamples, VmaWords) {
  VmAreaStruct vma;
  vma.vm_file = std::make_shared<File>();
  vma.vm_file->writable = false;
#include "tests/examples/process/vma_words.inc"
  EXPECT_THAT(prot, IsOkAndHolds(PROT_READ | PROT_EXEC));
  EXPECT_THAT(s, IsOk());
}

TEST_F(ProcessExamples, DaxSweep) {
  UserSpace& user = user_space;
  uint64_t used = 0;
  const auto Use = [&](const SweepRange& r) { return (used += r.slots) > 0; };
#include "tests/examples/process/sweep/dax_sweep.inc"
  EXPECT_EQ(used, 8);
}

TEST_F(ProcessExamples, SweepCells) {
  const SweepAccess access;
  const uint64_t pages = 4096;
  uint64_t end = 0;
  const auto Look = [&](const SweepCell& cell) { end = cell.end; };
#include "tests/examples/process/sweep/sweep_cells.inc"
  EXPECT_EQ(end, pages);
}

TEST_F(ProcessExamples, SweepOutcomes) {
  DaxSweep sweep;
  SweepOutcome outcome{.order = 9};
  const uint64_t slot = 7;
#include "tests/examples/process/sweep/sweep_outcomes.inc"
  EXPECT_EQ(number, 0u);
  EXPECT_EQ(outcomes.Add({.order = 9}, 8), 0u);
  EXPECT_EQ(outcomes.Add({.order = 9, .zero_page = true}, 9), 1u);
  EXPECT_EQ(sweep.totals[0].first, 7u);
}

TEST_F(ProcessExamples, ExtentCursor) {
  FileExtents extents;
  extents.Insert({.logical = 0, .physical = 4096, .length = 8192});
#include "tests/examples/process/sweep/extent_cursor.inc"
  EXPECT_EQ(extent.physical, 4096u);
  EXPECT_EQ(end, 8192u);
}

TEST_F(ProcessExamples, ShortAnswers) {
  int touched = 0;
  const auto Touch = [&](uint64_t) { ++touched; };
  const auto Use = [](const FaultReason&) {};
#include "tests/examples/process/sweep/short_answers.inc"
  EXPECT_EQ(answer.kind, ShortAnswer::Kind::kPmd);
  EXPECT_EQ(touched, 0);
}

TEST_F(ProcessExamples, SweepProbe) {
  const SweepAccess access;
#include "tests/examples/process/sweep/sweep_probe.inc"
  EXPECT_EQ(outcome.order, 9);
}

TEST_F(ProcessExamples, WouldFault) {
  UserSpace& user = user_space;
  const std::vector<uint64_t> offsets = {0, 4096, 8 << 20};
#include "tests/examples/process/sweep/would_fault.inc"
  EXPECT_EQ(answer.order, 9);
  EXPECT_EQ(verdicts[1].pfn, verdicts[0].pfn + 1);
}

}  // namespace
}  // namespace dmdax
