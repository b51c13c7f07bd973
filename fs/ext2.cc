// SPDX-License-Identifier: Apache-2.0
//
// ext2 as a DAX mapping sees it: single pages only.
// Mirrors: fs/ext2/file.c ext2_dax_fault, ext2_file_mmap; fs/ext2/inode.c
// ext2_iomap_begin (6.1).
#include <algorithm>
#include <cerrno>

#include "fs/file_system.h"
#include "iomap/dax_fault.h"
#include "mm/filemap.h"

namespace dmdax {
namespace {

class Ext2 final : public FileSystem {
 public:
  explicit Ext2(const FaultProfile& profile)
      : FileSystem(profile), dax_vm_ops_(*this) {}

  std::string name() const override { return "ext2_file_operations"; }

  int Mmap(File& file, VmAreaStruct& vma) override {
    if (!file.f_inode->s_dax) {
      vma.vm_ops = &GenericFileVmOps();
      return 0;
    }
    vma.vm_ops = &dax_vm_ops_;
    SetDaxFlags(vma, false);
    return 0;
  }
  // No MAP_SYNC: mmap_supported_flags is not set.
  bool supports_map_sync() const override { return false; }

  int Begin(DaxInode& inode, uint64_t pos, uint64_t length, unsigned flags,
            Iomap* iomap, Iomap*) override {
    FileExtent extent = inode.extents.Find(pos);
    bool fresh = false;
    if ((flags & IOMAP_WRITE) && extent.type == IOMAP_HOLE) {
      if (inode.allocator == nullptr) return -ENOSPC;
      std::optional<FileExtent> blocks =
          inode.allocator->Allocate(pos, std::min(length, extent.length));
      if (!blocks) return -ENOSPC;
      blocks->type = IOMAP_MAPPED;
      inode.extents.Insert(*blocks);
      extent = inode.extents.Find(pos);
      fresh = true;
    }
    *iomap = IomapOfExtent(inode, extent, length);
    if (extent.type == IOMAP_MAPPED) iomap->flags |= IOMAP_F_MERGED;
    if (fresh) iomap->flags |= IOMAP_F_NEW;
    return 0;
  }

 private:
  class DaxVmOps final : public VmOperations {
   public:
    explicit DaxVmOps(Ext2& fs) : fs_(fs) {}
    std::string name() const override { return "ext2_dax_vm_ops"; }
    unsigned hooks() const override {
      return kFault | kPageMkwrite | kPfnMkwrite;
    }
    vm_fault_t Fault(VmFault& vmf) override {
      return DaxIomapFault(vmf, 0, InodeOf(vmf), fs_, nullptr, nullptr);
    }
    vm_fault_t PageMkwrite(VmFault& vmf) override { return Fault(vmf); }
    vm_fault_t PfnMkwrite(VmFault& vmf) override { return Fault(vmf); }

   private:
    Ext2& fs_;
  };

  DaxVmOps dax_vm_ops_;
};

}  // namespace

std::unique_ptr<FileSystem> MakeExt2(const FaultProfile& profile) {
  return std::make_unique<Ext2>(profile);
}

}  // namespace dmdax
