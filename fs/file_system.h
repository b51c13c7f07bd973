// SPDX-License-Identifier: Apache-2.0
//
// FileSystem: the part of a file system that a DAX mapping meets: its mmap,
// its fault entries and its iomap_begin.
//
//   std::unique_ptr<FileSystem> fs = *MakeFileSystem("ext4", profile);
//   std::shared_ptr<File> file = fs->Open(inode, "/mnt/f");
//   mm.Mmap({.len = 8 << 20, .prot = PROT_READ, .flags = MAP_SHARED,
//            .file = file});
//
// A DaxInode with s_dax set is mapped with the DAX operations, one without
// through the page cache.
//
// fs/file_system_type.h has the registry of them.
// Threading: thread-compatible.
#ifndef DMDAX_FS_FILE_SYSTEM_H_
#define DMDAX_FS_FILE_SYSTEM_H_

#include <memory>
#include <string>

#include "iomap/dax_inode.h"
#include "iomap/iomap.h"
#include "mm/vm_area.h"

namespace dmdax {

struct FileSystemType;

class FileSystem : public FileOperations,
                   public IomapOps,
                   public AddressSpaceOperations {
 public:
  FileSystem(const FileSystemType& type, const FaultProfile& profile)
      : type_(type), profile_(profile) {}
  const FileSystemType& type() const { return type_; }

  // open(2) of `inode`, which must outlive the file.
  std::shared_ptr<File> Open(DaxInode& inode, const std::string& path,
                             bool writable = true);

  // Whether fallocate(ZERO_RANGE) frees the blocks and allocates others.
  virtual bool zero_reallocates() const { return false; }
  // Whether fallocate(PUNCH_HOLE) writes the range back first.
  virtual bool punch_writes_back() const { return true; }

  void Readahead(VmFault&, uint64_t, uint64_t) override {}

  // EIO for every mmap and fault: ext4_forced_shutdown, xfs_is_shutdown.
  void Shutdown() { shutdown_ = true; }

  UnmappedArea unmapped_area() const override { return UnmappedArea::kThp; }
  bool supports_map_sync() const override { return profile_.has_map_sync; }

 protected:
  // daxdev_mapping_supported(): 0 or -EOPNOTSUPP for VM_SYNC.
  static int CheckMapSync(const File& file, const VmAreaStruct& vma);
  // VM_HUGEPAGE, and in 4.14 VM_MIXEDMAP.
  void SetDaxFlags(VmAreaStruct& vma, bool huge) const;

  const FileSystemType& type_;
  const FaultProfile& profile_;
  bool shutdown_ = false;
};

// The inode behind a faulting mapping of one of these.
DaxInode& InodeOf(const VmFault& vmf);

// What lies at `pos` as an Iomap, cut to `length` bytes; for the DaxDevice or
// the block device as the request `flags` say.
Iomap IomapOfExtent(const DaxInode& inode, const FileExtent& extent,
                    uint64_t length, unsigned flags = IOMAP_DAX);

}  // namespace dmdax

#endif  // DMDAX_FS_FILE_SYSTEM_H_
