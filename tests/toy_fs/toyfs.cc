// SPDX-License-Identifier: Apache-2.0
//
// toyfs: every file is DAX, "-o quick" or not, and nothing can be written
// that has no blocks.
//
// Not a file system of any kernel: it shows that a new one is one new file.
#include <cerrno>

#include "fs/file_system.h"
#include "fs/file_system_type.h"
#include "fs/fs_context.h"
#include "iomap/dax_fault.h"

namespace dmdax {
namespace {

class Toyfs final : public FileSystem {
 public:
  Toyfs(const FileSystemType& type, const FaultProfile& profile)
      : FileSystem(type, profile), vm_ops_(*this) {}

  std::string name() const override { return "toyfs_file_operations"; }

  int Mmap(File&, VmAreaStruct& vma) override {
    vma.vm_ops = &vm_ops_;
    SetDaxFlags(vma, /*huge=*/true);
    return 0;
  }

  int Begin(DaxInode& inode, uint64_t pos, uint64_t length, unsigned flags,
            Iomap* iomap, Iomap*) override {
    const FileExtent extent = inode.extents.Find(pos);
    if ((flags & IOMAP_WRITE) && extent.type != IOMAP_MAPPED) return -ENOSPC;
    *iomap = IomapOfExtent(inode, extent, length);
    return 0;
  }

 private:
  class VmOps final : public VmOperations {
   public:
    explicit VmOps(Toyfs& fs) : fs_(fs) {}
    std::string name() const override { return "toyfs_vm_ops"; }
    unsigned hooks() const override {
      return kFault | kHugeFault | kPageMkwrite | kPfnMkwrite;
    }
    vm_fault_t Fault(VmFault& vmf) override { return HugeFault(vmf, 0); }
    vm_fault_t HugeFault(VmFault& vmf, int order) override {
      return DaxIomapFault(vmf, order, InodeOf(vmf), fs_, nullptr, nullptr);
    }
    vm_fault_t PageMkwrite(VmFault& vmf) override { return Fault(vmf); }
    vm_fault_t PfnMkwrite(VmFault& vmf) override { return Fault(vmf); }

   private:
    Toyfs& fs_;
  };

  VmOps vm_ops_;
};

absl::StatusOr<SuperBlock> ToyfsFillSuper(FsContext& fc) {
  for (absl::string_view option : fc.Options()) {
    if (option != "quick") {
      return fc.Refuse(KernLevel::kErr, "there is but one option: quick");
    }
  }
  fc.BdevDaxSupported();
  fc.sb().dax = DaxMode::kAlways;
  return fc.Done();
}

const FileSystemType kToyfs = {
    .name = "toyfs",
    .log_prefix = "TOYFS",
    .min_block_size = 4096,
    .max_block_size = 4096,
    .fill_super = ToyfsFillSuper,
    .make = NewFileSystem<Toyfs>,
};
REGISTER_FILESYSTEM(kToyfs);

}  // namespace
}  // namespace dmdax
