// SPDX-License-Identifier: Apache-2.0
//
// LiveMapTest: a DAX file of 8 MiB on a pmem, and a process that maps it.
#ifndef DMDAX_TESTS_IOMAP_LIVE_MAP_TESTING_H_
#define DMDAX_TESTS_IOMAP_LIVE_MAP_TESTING_H_

#include <gtest/gtest.h>
#include <linux/falloc.h>
#include <sys/mman.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "base/kernel_profile.h"
#include "dax/pmem.h"
#include "fs/file_system_type.h"
#include "iomap/dax_inode.h"
#include "mm/mm_struct.h"
#include "tests/testing.h"

namespace dmdax {

inline constexpr uint64_t k2M = 2 << 20;
inline constexpr uint64_t kPage = 4096;
inline constexpr uint64_t kAddr = 0x7ffff7400000;
inline constexpr int kPunch = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;

struct LiveMapTest : testing::Test {
  LiveMapTest() { Use("v6_1", "ext4"); }

  void Use(const char* kernel, const char* fs_name) {
    mm.reset();
    inode.reset();
    const KernelProfile& kernel_profile = **FindKernelProfile(kernel);
    profile = &kernel_profile.fault;
    PmemOptions options;
    options.name = "pmem0";
    options.base = 0x100000000;
    options.size = 64 << 20;
    pmem = *PmemDevice::Create(kernel_profile, options);
    pmem->dax_dev().SetSynchronous();
    mem = std::make_unique<MemMap>(*profile);
    mem->AddPagemap({.start = PhysPfn(options.base), .nr = 16384});
    fs = *MakeFileSystem(fs_name, *profile);
    inode = std::make_unique<DaxInode>(*profile, *mem);
    inode->i_size = 8 << 20;
    inode->s_dax = true;
    inode->dax_dev = &pmem->dax_dev();
    inode->extents.Insert({.physical = k2M, .length = 8 << 20});
    mm = std::make_unique<MmStruct>(*profile, *mem);
    recorder.Clear();
    inode->recorder = &recorder;
  }
  void Map(int prot = PROT_READ | PROT_WRITE, int flags = MAP_SHARED,
           uint64_t len = 8 << 20) {
    ASSERT_THAT(mm->Mmap({.addr = kAddr,
                          .len = len,
                          .prot = prot,
                          .flags = flags | MAP_FIXED,
                          .file = fs->Open(*inode, "f")}),
                IsOk());
  }
  FaultOutcome Read(uint64_t offset) {
    return mm->Touch(kAddr + offset, false);
  }
  FaultOutcome Write(uint64_t offset) {
    return mm->Touch(kAddr + offset, true);
  }
  // 9: a PMD; 0: a page; -1: nothing.
  int OrderAt(uint64_t offset) {
    Pte entry;
    int order = 0;
    return mm->Lookup(kAddr + offset, &entry, &order) ? order : -1;
  }
  int Fallocate(int mode, uint64_t offset, uint64_t length) {
    return fs->Fallocate(*inode, mode, offset, length);
  }
  // "MAPPED 0x3fe000+0x1000" of each lookup, "da" of each access since the
  // last call.
  std::vector<std::string> Events() {
    std::vector<std::string> out;
    for (const FaultEvent& event : recorder.events()) {
      if (event.kind == FaultEventKind::kIomapIterDstmap) {
        out.push_back(absl::StrFormat("%s 0x%x+0x%x",
                                      IomapTypeName(event.iomap_type),
                                      event.offset, event.length));
      } else if (event.kind == FaultEventKind::kDirectAccess) {
        out.push_back("da");
      } else if (event.kind == FaultEventKind::kDaxWritebackOne) {
        out.push_back("flush");
      }
    }
    recorder.Clear();
    return out;
  }

  const FaultProfile* profile = nullptr;
  std::unique_ptr<PmemDevice> pmem;
  std::unique_ptr<MemMap> mem;
  std::unique_ptr<FileSystem> fs;
  std::unique_ptr<DaxInode> inode;
  FaultRecorder recorder;
  std::unique_ptr<MmStruct> mm;
};

using Strings = std::vector<std::string>;

}  // namespace dmdax

#endif  // DMDAX_TESTS_IOMAP_LIVE_MAP_TESTING_H_
