// SPDX-License-Identifier: Apache-2.0
//
// FileSystem: the part of ext4, xfs and ext2 that a DAX mapping meets: their
// mmap, their fault entries and their iomap_begin.
//
//   std::unique_ptr<FileSystem> fs = MakeExt4(profile);
//   std::shared_ptr<File> file = fs->Open(inode, "/mnt/f");
//   mm.Mmap({.len = 8 << 20, .prot = PROT_READ, .flags = MAP_SHARED,
//            .file = file});
//
// A DaxInode with s_dax set is mapped with the DAX operations, one without
// through the page cache.
//
// Mirrors: fs/ext4/file.c, fs/ext4/inode.c (ext4_iomap_begin),
// fs/xfs/xfs_file.c, fs/xfs/xfs_iomap.c, fs/ext2/file.c (6.1).
// Threading: thread-compatible.
#ifndef DMDAX_FS_FILE_SYSTEM_H_
#define DMDAX_FS_FILE_SYSTEM_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "iomap/dax_inode.h"
#include "iomap/iomap.h"
#include "mm/vm_area.h"

namespace dmdax {

class FileSystem : public FileOperations,
                   public IomapOps,
                   public AddressSpaceOperations {
 public:
  explicit FileSystem(const FaultProfile& profile) : profile_(profile) {}

  // open(2) of `inode`, which must outlive the file.
  std::shared_ptr<File> Open(DaxInode& inode, const std::string& path,
                             bool writable = true);

  // Whether fallocate(ZERO_RANGE) frees the blocks and allocates others.
  virtual bool zero_reallocates() const { return false; }
  // Whether fallocate(PUNCH_HOLE) writes the range back first.
  virtual bool punch_writes_back() const { return true; }

  // Bytes that a file can have blocks for; beyond, iomap_begin refuses.
  virtual uint64_t max_bytes() const { return uint64_t{1} << 63; }

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

  const FaultProfile& profile_;
  bool shutdown_ = false;
};

std::unique_ptr<FileSystem> MakeExt4(const FaultProfile& profile);
std::unique_ptr<FileSystem> MakeXfs(const FaultProfile& profile);
std::unique_ptr<FileSystem> MakeExt2(const FaultProfile& profile);

// By name: "ext4", "xfs", "ext2".  NotFound otherwise.
absl::StatusOr<std::unique_ptr<FileSystem>> MakeFileSystem(
    const std::string& name, const FaultProfile& profile);

// The inode behind a faulting mapping of one of these.
DaxInode& InodeOf(const VmFault& vmf);

// What lies at `pos` as an Iomap, cut to `length` bytes; for the DaxDevice or
// the block device as the request `flags` say.
Iomap IomapOfExtent(const DaxInode& inode, const FileExtent& extent,
                    uint64_t length, unsigned flags = IOMAP_DAX);

}  // namespace dmdax

#endif  // DMDAX_FS_FILE_SYSTEM_H_
