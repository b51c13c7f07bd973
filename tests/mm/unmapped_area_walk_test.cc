// SPDX-License-Identifier: Apache-2.0
//
// Where mmap() puts a mapping, against a walk of all mappings: random calls in
// an address space that is small, so that it fills up.
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <random>
#include <string>
#include <vector>

#include "base/errno_status.h"
#include "base/kernel_profile.h"
#include "mm/mm_struct.h"
#include "mm/unmapped_area.h"

namespace dmdax {
namespace {

constexpr int kCalls = 100'000;

// The walk of arch_get_unmapped_area_topdown() over each mapping.
int64_t WalkAll(MmStruct& mm, uint64_t addr, uint64_t len) {
  const std::vector<VmAreaStruct*> vmas = mm.vmas();
  if (len > mm.task_size) return -ENOMEM;
  const uint64_t hint = addr & mm.profile().page_mask();
  if (hint >= mm.mmap_min_addr && hint <= mm.task_size - len) {
    bool is_free = true;
    for (const VmAreaStruct* vma : vmas) {
      if (hint < vma->vm_end && vma->vm_start < hint + len) is_free = false;
    }
    if (is_free) return static_cast<int64_t>(hint);
  }
  uint64_t end = mm.mmap_base;
  for (auto it = vmas.rbegin(); it != vmas.rend(); ++it) {
    if ((*it)->vm_start >= end) continue;
    if ((*it)->vm_end <= end && end - (*it)->vm_end >= len) break;
    end = (*it)->vm_start;
  }
  if (end < len || end - len < mm.mmap_min_addr) return -ENOMEM;
  return static_cast<int64_t>(end - len);
}

class Provider : public VmOperations, public FileOperations {
 public:
  explicit Provider(UnmappedArea area, uint64_t align)
      : area_(area), align_(align) {}
  std::string name() const override { return "provider"; }
  unsigned hooks() const override { return kFault; }
  int Mmap(File&, VmAreaStruct& vma) override {
    vma.vm_ops = this;
    return 0;
  }
  UnmappedArea unmapped_area() const override { return area_; }
  uint64_t unmapped_align(File&) const override { return align_; }

 private:
  const UnmappedArea area_;
  const uint64_t align_;
};

class RandomCalls : public testing::TestWithParam<std::string> {
 protected:
  RandomCalls() {
    inode_.i_mapping = &mapping_;
    mapping_.host = &inode_;
    inode_.s_dax = true;
    for (Provider* provider : {&plain_, &thp_, &dax_}) {
      auto file = std::make_shared<File>();
      file->f_inode = &inode_;
      file->f_mapping = &mapping_;
      file->f_op = provider;
      files_.push_back(file);
    }
    mm_.mmap_base = 48 * profile_.pmd_size();
    mm_.task_size = 64 * profile_.pmd_size();
  }

  uint64_t Below(uint64_t n) { return random_() % n; }
  uint64_t Pages(uint64_t most) {
    return (1 + Below(most)) << profile_.page_shift;
  }
  uint64_t Address() {
    return Below(mm_.task_size >> profile_.page_shift) << profile_.page_shift;
  }

  MmapRequest Request() {
    MmapRequest r{.len = Pages(Below(4) == 0 ? 600 : 40), .prot = PROT_READ};
    if (Below(8) == 0) r.len = (1 + Below(3)) * profile_.pmd_size();
    r.file = files_[Below(files_.size())];
    if (r.file != nullptr) r.pgoff = Below(2) * Below(2048);
    r.flags = MAP_PRIVATE | (r.file == nullptr ? MAP_ANONYMOUS : 0);
    if (Below(6) == 0) r.addr = Address() + Below(2) * Below(4096);
    return r;
  }

  // GetUnmappedArea() of a request that is not fixed.
  int64_t Expected(const MmapRequest& r) {
    const PlainArea plain = [&](uint64_t addr, uint64_t len) {
      return WalkAll(mm_, addr, len);
    };
    const uint64_t off = r.pgoff << profile_.page_shift;
    const uint64_t size = profile_.pmd_size();
    int64_t ret = 0;
    if (r.file == files_[2]) {
      ret = DaxUnmappedAddress(plain, r.addr, r.len, off, size);
    } else if (r.file == files_[1]) {
      ret = ThpUnmappedAddress(profile_, plain, r.addr, r.len, off, size);
    } else if (r.addr == 0 && r.len % size == 0 &&
               (r.file == nullptr ? profile_.anon_thp_aligned
                                  : profile_.plain_file_thp_aligned)) {
      ret = ThpUnmappedAddress(profile_, plain, 0, r.len, off, size);
    }
    return ret == 0 ? plain(r.addr, r.len) : ret;
  }

  void MapAnywhere() {
    const MmapRequest r = Request();
    const int64_t expected = Expected(r);
    absl::StatusOr<VmAreaStruct*> vma = mm_.Mmap(r);
    if (vma.ok()) {
      ASSERT_EQ(static_cast<int64_t>((*vma)->vm_start), expected);
    } else {
      ASSERT_EQ(-ErrnoOf(vma.status()), expected);
      ++refused_;
    }
  }

  void MapFixed() {
    MmapRequest r = Request();
    r.addr = Address();
    r.flags |= Below(3) == 0 ? MAP_FIXED_NOREPLACE : MAP_FIXED;
    mm_.Mmap(r).IgnoreError();
  }

  void Change() {
    switch (Below(10)) {
      case 0:
      case 1:
        return MapFixed();
      case 2:
        return mm_.Mprotect(Address(), Pages(60), PROT_NONE).IgnoreError();
      case 3:
        return mm_.Madvise(Address(), Pages(60), MADV_HUGEPAGE).IgnoreError();
      case 4:
      case 5:
      case 6:
        return mm_.Munmap(Address(), Pages(900)).IgnoreError();
      default:
        MapAnywhere();
    }
  }

  const FaultProfile& profile_ = (*FindKernelProfile(GetParam()))->fault;
  std::mt19937_64 random_{17};
  Inode inode_;
  AddressSpace mapping_;
  Provider plain_{FileOperations::UnmappedArea::kNone, 0};
  Provider thp_{FileOperations::UnmappedArea::kThp, 0};
  Provider dax_{FileOperations::UnmappedArea::kDax, profile_.pmd_size()};
  std::vector<std::shared_ptr<File>> files_;  // as above; the last is null
  MemMap mem_{profile_};
  MmStruct mm_{profile_, mem_};
  int refused_ = 0;
};

TEST_P(RandomCalls, EveryAnswerIsThatOfTheWalk) {
  files_.push_back(nullptr);
  size_t most = 0;
  for (int i = 0; i < kCalls && !HasFatalFailure(); ++i) {
    Change();
    most = std::max(most, mm_.mm_mt().map_count());
  }
  // It was crowded, and full at times.
  EXPECT_GT(most, 100u);
  EXPECT_GT(refused_, 100);
  uint64_t end = 0;
  for (const VmAreaStruct* vma : mm_.vmas()) {
    EXPECT_LE(end, vma->vm_start);
    EXPECT_LT(vma->vm_start, vma->vm_end);
    end = vma->vm_end;
  }
}

std::vector<std::string> ProfileNames() {
  std::vector<std::string> names;
  for (const KernelProfile& profile : AllKernelProfiles()) {
    names.push_back(profile.name);
  }
  return names;
}

INSTANTIATE_TEST_SUITE_P(Kernels, RandomCalls,
                         testing::ValuesIn(ProfileNames()),
                         [](const auto& test) { return test.param; });

}  // namespace
}  // namespace dmdax
