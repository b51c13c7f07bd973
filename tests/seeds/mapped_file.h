// SPDX-License-Identifier: Apache-2.0
//
// MappedFile: a process, an ordinary file, a tmpfs and a System V segment,
// to be mapped one after the other.
#ifndef DMDAX_TESTS_SEEDS_MAPPED_FILE_H_
#define DMDAX_TESTS_SEEDS_MAPPED_FILE_H_

#include <sys/mman.h>

#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/kernel_profile.h"
#include "mm/shmem.h"
#include "tests/seeds/lab.h"

namespace dmdax::seeds {

// A file that can be mapped by a process of its own.
struct MappedFile {
  explicit MappedFile(const char* kernel)
      : mem((*FindKernelProfile(kernel))->fault),
        tmpfs(mem),
        segment(tmpfs, 16 * k4K),
        mm((*FindKernelProfile(kernel))->fault, mem) {
    mapping.host = &inode;
    inode.i_mapping = &mapping;
    inode.i_size = 64 * k4K;
  }
  std::shared_ptr<File> Open(FileOperations& f_op) {
    auto file = std::make_shared<File>();
    file->path = "f";
    file->f_inode = &inode;
    file->f_mapping = &mapping;
    file->f_op = &f_op;
    return file;
  }
  // At 2 MiB aligned addresses, one after the other.
  absl::StatusOr<VmAreaStruct*> Map(std::shared_ptr<File> file, uint64_t pages,
                                    int flags = MAP_SHARED) {
    next += k2M;
    return mm.Mmap({.addr = next,
                    .len = pages * k4K,
                    .prot = PROT_READ | PROT_WRITE,
                    .flags = flags | MAP_FIXED,
                    .file = std::move(file)});
  }
  std::string MapWords(std::shared_ptr<File> file) {
    const auto vma = Map(std::move(file), 16);
    if (!vma.ok()) return absl::StrCat(Words(vma.status()), "\n");
    return absl::StrCat((*vma)->vm_ops->name(), ": ",
                        HookNames(mm.profile(), (*vma)->vm_ops->hooks()), "\n");
  }
  std::string TouchWords(uint64_t addr, bool write) {
    const FaultOutcome o = mm.Touch(addr, write);
    if (o.sig != 0) return absl::StrCat(Words(mm.profile(), mm, o), "\n");
    return absl::StrCat("returned ", VmFaultText(o.ret), ", min_flt +",
                        o.min_flt, ", maj_flt +", o.maj_flt, "\n");
  }

  Inode inode;
  AddressSpace mapping;
  MemMap mem;
  ShmemFile tmpfs;
  ShmSegment segment;
  uint64_t next = kAddr;
  MmStruct mm;
};

}  // namespace dmdax::seeds

#endif  // DMDAX_TESTS_SEEDS_MAPPED_FILE_H_
