// SPDX-License-Identifier: Apache-2.0
//
// Shared memory: shmem (tmpfs) files, and System V segments, whose mappings
// borrow shmem's operations and forward to them.  They wait for a verb: no
// command maps one yet, only tests/seeds and tests/mm do.
//
//   ShmemFile tmpfs(mem);
//   std::shared_ptr<File> file = tmpfs.Create(1 << 20);
//
//   ShmSegment segment(tmpfs, 64 << 10);
//   mm.Mmap({.len = 64 << 10, .prot = PROT_READ, .flags = MAP_SHARED,
//            .file = segment.Attach()});      // shmat()
//
// shm_vm_ops has no map_pages, so sixteen sequential reads are sixteen
// faults; a shmem mapping gets its neighbours by fault-around.
//
// Mirrors: mm/shmem.c shmem_mmap, shmem_fault; ipc/shm.c shm_mmap, shm_fault,
// __shm_open (6.1).  Threading: thread-compatible.
#ifndef DMDAX_MM_SHMEM_H_
#define DMDAX_MM_SHMEM_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "mm/vm_area.h"

namespace dmdax {

class ShmemFile final : public FileOperations {
 public:
  explicit ShmemFile(MemMap& mem);
  ~ShmemFile() override;

  // A file of `size` bytes: shmem_kernel_file_setup() makes it unlinked, a
  // file of a tmpfs has a link.
  std::shared_ptr<File> Create(uint64_t size, unsigned nlink = 0);

  std::string name() const override { return "shmem_file_operations"; }
  int Mmap(File& file, VmAreaStruct& vma) override;
  // Hole punching in progress: faults in the range wait (NOPAGE).
  bool punching = false;

  // shmem_vm_ops: fault, map_pages, set_policy, get_policy.  Unlinked files
  // have the same as shmem_anon_vm_ops since 6.2.
  VmOperations& vm_ops();

 private:
  class VmOps;
  struct Backing {
    Inode inode;
    AddressSpace mapping;
  };
  std::unique_ptr<VmOps> vm_ops_;
  std::unique_ptr<VmOps> anon_vm_ops_;
  std::vector<std::unique_ptr<Backing>> files_;
};

// struct shmid_kernel and struct shm_file_data.
class ShmSegment final : public FileOperations {
 public:
  ShmSegment(ShmemFile& shmem, uint64_t size);
  // A segment over another file: SHM_HUGETLB has one of hugetlbfs.
  explicit ShmSegment(std::shared_ptr<File> file);
  ~ShmSegment() override;

  // do_shmat(): the file whose mmap attaches the segment.
  std::shared_ptr<File> Attach();
  // shmctl(IPC_RMID): later attaches are EIDRM.
  void Remove() { removed_ = true; }
  int nattch() const { return nattch_; }

  // shm_mmap(): counts the attach, lets the shmem file map, keeps its
  // operations and puts shm_vm_ops in front.  -EIDRM, -EINVAL, or what the
  // file's mmap said, with the attach undone.
  int Mmap(File& file, VmAreaStruct& vma) override;
  std::string name() const override { return "shm_file_operations"; }

  // sfd->vm_ops: what was saved by the last mmap; null before.
  VmOperations* saved_vm_ops() const { return saved_; }

 private:
  class VmOps;
  std::unique_ptr<VmOps> vm_ops_;
  std::shared_ptr<File> file_;  // sfd->file
  VmOperations* saved_ = nullptr;
  bool removed_ = false;
  int nattch_ = 0;
};

}  // namespace dmdax

#endif  // DMDAX_MM_SHMEM_H_
