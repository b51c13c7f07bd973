// SPDX-License-Identifier: Apache-2.0
#include "fs/file_system.h"

#include <algorithm>
#include <cerrno>

#include "base/round_up.h"
#include "fs/file_system_type.h"
#include "fs/vfs.h"
#include "iomap/dax_rw.h"
#include "mm/filemap.h"

namespace dmdax {
namespace {

constexpr uint64_t kBlock = 4096;
constexpr uint64_t kMaxFileSize = uint64_t{1} << 63;

}  // namespace

std::shared_ptr<File> FileSystem::Open(DaxInode& inode, const std::string& path,
                                       bool writable) {
  auto file = std::make_shared<File>();
  file->path = path;
  file->f_inode = &inode;
  file->f_mapping = &inode.mapping;
  file->f_op = this;
  file->sync = &inode;
  file->writable = writable;
  file->f_ra.ra_pages = inode.ra_pages;
  inode.journal = this;
  inode.mapping.a_ops = this;
  return file;
}

int FileSystem::Commit(DaxInode& inode, Syncs syncs) {
  if (aborted_) return CommitAborted();
  const bool changed =
      inode.datasync_dirty ||
      (syncs == Syncs::kAll && times_changed_.contains(&inode));
  if (!changed || !journal_io_) return 0;
  const int err = journal_io_();
  if (err == 0) {
    // There is one log for all files.
    times_changed_.clear();
    return 0;
  }
  Abort();
  return -EIO;
}

bool FileSystem::IsChanged() const {
  return !times_changed_.empty() ||
         std::any_of(inodes_.begin(), inodes_.end(), [](const DaxInode* inode) {
           return inode->datasync_dirty;
         });
}

void FileSystem::MarkClean() {
  for (DaxInode* inode : inodes_) inode->datasync_dirty = false;
  times_changed_.clear();
}

void FileSystem::Sync() {
  if (shutdown_) return;
  for (DaxInode* inode : inodes_) {
    if (IsOnDirtyList(*inode)) inode->Writeback(0, kMaxFileSize - 1);
  }
  if (aborted_ || !IsChanged()) return;
  if (journal_io_ && journal_io_() != 0) {
    Abort();
    return;
  }
  MarkClean();
  WriteMetadata();
}

int FileSystem::Freeze() {
  const bool changed = IsChanged();
  for (DaxInode* inode : inodes_) inode->Writeback(0, kMaxFileSize - 1);
  if (!aborted_ && journal_io_ && journal_io_() != 0) {
    if (!changed && !freeze_writes_log()) return -EIO;
    Abort();
  }
  if (aborted_ || shutdown_) return -EIO;
  MarkClean();
  frozen_ = true;
  return 0;
}

void FileSystem::Thaw() {
  if (std::exchange(frozen_, false)) Unfreeze();
}

int FileSystem::Truncate(DaxInode& inode, uint64_t size) {
  if (size >= kMaxFileSize) return -EINVAL;
  if (size > type_.max_bytes) return -EFBIG;
  return Setattr(inode, size);
}

int FileSystem::Setattr(DaxInode& inode, uint64_t size) {
  inode.BreakLayouts();
  const uint64_t old = inode.i_size;
  inode.i_size = size;
  inode.datasync_dirty = true;
  inode.TruncatePagecache(size);
  if (size < old) {
    const uint64_t from = RoundUp(size, kBlock);
    inode.extents.Remove(from, kMaxFileSize - from);
  }
  return 0;
}

int FileSystem::Fallocate(DaxInode& inode, int mode, uint64_t offset,
                          uint64_t length) {
  const int err = CheckFallocateRange(profile_, mode, offset, length);
  if (err < 0) return err;
  if (offset + length >= kMaxFileSize || offset + length > type_.max_bytes) {
    return -EFBIG;
  }
  return DoFallocate(inode, mode, offset, length);
}

int FileSystem::Ftruncate(File& file, uint64_t size) {
  const int err = CheckFtruncate(file, size);
  return err < 0 ? err : Truncate(InodeOf(file), size);
}

int FileSystem::Fallocate(File& file, int mode, uint64_t offset,
                          uint64_t length) {
  const int err = CheckFallocate(profile_, file, mode, offset, length);
  return err < 0 ? err : Fallocate(InodeOf(file), mode, offset, length);
}

int64_t FileSystem::Write(File& file, uint64_t pos, uint64_t length) {
  const int err = CheckWrite(file);
  return err < 0 ? err : Write(InodeOf(file), pos, length);
}

int FileSystem::DoFallocate(DaxInode&, int, uint64_t, uint64_t) {
  return -EOPNOTSUPP;
}

void FileSystem::WriteCached(DaxInode& inode, uint64_t pos, uint64_t length) {
  FilemapWrite(profile_, *inode.mem, inode.mapping, pos, length);
}

int64_t FileSystem::Write(DaxInode& inode, uint64_t pos, uint64_t length) {
  if (length == 0) return 0;
  int64_t done = static_cast<int64_t>(length);
  const uint64_t old_size = inode.i_size;
  times_changed_.insert(&inode);
  if (inode.s_dax) {
    done = DaxIomapWrite(inode, pos, length, *this);
    if (done <= 0) return done;
  } else {
    inode.mapping.a_ops = this;
    WriteCached(inode, pos, length);
  }
  if (pos + static_cast<uint64_t>(done) > old_size) {
    inode.i_size = pos + static_cast<uint64_t>(done);
    inode.datasync_dirty = true;
  }
  return done;
}

int FileSystem::CheckMapSync(const File& file, const VmAreaStruct& vma) {
  if (!(vma.vm_flags & VM_SYNC)) return 0;
  const DaxInode& inode = InodeOf(file);
  if (!inode.s_dax || inode.dax_dev == nullptr) return -EOPNOTSUPP;
  return inode.dax_dev->synchronous() ? 0 : -EOPNOTSUPP;
}

void FileSystem::SetDaxFlags(VmAreaStruct& vma, bool huge) const {
  if (huge) vma.vm_flags |= VM_HUGEPAGE;
  if (profile_.dax_vma_is_mixedmap) vma.vm_flags |= VM_MIXEDMAP;
}

DaxInode& InodeOf(const File& file) {
  return *static_cast<DaxInode*>(file.f_inode);
}

DaxInode& InodeOf(const VmFault& vmf) { return InodeOf(*vmf.vma->vm_file); }

}  // namespace dmdax
