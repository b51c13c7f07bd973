// SPDX-License-Identifier: Apache-2.0
#include "fs/no_dax.h"

#include "fs/file_system.h"
#include "mm/filemap.h"

namespace dmdax {
namespace {

class NoDax final : public FileSystem {
 public:
  NoDax(const FileSystemType& type, const FaultProfile& profile)
      : FileSystem(type, profile) {}

  std::string name() const override { return "generic_file_operations"; }
  int Mmap(File&, VmAreaStruct& vma) override {
    vma.vm_ops = &GenericFileVmOps();
    return 0;
  }
  bool supports_map_sync() const override { return false; }
  int Begin(DaxInode& inode, uint64_t pos, uint64_t length, unsigned,
            Iomap* iomap, Iomap*) override {
    *iomap = IomapOfExtent(inode, inode.extents.Find(pos), length);
    return 0;
  }
};

constexpr FileSystemType Without(absl::string_view name,
                                 absl::string_view no_dax) {
  return {.name = name,
          .log_prefix = name,
          .no_dax = no_dax,
          .max_block_size = uint64_t{1} << 20,
          .fill_super = nullptr,
          .make = NewFileSystem<NoDax>};
}

constexpr absl::string_view kNone = "which has no DAX in Linux";
constexpr absl::string_view kOurs = "whose DAX dmdax does not model";

const FileSystemType kTypes[] = {
    Without("adfs", kNone),
    Without("affs", kNone),
    Without("bcachefs", kNone),
    Without("befs", kNone),
    Without("bfs", kNone),
    Without("btrfs", kNone),
    Without("cramfs", kNone),
    Without("efs", kNone),
    Without("erofs", kOurs),
    Without("exfat", kNone),
    Without("ext3", kOurs),
    Without("f2fs", kNone),
    Without("fuseblk", kNone),
    Without("gfs2", kNone),
    Without("hfs", kNone),
    Without("hfsplus", kNone),
    Without("hpfs", kNone),
    Without("iso9660", kNone),
    Without("jfs", kNone),
    Without("minix", kNone),
    Without("msdos", kNone),
    Without("nilfs2", kNone),
    Without("ntfs", kNone),
    Without("ntfs3", kNone),
    Without("ocfs2", kNone),
    Without("omfs", kNone),
    Without("qnx4", kNone),
    Without("qnx6", kNone),
    Without("reiserfs", kNone),
    Without("romfs", kNone),
    Without("squashfs", kNone),
    Without("sysv", kNone),
    Without("udf", kNone),
    Without("ufs", kNone),
    Without("vfat", kNone),
    Without("virtiofs", kOurs),
    Without("zonefs", kNone),
    Without(kUnknownFileSystem, "which dmdax does not know"),
};

}  // namespace

const FileSystemType* FindUnmodelledFileSystem(absl::string_view name) {
  for (const FileSystemType& type : kTypes) {
    if (type.name == name) return &type;
  }
  return nullptr;
}

}  // namespace dmdax
