// SPDX-License-Identifier: Apache-2.0
//
// ext2: its own driver's mount options, as far as they concern DAX, and what
// a DAX mapping sees of it: single pages only.
// Mirrors: fs/ext2/file.c ext2_dax_fault, ext2_file_mmap; fs/ext2/inode.c
// ext2_iomap_begin; fs/ext2/super.c ext2_fill_super (6.1).
#include <algorithm>
#include <cerrno>

#include "base/units.h"
#include "fs/file_system.h"
#include "fs/file_system_type.h"
#include "fs/fs_context.h"
#include "iomap/dax_fault.h"
#include "mm/filemap.h"

namespace dmdax {
namespace {

class Ext2 final : public FileSystem {
 public:
  Ext2(const FileSystemType& type, const FaultProfile& profile)
      : FileSystem(type, profile), dax_vm_ops_(*this) {}

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

// --- mount ---

// DAX is an offer that ext2 takes back.
absl::StatusOr<SuperBlock> Ext2FillSuper(FsContext& fc) {
  const bool by_bdev = fc.asks_bdev_only();
  if (by_bdev) fc.GetDaxByBdev();
  fc.sb().dax = DaxMode::kNever;
  for (absl::string_view option : fc.Options()) {
    if (option == "dax") fc.sb().dax = DaxMode::kAlways;
  }
  if (fc.sb().dax != DaxMode::kAlways) return fc.Done();
  fc.Say(KernLevel::kWarn, kDaxExperimental);
  if (!by_bdev) fc.BdevDaxSupported();
  if (fc.sb().dax_dev == nullptr) {
    fc.Say(KernLevel::kErr,
           "DAX unsupported by block device. Turning off DAX.");
    fc.sb().dax = DaxMode::kNever;
  } else if (fc.request().block_size != kPageSize) {
    fc.Say(KernLevel::kErr, "unsupported blocksize for DAX\\x0a");
    fc.sb().dax = DaxMode::kNever;
  }
  return fc.Done();
}

std::string Ext2ShowOptions(const SuperBlock& sb) {
  return sb.dax == DaxMode::kAlways ? "dax" : "";
}

const FileSystemType kExt2 = {
    .name = "ext2",
    .log_prefix = "EXT2-fs",
    .driver = "ext4",
    .has_extents = false,
    .fill_super = Ext2FillSuper,
    .show_options = Ext2ShowOptions,
    .make = NewFileSystem<Ext2>,
};
REGISTER_FILESYSTEM(kExt2);

}  // namespace
}  // namespace dmdax
