// SPDX-License-Identifier: Apache-2.0
//
// A file that is not DAX, mapped shared and writable: 4 MiB at kAddr.
#ifndef DMDAX_TESTS_IOMAP_CACHED_MAP_TESTING_H_
#define DMDAX_TESTS_IOMAP_CACHED_MAP_TESTING_H_

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstdint>
#include <memory>
#include <optional>

#include "base/kernel_profile.h"
#include "fs/file_system_type.h"
#include "iomap/dax_inode.h"
#include "mm/filemap.h"
#include "mm/mm_struct.h"
#include "tests/testing.h"

namespace dmdax {

inline constexpr uint64_t kPage = 4096;
inline constexpr uint64_t kAddr = 0x7ffff7400000;

struct CachedMapTest : testing::Test {
  void Use(const char* kernel, const char* fs_name) {
    mm.reset();
    inode.reset();
    profile = &(*FindKernelProfile(kernel))->fault;
    mem = std::make_unique<MemMap>(*profile);
    fs = *MakeFileSystem(fs_name, *profile);
    inode = std::make_unique<DaxInode>(*profile, *mem);
    inode->i_size = 4 << 20;
    inode->allocator = &blocks;
    blocks.Add({.physical = 32 << 20, .length = 4 << 20});
    mm = std::make_unique<MmStruct>(*profile, *mem);
    inode->mapping.a_ops = fs.get();
    if (ra_pages) inode->ra_pages = *ra_pages;
    ASSERT_THAT(mm->Mmap({.addr = kAddr,
                          .len = 4 << 20,
                          .prot = PROT_READ | PROT_WRITE,
                          .flags = MAP_SHARED | MAP_FIXED,
                          .file = fs->Open(*inode, "f")}),
                IsOk());
  }
  FaultOutcome Read(uint64_t page) {
    return mm->Touch(kAddr + page * kPage, false);
  }
  FaultOutcome Write(uint64_t page) {
    return mm->Touch(kAddr + page * kPage, true);
  }
  bool Cached(uint64_t page) { return inode->mapping.pages.contains(page); }
  int PresentIn2M(uint64_t page) {
    const uint64_t first = page / 512 * 512;
    int present = 0;
    for (uint64_t i = first; i < first + 512; ++i) {
      present += mm->ReadPagemap(kAddr + i * kPage).present;
    }
    return present;
  }

  std::optional<uint64_t> ra_pages;  // of the device, where it is not usual
  const FaultProfile* profile = nullptr;
  ExtentListAllocator blocks;
  std::unique_ptr<MemMap> mem;
  std::unique_ptr<FileSystem> fs;
  std::unique_ptr<DaxInode> inode;
  std::unique_ptr<MmStruct> mm;
};

}  // namespace dmdax

#endif  // DMDAX_TESTS_IOMAP_CACHED_MAP_TESTING_H_
