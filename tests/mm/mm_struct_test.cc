// SPDX-License-Identifier: Apache-2.0
#include "mm/mm_struct.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>

#include "base/kernel_profile.h"
#include "mm/filemap.h"
#include "tests/testing.h"

namespace dmdax {
namespace {

// A handler that answers what it is told to.
class OneAnswer : public VmOperations, public FileOperations {
 public:
  std::string name() const override { return "one_answer"; }
  unsigned hooks() const override { return kFault; }
  int Mmap(File&, VmAreaStruct& vma) override {
    vma.vm_ops = this;
    return 0;
  }
  vm_fault_t Fault(VmFault& vmf) override {
    ++calls;
    vmf.page = page;
    vmf.has_page = true;
    vmf.page_lock = lock;
    return answer;
  }
  vm_fault_t answer = 0;
  pfn_t page{};
  PageLock lock = PageLock::kAsReturned;
  int calls = 0;
};

struct MmStructTest : testing::Test {
  MmStructTest() { Use("v6_1"); }
  void Use(const char* name) {
    mm.reset();
    mem.reset();
    profile = &(*FindKernelProfile(name))->fault;
    mem = std::make_unique<MemMap>(*profile);
    mm = std::make_unique<MmStruct>(*profile, *mem);
    inode.i_mapping = &mapping;
    mapping.host = &inode;
    inode.i_size = 1 << 20;
    file = std::make_shared<File>();
    file->f_inode = &inode;
    file->f_mapping = &mapping;
    file->f_op = &ops;
    ops.page = mem->AllocRam();
  }
  uint64_t Map(int prot, int flags) {
    absl::StatusOr<VmAreaStruct*> vma =
        mm->Mmap({.len = 65536, .prot = prot, .flags = flags, .file = file});
    EXPECT_THAT(vma, IsOk());
    return (*vma)->vm_start;
  }

