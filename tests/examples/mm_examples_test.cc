// SPDX-License-Identifier: Apache-2.0
//
// The examples of mm/.
#include <sys/mman.h>

#include <iostream>

#include "base/kernel_profile.h"
#include "mm/fault_event.h"
#include "mm/fault_graph.h"
#include "mm/filemap.h"
#include "mm/gup.h"
#include "mm/insert.h"
#include "mm/mm_struct.h"
#include "mm/readahead.h"
#include "mm/shmem.h"
#include "mm/truncate.h"
#include "mm/unmapped_area.h"
#include "mm/vma_tree.h"
#include "tests/examples/examples.h"
#include "tests/fake_driver.h"

namespace dmdax {
namespace {

constexpr uint64_t kAddress = 0x7f0000000000;

// A process that maps a driver's pages, by PMD if the driver can.
class MmExamples : public testing::Test {
 protected:
  MmExamples() {
    mem.AddPagemap(
        {.start = pfn_t{0x100000}, .nr = 4096, .type = MemoryType::kGeneric});
  }
  MmapRequest Request(FileOperations& f_op) {
    file->f_op = &f_op;
    return {.addr = kAddress,
            .len = 4 << 20,
            .prot = PROT_READ | PROT_WRITE,
            .flags = MAP_SHARED | MAP_FIXED,
            .file = file};
  }
  void Map() { ASSERT_THAT(mm.Mmap(Request(driver)), IsOk()); }

  const FaultProfile& profile = (*FindKernelProfile("v6_1"))->fault;
  MemMap mem{profile};
  FakeDriver driver{
      {.pfn = pfn_t{0x100000}, .nr = 4096, .dev_map = true, .s_dax = true}};
  std::shared_ptr<File> file = driver.Open();
  MmStruct mm{profile, mem};
  const uint64_t address = kAddress;
};

TEST_F(MmExamples, FaultEvent) {
  Map();
#include "tests/examples/mm/fault_event.inc"
  EXPECT_FALSE(recorder.events().empty());
}

TEST_F(MmExamples, FaultGraph) {
  FaultRecorder recorder;
  mm.set_recorder(&recorder);
  Map();
  mm.Touch(address, true);
  EXPECT_THAT(FaultGraph(profile, recorder),
              testing::Contains("handle_mm_fault() {"));
#include "tests/examples/mm/fault_graph.inc"
}

TEST_F(MmExamples, FaultReason) {
  FaultOutcome outcome;
  outcome.reason = {.code = FaultReasonCode::kRunMaxSectors,
                    .want = 512,
                    .have = 320,
                    .level = TraceStep{.device = "dm-0", .name = "vg-home"}};
#include "tests/examples/mm/fault_reason.inc"
  EXPECT_EQ(FaultReasonText(reason),
            "the queue's max_sectors of vg-home (dm-0) allows 320 pages a "
            "request, 512 are needed");
}

TEST_F(MmExamples, Filemap) {
#include "tests/examples/mm/filemap.inc"
  EXPECT_THAT(mm.Mmap(Request(f_op)), IsOk());
}

TEST_F(MmExamples, Gup) {
  Map();
  const uint64_t addr = kAddress;
#include "tests/examples/mm/gup.inc"
  EXPECT_EQ(pages->at(0), pfn_t{0x100000});
}

TEST_F(MmExamples, Insert) {
  class Ops : public VmOperations {
    std::string name() const override { return "ops"; }
    unsigned hooks() const override { return kFault; }
    vm_fault_t Fault(VmFault& vmf) override {
      const FlaggedPfn pfn{.pfn = pfn_t{0x100000}, .dev = true, .map = true};
#include "tests/examples/mm/insert.inc"
      return ret;
    }
  } ops;
  Map();
  mm.FindVma(kAddress)->vm_ops = &ops;
  EXPECT_EQ(mm.Touch(kAddress, false).pfn, pfn_t{0x100000});
  ASSERT_THAT(mm.Munmap(kAddress, 4 << 20), IsOk());
}

TEST_F(MmExamples, MmStruct) {
#include "tests/examples/mm/mm_struct.inc"
  ASSERT_THAT(mm.Munmap(0x7ffff7400000, 8 << 20), IsOk());
}

TEST_F(MmExamples, Page) {
#include "tests/examples/mm/page.inc"
  EXPECT_NE(pgmap, nullptr);
}

TEST_F(MmExamples, PageTable) {
  const PteOps ops(profile);
  const Pte huge_entry = ops.MkHuge(ops.MkPte(pfn_t{0x100000}, 0));
#include "tests/examples/mm/page_table.inc"
  EXPECT_EQ(pmd.value(), huge_entry);
  EXPECT_FALSE(table.PteSlot(address, /*alloc=*/true));
}

TEST_F(MmExamples, Pte) {
  const uint64_t vm_flags = VM_READ | VM_SHARED;
#include "tests/examples/mm/pte.inc"
  EXPECT_TRUE(ops.Special(pte));
}

TEST_F(MmExamples, Readahead) {
  // Not called: a fault of a cached file is in tests/iomap/cached_map_test.cc.
  [[maybe_unused]] const auto fault = [](VmFault& vmf,
                                         bool cached) -> vm_fault_t {
#include "tests/examples/mm/readahead.inc"
    return 0;
  };
}

TEST_F(MmExamples, Shmem) {
#include "tests/examples/mm/shmem.inc"
  EXPECT_EQ(segment.nattch(), 1);
  ASSERT_THAT(mm.Munmap(mm.vmas()[0]->vm_start, 64 << 10), IsOk());
}

TEST_F(MmExamples, Truncate) {
  const FaultProfile& profile = DefaultKernelProfile().fault;
  AddressSpace mapping;
#include "tests/examples/mm/truncate.inc"
}

TEST_F(MmExamples, UnmappedArea) {
  const MmapRequest request = Request(driver);
#include "tests/examples/mm/unmapped_area.inc"
  EXPECT_THAT(addr, IsOkAndHolds(kAddress));
}

const FlaggedPfn pfn{.pfn = pfn_t{0x100000}, .dev = true, .map = true};
#include "tests/examples/mm/vm_area.inc"

TEST_F(MmExamples, VmArea) {
  FakeDaxFile f_op;
  file->f_inode->s_dax = true;
  ASSERT_THAT(mm.Mmap(Request(f_op)), IsOk());
  EXPECT_EQ(mm.Touch(kAddress, true).order, 9);
  ASSERT_THAT(mm.Munmap(kAddress, 4 << 20), IsOk());
}

TEST_F(MmExamples, VmFault){
#include "tests/examples/mm/vm_fault.inc"
}

TEST_F(MmExamples, VmaTree) {
#include "tests/examples/mm/vma_tree.inc"
  EXPECT_EQ(tree.map_count(), 0);
}

}  // namespace
}  // namespace dmdax
