// SPDX-License-Identifier: Apache-2.0
//
// FileSystem: what a DAX mapping needs of a file system: its mmap, its fault
// handlers and its iomap_begin.
//
//   std::unique_ptr<FileSystem> fs = *MakeFileSystem("ext4", profile);
//   std::shared_ptr<File> file = fs->Open(inode, "/mnt/f");
//   mm.Mmap({.len = 8 << 20, .prot = PROT_READ, .flags = MAP_SHARED,
//            .file = file});
//
//   fs->Truncate(inode, 6 << 20);   // what is mapped beyond goes
//
// A DaxInode with s_dax set is mapped with the DAX operations, one without
// through the page cache.
//
// fs/file_system_type.h has the registry of them.
// Threading: thread-compatible.
#ifndef DMDAX_FS_FILE_SYSTEM_H_
#define DMDAX_FS_FILE_SYSTEM_H_

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "iomap/dax_inode.h"
#include "iomap/iomap.h"
#include "mm/vm_area.h"

namespace dmdax {

struct FileSystemType;

enum class OpenedFor { kReading, kWriting };

class FileSystem : public FileOperations,
                   public IomapOps,
                   public AddressSpaceOperations,
                   public FileJournal {
 public:
  FileSystem(const FileSystemType& type, const FaultProfile& profile)
      : type_(type), profile_(profile) {}
  const FileSystemType& type() const { return type_; }

  // open(2) of `inode`, which must outlive the file.
  std::shared_ptr<File> Open(DaxInode& inode, const std::string& path,
                             bool writable = true);

  // Of a file of this, whose inode is a DaxInode: ftruncate(2), 0 or -errno;
  // fallocate(2), with FALLOC_FL_* of linux/falloc.h, 0 or -errno; write(2),
  // bytes written or -errno.  One that is not open for writing is EINVAL, EBADF
  // and EBADF; fs/vfs.h has what else is said before the inode is looked at.
  int Ftruncate(File& file, uint64_t size);
  int Fallocate(File& file, int mode, uint64_t offset, uint64_t length);
  int64_t Write(File& file, uint64_t pos, uint64_t length);
  // The same of an inode that somebody has open for writing.
  int Truncate(DaxInode& inode, uint64_t size);
  int Fallocate(DaxInode& inode, int mode, uint64_t offset, uint64_t length);
  int64_t Write(DaxInode& inode, uint64_t pos, uint64_t length);

  void Readahead(VmFault&, uint64_t, uint64_t) override {}

  // What the mount's options, as in /proc/mounts, say of allocations.
  virtual void TakeOptions(absl::string_view) {}
  // close(2) of a file of `inode`: what it has behind its end may be freed.
  virtual void Release(DaxInode&, OpenedFor) {}

  // EIO for every mmap and fault: ext4_forced_shutdown, xfs_is_shutdown.
  void Shutdown() { shutdown_ = true; }

  // Asked when metadata is to be written: 0, or the -errno of its bio.  Without
  // it the device takes all writes.
  void set_journal_io(std::function<int()> write) {
    journal_io_ = std::move(write);
  }
  // The same of the super block.
  void set_super_io(std::function<int()> write) {
    super_io_ = std::move(write);
  }
  // The same when new blocks, bytes of the device, are zeroed for a mapping:
  // blkdev_issue_zeroout().
  void set_zeroout(std::function<int(uint64_t at, uint64_t length)> zeroout) {
    zeroout_ = std::move(zeroout);
  }

  // A file that Freeze() writes back, and that may share blocks with the
  // others; it must outlive this.
  void AddInode(DaxInode& inode) { inodes_.push_back(&inode); }

  // open(2) of a file: 0 or -errno.
  virtual int OpenErrno(OpenedFor) const { return shutdown_ ? -EIO : 0; }
  // freeze_super(): the files are written back, and then the log and the super
  // block, whether they changed or not.  0 or -errno.
  virtual int Freeze();
  // sync(2): the files, whatever becomes of them, and then the log.
  void Sync();
  // thaw_super(), if it is frozen.
  void Thaw();
  int BeforeFsync() override { return 0; }
  int Commit(DaxInode& inode, Syncs syncs) override;
  // filemap_check_errors(): 0, or once EIO if the device has not taken all
  // pages of the file.  Whoever writes pages back before he changes the file is
  // told this way; fsync(2) is told all the same, and who asks later is not.
  int CheckMappingError(DaxInode& inode) {
    return as_eio_.erase(&inode) > 0 ? -EIO : 0;
  }
  // The journal could not be written; what changes the file system fails.
  bool aborted() const { return aborted_; }
  // Whatever changes the file system asks this first: 0 or -errno.
  virtual int BeginChange() { return aborted_ ? -EIO : 0; }

  UnmappedArea unmapped_area() const override { return UnmappedArea::kThp; }
  bool supports_map_sync() const override { return profile_.has_map_sync; }

 protected:
  // mapping_set_error(), file_check_and_advance_wb_err().
  void SetMappingError(DaxInode& inode) {
    as_eio_.insert(&inode);
    wb_err_.insert(&inode);
  }
  bool TakeMappingError(DaxInode& inode) {
    as_eio_.erase(&inode);
    return wb_err_.erase(&inode) > 0;
  }
  // daxdev_mapping_supported(): 0 or -EOPNOTSUPP for VM_SYNC.
  static int CheckMapSync(const File& file, const VmAreaStruct& vma);
  // VM_HUGEPAGE, and in 4.14 VM_MIXEDMAP.
  void SetDaxFlags(VmAreaStruct& vma, bool huge) const;

  // ->setattr with ATTR_SIZE, and ->fallocate.  By default a file can be
  // truncated and nothing more.
  virtual int Setattr(DaxInode& inode, uint64_t size);
  // Whether a freeze writes the log when nothing was changed, or the super
  // block alone, whose error is not the end of the log.
  virtual bool freeze_writes_log() const { return true; }
  // Whether sync(2) finds the pages of a file: the inode is marked dirty.
  virtual bool IsOnDirtyList(DaxInode&) { return true; }
  // Metadata that the log has had all of is written to its place.
  virtual void WriteMetadata() {}
  // ->unfreeze_fs.
  virtual void Unfreeze() {}
  // What fsync(2) says when the log has been given up before.
  virtual int CommitAborted() const { return -EIO; }
  // The log can not be written any more.
  virtual void Abort() { aborted_ = true; }
  // Whether the log has something that the device does not.
  bool IsChanged() const;
  void MarkClean();
  int WriteSuper() const { return super_io_ ? super_io_() : 0; }
  const std::vector<DaxInode*>& inodes() const { return inodes_; }
  int Zeroout(uint64_t at, uint64_t length) const {
    return zeroout_ ? zeroout_(at, length) : 0;
  }
  virtual int DoFallocate(DaxInode&, int, uint64_t, uint64_t);
  // Fills the pages of a buffered write(2) of bytes [pos, pos + length).
  virtual void WriteCached(DaxInode& inode, uint64_t pos, uint64_t length);

  const FileSystemType& type_;
  const FaultProfile& profile_;
  bool shutdown_ = false;
  bool aborted_ = false;
  // Files of which the log has changes that fdatasync(2) does not write: times.
  std::set<const DaxInode*> times_changed_;

 private:
  std::vector<DaxInode*> inodes_;
  std::function<int()> journal_io_;
  std::function<int()> super_io_;
  std::function<int(uint64_t, uint64_t)> zeroout_;
  bool frozen_ = false;
  // Files with AS_EIO, and those of whose wb_err fsync(2) has not told.
  std::set<const DaxInode*> as_eio_, wb_err_;
};

// The inode of a file of one of these, and behind a faulting mapping of it.
DaxInode& InodeOf(const File& file);
DaxInode& InodeOf(const VmFault& vmf);

// What lies at `pos` as an Iomap, cut to `length` bytes; for the DaxDevice or
// the block device as the request `flags` say.
inline void FillIomap(const DaxInode& inode, const FileExtent& extent,
                      uint64_t length, unsigned flags, Iomap* iomap) {
  const bool dax = (flags & IOMAP_DAX) != 0;
  const bool has_place =
      extent.type == IOMAP_MAPPED || extent.type == IOMAP_UNWRITTEN;
  iomap->addr = has_place ? extent.physical + (dax ? inode.dax_part_off : 0)
                          : IOMAP_NULL_ADDR;
  iomap->offset = extent.logical;
  iomap->length = std::min(extent.length, length);
  iomap->type = extent.type;
  iomap->flags = 0;
  iomap->dax_dev = dax ? inode.dax_dev : nullptr;
  iomap->bdev = dax ? DevT{} : inode.s_dev;
}
// The same as a value, for which a fault has no time: it is copied by larger
// words than it was made of.
inline Iomap IomapOfExtent(const DaxInode& inode, const FileExtent& extent,
                           uint64_t length, unsigned flags = IOMAP_DAX) {
  Iomap iomap;
  FillIomap(inode, extent, length, flags, &iomap);
  return iomap;
}

}  // namespace dmdax

#endif  // DMDAX_FS_FILE_SYSTEM_H_
