// SPDX-License-Identifier: Apache-2.0
#include "mm/shmem.h"

#include <cerrno>

#include "mm/filemap.h"
#include "mm/mm_struct.h"

namespace dmdax {

class ShmemFile::VmOps final : public VmOperations {
 public:
  VmOps(ShmemFile& shmem, MemMap& mem, const char* name)
      : shmem_(shmem), mem_(mem), name_(name) {}
  std::string name() const override { return name_; }
  unsigned hooks() const override {
    return kFault | kMapPages | kSetPolicy | kGetPolicy;
  }
  // shmem_fault(): pages come into being when touched.
  vm_fault_t Fault(VmFault& vmf) override {
    if (shmem_.punching) return VM_FAULT_NOPAGE;
    AddressSpace& mapping = *vmf.vma->vm_file->f_mapping;
    const uint64_t size = vmf.mm->profile().page_size();
    const uint64_t pages = (mapping.host->i_size + size - 1) / size;
    if (vmf.pgoff >= pages) {
      vmf.reason = {.code = FaultReasonCode::kBeyondEof,
                    .want = vmf.pgoff,
                    .have = pages};
      return VM_FAULT_SIGBUS;
    }
    auto [it, fresh] = mapping.pages.try_emplace(vmf.pgoff);
    if (fresh) it->second = mem_.AllocRam();
    vmf.page = it->second;
    vmf.has_page = true;
    return VM_FAULT_LOCKED;
  }
  vm_fault_t MapPages(VmFault& vmf, uint64_t start, uint64_t end) override {
    return FilemapMapPages(vmf, start, end);
  }

 private:
  ShmemFile& shmem_;
  MemMap& mem_;
  const char* const name_;
};

ShmemFile::ShmemFile(MemMap& mem)
    : vm_ops_(std::make_unique<VmOps>(*this, mem, "shmem_vm_ops")),
      anon_vm_ops_(std::make_unique<VmOps>(*this, mem, "shmem_anon_vm_ops")) {}
ShmemFile::~ShmemFile() = default;

VmOperations& ShmemFile::vm_ops() { return *vm_ops_; }

std::shared_ptr<File> ShmemFile::Create(uint64_t size, unsigned nlink) {
  auto backing = std::make_unique<Backing>();
  backing->inode.i_size = size;
  backing->inode.i_nlink = nlink;
  backing->inode.i_mapping = &backing->mapping;
  backing->mapping.host = &backing->inode;
  auto file = std::make_shared<File>();
  file->path = "shmem";
  file->f_inode = &backing->inode;
  file->f_mapping = &backing->mapping;
  file->f_op = this;
  files_.push_back(std::move(backing));
  return file;
}

int ShmemFile::Mmap(File& file, VmAreaStruct& vma) {
  const bool anon =
      vma.vm_mm->profile().shmem_anon_vm_ops && file.f_inode->i_nlink == 0;
  vma.vm_ops = anon ? anon_vm_ops_.get() : vm_ops_.get();
  return 0;
}

class ShmSegment::VmOps final : public VmOperations {
 public:
  explicit VmOps(ShmSegment& segment) : segment_(segment) {}
  std::string name() const override { return "shm_vm_ops"; }
  // Not map_pages: it is not forwarded.
  unsigned hooks() const override {
    return kOpen | kClose | kMaySplit | kFault | kPagesize | kSetPolicy |
           kGetPolicy;
  }
  void Open(VmAreaStruct&) override { ++segment_.nattch_; }
  void Close(VmAreaStruct&) override { --segment_.nattch_; }
  int MaySplit(VmAreaStruct& vma, uint64_t addr) override {
    VmOperations* ops = segment_.saved_;
    return ops->has(kMaySplit) ? ops->MaySplit(vma, addr) : 0;
  }
  vm_fault_t Fault(VmFault& vmf) override {
    return segment_.saved_->Fault(vmf);
  }
  uint64_t Pagesize(const VmAreaStruct& vma) override {
    return segment_.saved_->Pagesize(vma);
  }

 private:
  ShmSegment& segment_;
};

ShmSegment::ShmSegment(ShmemFile& shmem, uint64_t size)
    : ShmSegment(shmem.Create(size)) {}
ShmSegment::ShmSegment(std::shared_ptr<File> file)
    : vm_ops_(std::make_unique<VmOps>(*this)), file_(std::move(file)) {}
ShmSegment::~ShmSegment() = default;

std::shared_ptr<File> ShmSegment::Attach() {
  auto file = std::make_shared<File>(*file_);
  file->path = "SYSV";
  file->f_op = this;
  return file;
}

int ShmSegment::Mmap(File&, VmAreaStruct& vma) {
  if (removed_) return -EIDRM;
  ++nattch_;
  const int err = file_->f_op->Mmap(*file_, vma);
  if (err < 0) {
    --nattch_;
    return err;
  }
  saved_ = vma.vm_ops;
  vma.vm_ops = vm_ops_.get();
  return 0;
}

}  // namespace dmdax