  const FaultProfile* profile = nullptr;
  std::unique_ptr<MemMap> mem;
  Inode inode;
  AddressSpace mapping;
  std::shared_ptr<File> file;
  OneAnswer ops;
  std::unique_ptr<MmStruct> mm;
};

TEST_F(MmStructTest, APageWithoutLockedIsLockedAndMapped) {
  const uint64_t addr = Map(PROT_READ, MAP_SHARED);
  ops.answer = 0;
  const FaultOutcome outcome = mm->Touch(addr, false);
  EXPECT_EQ(outcome.ret, 0u);
  EXPECT_EQ(outcome.pfn, ops.page);
  EXPECT_EQ(outcome.min_flt, 1);
  EXPECT_EQ(mem->Mapcount(ops.page), 1);
  EXPECT_EQ(mm->rss_file, 1);
  ASSERT_THAT(mm->Munmap(addr, 65536), IsOk());
  EXPECT_EQ(mem->Mapcount(ops.page), 0);
  EXPECT_EQ(mm->rss_file, 0);
}

TEST_F(MmStructTest, APoisonedPageIsBusMceerrAr) {
  const uint64_t addr = Map(PROT_READ, MAP_SHARED);
  mem->SetHwPoison(ops.page, true);
  ops.answer = 0;
  const FaultOutcome outcome = mm->Touch(addr, false);
  EXPECT_EQ(outcome.sig, SIGBUS);
  EXPECT_EQ(outcome.si_code, 4);
  EXPECT_EQ(outcome.sig_addr_lsb, 12);
  EXPECT_EQ(outcome.reason.code, FaultReasonCode::kHwpoisonPage);
}

TEST_F(MmStructTest, ACleanPoisonedCachePageIsReadAgainSince518) {
  const uint64_t addr = Map(PROT_READ, MAP_SHARED);
  mem->SetHwPoison(ops.page, true);
  mapping.pages[0] = ops.page;
  ops.answer = VM_FAULT_LOCKED;
  VmAreaStruct& vma = *mm->FindVma(addr);
  EXPECT_EQ(mm->HandleMmFault(vma, addr, FAULT_FLAG_USER), VM_FAULT_NOPAGE);
  EXPECT_TRUE(mapping.pages.empty());
}

TEST_F(MmStructTest, AHandlerWithoutMapPagesNeedsTheWholeLock) {
  Use("v6_12");
  const uint64_t addr = Map(PROT_READ, MAP_SHARED);
  FaultRecorder recorder;
  mm->set_recorder(&recorder);
  ops.answer = VM_FAULT_LOCKED;
  EXPECT_EQ(mm->Touch(addr, false).min_flt, 1);
  EXPECT_EQ(ops.calls, 1);
  std::vector<int64_t> rets;
  for (const FaultEvent& event : recorder.events()) {
    if (event.kind == FaultEventKind::kHandleMmFaultRet) {
      rets.push_back(event.ret);
    }
  }
  EXPECT_EQ(rets, (std::vector<int64_t>{VM_FAULT_RETRY, VM_FAULT_LOCKED}));
}

TEST_F(MmStructTest, LockedWithoutTheLockIsABug) {
  const uint64_t addr = Map(PROT_READ, MAP_SHARED);
  ops.answer = VM_FAULT_LOCKED;
  ops.lock = PageLock::kUnlocked;
  EXPECT_EQ(mm->Touch(addr, false).bug, "!PageLocked(vmf->page)");
  ops.lock = PageLock::kLocked;
  EXPECT_EQ(mm->Touch(addr, false).bug, "");
}

TEST_F(MmStructTest, SegmentationFaults) {
  EXPECT_EQ(mm->Touch(0x1000, false).sig, SIGSEGV);
  const uint64_t addr = Map(PROT_READ, MAP_SHARED);
  const FaultOutcome outcome = mm->Touch(addr, true);
  EXPECT_EQ(outcome.sig, SIGSEGV);
  EXPECT_EQ(outcome.si_code, 2);
  EXPECT_EQ(outcome.reason.code, FaultReasonCode::kVmaAccess);
}

TEST_F(MmStructTest, APrivateWriteIsACopyThatStays) {
  const uint64_t addr = Map(PROT_READ | PROT_WRITE, MAP_PRIVATE);
  ops.answer = VM_FAULT_LOCKED;
  const FaultOutcome first = mm->Touch(addr, true);
  EXPECT_NE(first.pfn, ops.page);
  EXPECT_EQ(mm->rss_anon, 1);
  ASSERT_THAT(mm->Mprotect(addr, 4096, PROT_READ), IsOk());
  ASSERT_THAT(mm->Mprotect(addr, 4096, PROT_READ | PROT_WRITE), IsOk());
  // Nobody else has it: used again, not copied again.
  EXPECT_EQ(mm->Touch(addr, true).pfn, first.pfn);
}

TEST_F(MmStructTest, MmapErrors) {
  EXPECT_THAT(mm->Mmap({.len = 0, .flags = MAP_SHARED, .file = file}),
              HasErrno(EINVAL));
  file->writable = false;
  EXPECT_THAT(
      mm->Mmap(
          {.len = 4096, .prot = PROT_WRITE, .flags = MAP_SHARED, .file = file}),
      HasErrno(EACCES));
  EXPECT_THAT(mm->Mmap({.len = 4096,
                        .prot = PROT_READ,
                        .flags = MAP_SHARED_VALIDATE | MAP_SYNC,
                        .file = file}),
              HasErrno(EOPNOTSUPP));
  file->writable = true;
  file->readable = false;
  for (int type : {MAP_SHARED, MAP_SHARED_VALIDATE, MAP_PRIVATE}) {
    EXPECT_THAT(
        mm->Mmap(
            {.len = 4096, .prot = PROT_WRITE, .flags = type, .file = file}),
        HasErrno(EACCES));
  }
}

TEST_F(MmStructTest, WhatIsNotValidatedIgnoresFlagsButKeepsSync) {
  for (int type : {MAP_SHARED, MAP_PRIVATE}) {
    const uint64_t addr = Map(PROT_READ, type | MAP_SYNC);
    EXPECT_TRUE(mm->FindVma(addr)->vm_flags & VM_SYNC);
  }
  // 4.14 has no such flag.
  Use("v4_14");
  EXPECT_FALSE(mm->FindVma(Map(PROT_READ, MAP_SHARED | MAP_SYNC))->vm_flags &
               VM_SYNC);
}

TEST_F(MmStructTest, ValidatedFlagsAreThoseOfOldAndWhatTheFileAdds) {
  const auto validated = [&](int flags, uint64_t addr = 0) {
    return mm->Mmap({.addr = addr,
                     .len = 4096,
                     .prot = PROT_READ,
                     .flags = MAP_SHARED_VALIDATE | flags,
                     .file = file});
  };
  EXPECT_THAT(validated(MAP_NORESERVE | MAP_LOCKED), IsOk());
  EXPECT_THAT(validated(MAP_SYNC), HasErrno(EOPNOTSUPP));
  EXPECT_THAT(validated(MAP_FIXED_NOREPLACE, 1 << 20), HasErrno(EOPNOTSUPP));
  // There is no file that could say what it knows.
  EXPECT_THAT(mm->Mmap({.len = 4096,
                        .prot = PROT_READ,
                        .flags = MAP_SHARED_VALIDATE | MAP_ANONYMOUS}),
              HasErrno(EINVAL));
}

TEST_F(MmStructTest, PopulateDoesNothingWithNonblock) {
  ops.answer = VM_FAULT_LOCKED;
  Map(PROT_READ, MAP_SHARED | MAP_POPULATE | MAP_NONBLOCK);
  EXPECT_EQ(ops.calls, 0);
  Map(PROT_READ, MAP_SHARED | MAP_POPULATE);
  EXPECT_GT(ops.calls, 0);
}

TEST_F(MmStructTest, MadvisePopulateCameWith514) {
  Use("v5_10");
  const uint64_t addr = Map(PROT_READ, MAP_SHARED);
  EXPECT_THAT(mm->Madvise(addr, 4096, 22), HasErrno(EINVAL));
  Use("v6_1");
  const uint64_t again = Map(PROT_READ, MAP_SHARED);
  ops.answer = VM_FAULT_LOCKED;
  EXPECT_THAT(mm->Madvise(again, 8192, 22), IsOk());
  EXPECT_EQ(ops.calls, 2);
  ops.answer = VM_FAULT_SIGBUS;
  EXPECT_THAT(mm->Madvise(again + 8192, 4096, 22), HasErrno(EFAULT));
}

TEST_F(MmStructTest, AnonymousMemoryReadsTheZeroPage) {
  absl::StatusOr<VmAreaStruct*> vma =
      mm->Mmap({.len = 8192,
                .prot = PROT_READ | PROT_WRITE,
                .flags = MAP_PRIVATE | MAP_ANONYMOUS});
  ASSERT_THAT(vma, IsOk());
  EXPECT_TRUE(mm->Touch((*vma)->vm_start, false).zero_page);
  EXPECT_FALSE(mm->Touch((*vma)->vm_start, true).zero_page);
}

}  // namespace
}  // namespace dmdax
