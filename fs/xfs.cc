// SPDX-License-Identifier: Apache-2.0
//
// xfs: its mount options, as far as they concern DAX, and what a DAX mapping
// sees of it.
// Mirrors: fs/xfs/xfs_file.c __xfs_filemap_fault, xfs_file_mmap; fs/xfs/
// xfs_iomap.c xfs_read_iomap_begin, xfs_direct_write_iomap_begin (6.1);
// fs/xfs/xfs_super.c xfs_fs_fill_super, xfs_setup_dax_always (4.14, 5.10, 6.1).
#include <algorithm>
#include <cerrno>
#include <set>

#include "base/round_up.h"
#include "base/units.h"
#include "fs/file_system.h"
#include "fs/file_system_type.h"
#include "fs/xfs_buffered.h"
#include "fs/xfs_eof.h"
#include "fs/xfs_fallocate.h"
#include "fs/xfs_reflink.h"
#include "fs/xfs_super.h"
#include "iomap/cut_to_hole.h"
#include "iomap/dax_fault.h"
#include "mm/filemap.h"

namespace dmdax {
namespace {

constexpr uint64_t kBlock = 4096;
// An allocation covers at most this many bytes at once.
constexpr uint64_t kMaxAlloc = 1024 * 4096;

class Xfs final : public FileSystem {
 public:
  Xfs(const FileSystemType& type, const FaultProfile& profile)
      : FileSystem(type, profile), vm_ops_(*this) {}

  std::string name() const override { return "xfs_file_operations"; }
  int Commit(DaxInode& inode, Syncs syncs) override {
    // Then no log is forced.
    if (TakeMappingError(inode) || shutdown_) return -EIO;
    return FileSystem::Commit(inode, syncs);
  }
  bool large_folios() const override { return profile_.xfs_large_folios; }
  bool dirty_by_block() const override { return profile_.iomap_dirty_by_block; }
  void Readahead(VmFault& vmf, uint64_t first, uint64_t nr) override;
  void Writepages(AddressSpace& mapping, uint64_t first, uint64_t nr) override {
    DaxInode& inode = *static_cast<DaxInode*>(mapping.host);
    const bool all = CanAllocate()
                         ? XfsWritepages(inode, first, nr,
                                         [this](uint64_t at, uint64_t length) {
                                           return Zeroout(at, length) == 0;
                                         })
                         : XfsDiscard(inode, first, nr);
    if (!all) SetMappingError(inode);
  }
  void TakeOptions(absl::string_view options) override {
    eof_ = XfsEofOf(options);
  }
  void Release(DaxInode& inode, OpenedFor opened) override {
    if (!shutdown_) XfsRelease(inode, opened);
  }
  int Mmap(File& file, VmAreaStruct& vma) override;
  int Begin(DaxInode& inode, uint64_t pos, uint64_t length, unsigned flags,
            Iomap* iomap, Iomap* srcmap) override;
  int End(DaxInode& inode, uint64_t pos, uint64_t length, int64_t written,
          unsigned flags, Iomap& iomap) override;

  FaultFunction BeginFunction(unsigned flags) const override {
    return (flags & (IOMAP_WRITE | IOMAP_ZERO))
               ? FaultFunction::kXfsWriteIomapBegin
               : FaultFunction::kXfsReadIomapBegin;
  }
  FaultFunction EndFunction(unsigned flags) const override {
    return (flags & IOMAP_WRITE) ? FaultFunction::kXfsDaxWriteIomapEnd
                                 : FaultFunction::kNone;
  }

  vm_fault_t FilemapFaultEntry(VmFault& vmf, int order, bool write_fault);

 protected:
  // A log that can not be written shuts the file system down.
  void Abort() override {
    FileSystem::Abort();
    Shutdown();
  }
  int Setattr(DaxInode& inode, uint64_t size) override {
    return XfsSetSize(*this, inode, size);
  }
  int DoFallocate(DaxInode& inode, int mode, uint64_t offset,
                  uint64_t length) override {
    return XfsFallocate(*this, inode, mode, offset, length);
  }
  bool IsOnDirtyList(DaxInode& inode) override {
    return !inode.s_dax || dirty_pages_.erase(&inode) > 0;
  }
  void WriteCached(DaxInode& inode, uint64_t pos, uint64_t length) override;

 private:
  // One table serves DAX and cached files; each hook looks at the inode.
  class VmOps final : public VmOperations {
   public:
    explicit VmOps(Xfs& fs) : fs_(fs) {}
    std::string name() const override { return "xfs_file_vm_ops"; }
    unsigned hooks() const override {
      return kFault | kHugeFault | kMapPages | kPageMkwrite | kPfnMkwrite;
    }
    vm_fault_t Fault(VmFault& vmf) override {
      FaultScope scope(vmf.mm->recorder(), FaultFunction::kXfsFilemapFault);
      return fs_.FilemapFaultEntry(vmf, 0,
                                   InodeOf(vmf).s_dax && IsWriteFault(vmf));
    }
    vm_fault_t HugeFault(VmFault& vmf, int order) override {
      FaultScope scope(vmf.mm->recorder(), FaultFunction::kXfsFilemapHugeFault);
      if (!InodeOf(vmf).s_dax) {
        vmf.reason = {.code = FaultReasonCode::kNotDax};
        return VM_FAULT_FALLBACK;
      }
      return fs_.FilemapFaultEntry(vmf, order, IsWriteFault(vmf));
    }
    vm_fault_t MapPages(VmFault& vmf, uint64_t start, uint64_t end) override {
      return FilemapMapPages(vmf, start, end);
    }
    vm_fault_t PageMkwrite(VmFault& vmf) override {
      FaultScope scope(vmf.mm->recorder(),
                       FaultFunction::kXfsFilemapPageMkwrite);
      return fs_.FilemapFaultEntry(vmf, 0, true);
    }
    vm_fault_t PfnMkwrite(VmFault& vmf) override {
      FaultScope scope(vmf.mm->recorder(),
                       FaultFunction::kXfsFilemapPfnMkwrite);
      return fs_.FilemapFaultEntry(vmf, 0, true);
    }

   private:
    static bool IsWriteFault(const VmFault& vmf) {
      return vmf.write() && (vmf.vma->vm_flags & VM_SHARED);
    }
    Xfs& fs_;
  };

  // xfs_alloc_read_agf(): it is read once, when the first blocks are given
  // away.
  bool CanAllocate() {
    for (const DaxInode* inode : inodes()) {
      agf_is_read_ |= inode->extents.Has(IOMAP_MAPPED) ||
                      inode->extents.Has(IOMAP_UNWRITTEN);
    }
    agf_is_read_ = agf_is_read_ || WriteSuper() == 0;
    return agf_is_read_;
  }
  vm_fault_t CachedPageMkwrite(VmFault& vmf);
  uint64_t EndOfAllocation(const DaxInode& inode, const FileExtent& extent,
                           uint64_t pos, uint64_t length) const;
  int Allocate(DaxInode& inode, uint64_t pos, uint64_t length, unsigned flags);
  int Unshare(DaxInode& inode, const FileExtent& extent, uint64_t length,
              Iomap* iomap, Iomap* srcmap);

  // DAX files with I_DIRTY_PAGES; what else changes is in the log.
  std::set<const DaxInode*> dirty_pages_;
  bool agf_is_read_ = false;
  XfsEof eof_;
  VmOps vm_ops_;
};

int Xfs::Mmap(File& file, VmAreaStruct& vma) {
  const int err = CheckMapSync(file, vma);
  if (err < 0) return err;
  vma.vm_ops = &vm_ops_;
  if (file.f_inode->s_dax) SetDaxFlags(vma, true);
  return 0;
}

vm_fault_t Xfs::FilemapFaultEntry(VmFault& vmf, int order, bool write_fault) {
  DaxInode& inode = InodeOf(vmf);
  if (write_fault) times_changed_.insert(&inode);  // file_update_time()
  if (!inode.s_dax) {
    return write_fault ? CachedPageMkwrite(vmf) : FilemapFault(vmf);
  }
  // Before 6.15 one function serves all kinds of faults; since then each kind
  // has its own.
  FaultRecorder* recorder = vmf.mm->recorder();
  FaultScope any(recorder, FaultFunction::kXfsFilemapFaultCore);
  FaultScope kind(recorder, write_fault ? FaultFunction::kXfsWriteFault
                                        : FaultFunction::kXfsDaxReadFault);
  FaultScope core(recorder, write_fault ? FaultFunction::kXfsWriteFaultCore
                                        : FaultFunction::kNone);
  FlaggedPfn pfn;
  vm_fault_t ret = DaxIomapFault(vmf, order, inode, *this, &pfn, nullptr);
  // A synchronous fault marks the page alone.
  const bool marks = (ret & (VM_FAULT_ERROR | VM_FAULT_NEEDDSYNC)) == 0;
  if (write_fault && marks) dirty_pages_.insert(&inode);
  if (ret & VM_FAULT_NEEDDSYNC) {
    ret = DaxFinishSyncFault(vmf, order, inode, pfn);
  }
  return ret;
}

// iomap_readahead().  From where there is an error on nothing has been read.
void Xfs::Readahead(VmFault& vmf, uint64_t first, uint64_t nr) {
  IomapIter iter;
  iter.inode = &InodeOf(vmf);
  iter.pos = first << profile_.page_shift;
  iter.len = nr << profile_.page_shift;
  int more = 0;
  while ((more = IomapIterNext(iter, *this, vmf.mm->recorder())) > 0) {
    iter.processed = static_cast<int64_t>(iter.length());
  }
  if (more == 0) return;
  for (uint64_t page = iter.pos >> profile_.page_shift; page < first + nr;
       ++page) {
    iter.inode->mapping.not_uptodate.insert(page);
  }
}

// iomap_file_buffered_write(): an extent after the other, and the file grows
// with each.
void Xfs::WriteCached(DaxInode& inode, uint64_t pos, uint64_t length) {
  IomapIter iter;
  iter.inode = &inode;
  iter.pos = pos;
  iter.len = length;
  iter.flags = IOMAP_WRITE;
  while (IomapIterNext(iter, *this, nullptr) > 0) {
    FileSystem::WriteCached(inode, iter.pos, iter.length());
    iter.processed = static_cast<int64_t>(iter.length());
    const uint64_t end = iter.pos + iter.length();
    if (end <= inode.i_size) continue;
    if (!inode.xfs.disk_size) inode.xfs.disk_size = inode.i_size;
    inode.i_size = end;
  }
}

// iomap_page_mkwrite(): the folio, as far as the file reaches.
vm_fault_t Xfs::CachedPageMkwrite(VmFault& vmf) {
  DaxInode& inode = InodeOf(vmf);
  const auto [folio, order] = inode.mapping.Folio(vmf.pgoff);
  IomapIter iter;
  iter.inode = &inode;
  iter.pos = folio << profile_.page_shift;
  iter.len = std::min(inode.i_size - iter.pos, profile_.page_size() << order);
  iter.flags = IOMAP_WRITE | IOMAP_FAULT;
  int ret = 0;
  while ((ret = IomapIterNext(iter, *this, vmf.mm->recorder())) > 0) {
    iter.processed = static_cast<int64_t>(iter.length());
  }
  if (ret < 0) {
    vmf.reason = {.code = FaultReasonCode::kIomapError, .err = -ret};
    return VM_FAULT_SIGBUS;
  }
  return FilemapPageMkwrite(vmf);
}

// How far xfs_direct_write_iomap_begin() allocates for bytes [pos, pos +
// length): to the end of the hole, or over the end of the file.
uint64_t Xfs::EndOfAllocation(const DaxInode& inode, const FileExtent& extent,
                              uint64_t pos, uint64_t length) const {
  // A file that may share blocks is allocated for extent by extent.
  if (inode.reflinked) length = std::min(length, extent.end() - pos);
  const uint64_t end = pos + std::min(length, kMaxAlloc);
  const uint64_t blocks_end = RoundUp(end, kBlock);
  if (end > inode.i_size) return XfsAlignEnd(eof_, inode, blocks_end);
  return extent.type == IOMAP_HOLE ? std::min(blocks_end, extent.end())
                                   : blocks_end;
}

// xfs_iomap_write_direct(): for DAX the blocks are written and zeroed.  A
// conversion covers what was asked for, an allocation whole extent size hints.
int Xfs::Allocate(DaxInode& inode, uint64_t pos, uint64_t length,
                  unsigned flags) {
  const FileExtent part = inode.extents.Find(pos);
  if (!(flags & IOMAP_DAX)) {
    inode.datasync_dirty = true;
    return inode.AllocateUnwritten(pos, pos + std::min(length, part.length),
                                   DaxInode::Delalloc::kPart);
  }
  if (part.type == IOMAP_UNWRITTEN) {
    length = std::min(length, part.length);
    if (Zeroout(part.physical, length) < 0) return -EIO;
    inode.extents.SetType(pos, length, IOMAP_MAPPED);
  } else {
    if (inode.allocator == nullptr) return -ENOSPC;
    std::optional<FileExtent> blocks =
        inode.allocator->Allocate(pos, std::min(length, part.length));
    if (!blocks) return -ENOSPC;
    // A size hint never reaches into blocks that the file has.
    *blocks = CutToHole(inode.extents, *blocks, pos);
    blocks->type = IOMAP_MAPPED;
    // A transaction that has changed something can not be given up.
    if (Zeroout(blocks->physical, blocks->length) < 0) {
      Abort();
      return -EIO;
    }
    inode.extents.Insert(*blocks);
  }
  inode.datasync_dirty = true;
  return 0;
}

// A write to a reflinked extent: new blocks, the old ones as the source.
int Xfs::Unshare(DaxInode& inode, const FileExtent& extent, uint64_t length,
                 Iomap* iomap, Iomap* srcmap) {
  length = std::min(length, extent.length);
  if (inode.allocator == nullptr) return -ENOSPC;
  std::optional<FileExtent> blocks =
      inode.allocator->Allocate(extent.logical, length);
  if (!blocks) return -ENOSPC;
  blocks->type = IOMAP_MAPPED;
  blocks->shared = false;
  FileExtent copy = *blocks;
  // An extent size hint may have made the copy begin earlier.
  if (copy.logical < extent.logical) {
    copy.physical += extent.logical - copy.logical;
    copy.length -= extent.logical - copy.logical;
    copy.logical = extent.logical;
  }
  // The source is cut to the blocks that the copy got.
  *srcmap = IomapOfExtent(inode, extent, std::min(length, copy.length));
  *iomap = IomapOfExtent(inode, copy, copy.length);
  iomap->flags |= IOMAP_F_SHARED;
  // The transaction of the allocation pins the inode in the log.
  inode.datasync_dirty = true;
  iomap->flags |= IOMAP_F_DIRTY;
  srcmap->flags |= IOMAP_F_DIRTY;
  return 0;
}

int Xfs::Begin(DaxInode& inode, uint64_t pos, uint64_t length, unsigned flags,
               Iomap* iomap, Iomap* srcmap) {
  if (shutdown_) return -EIO;
  // Zeroing goes the way of a write, which allocates nothing.
  const bool zero = (flags & IOMAP_ZERO) != 0;
  const bool write = zero || (flags & IOMAP_WRITE) != 0;
  // An extent size hint leaves nothing to be delayed.
  if (write && !(flags & IOMAP_DAX) && inode.extsize == 0) {
    return XfsBufferedWriteBegin(eof_, inode, pos, length, flags, iomap);
  }
  // Blocks are asked for; what is dirty depends on the bytes.
  const uint64_t first = pos;
  const uint64_t end = pos + length;
  pos = RoundDown(pos, kBlock);
  length = RoundUp(end - pos, kBlock);
  const bool asks_shared =
      write || ((flags & IOMAP_DAX) && profile_.xfs_dax_read_shared);
  FileExtent extent =
      asks_shared ? inode.extents.Find(pos) : XfsMergedAt(inode, pos, length);
  if (asks_shared) XfsReflinkTrimAroundShared(inodes(), inode, &extent);
  if (write && extent.shared && !(zero && extent.type != IOMAP_MAPPED)) {
    return Unshare(inode, extent, length, iomap, srcmap);
  }
  bool fresh = false;
  const bool has_blocks =
      extent.type == IOMAP_MAPPED ||
      (extent.type == IOMAP_UNWRITTEN && !(flags & IOMAP_DAX));
  if (write && !zero && !has_blocks) {
    length = EndOfAllocation(inode, extent, first, end - first) - pos;
    const int err = Allocate(inode, pos, length, flags);
    if (err < 0) return err;
    extent = XfsMergedAt(inode, pos, length);
    fresh = true;
  }
  FillIomap(inode, extent, length, flags, iomap);
  if (fresh) iomap->flags |= IOMAP_F_NEW;
  if (extent.shared && (flags & IOMAP_DAX) && profile_.xfs_dax_read_shared) {
    iomap->flags |= IOMAP_F_SHARED;
  }
  if (inode.datasync_dirty || (write && end > inode.i_size)) {
    iomap->flags |= IOMAP_F_DIRTY;
  }
  return 0;
}

// xfs_dax_write_iomap_end(): the copy takes the place of the shared extent.
int Xfs::End(DaxInode& inode, uint64_t pos, uint64_t, int64_t written,
             unsigned flags, Iomap& iomap) {
  const bool ends = (flags & IOMAP_WRITE) ||
                    ((flags & IOMAP_ZERO) && profile_.xfs_zeroes_with_dax_ops);
  if (!ends || !(iomap.flags & IOMAP_F_SHARED)) return 0;
  // A write that failed leaves the shared extent in place.
  if (written <= 0) return 0;
  const uint64_t from = RoundDown(pos, kBlock);
  const uint64_t end = pos + static_cast<uint64_t>(written);
  inode.extents.Insert(
      {.logical = from,
       .physical = iomap.addr - inode.dax_part_off + (from - iomap.offset),
       .length = RoundUp(end - from, kBlock),
       .type = IOMAP_MAPPED});
  return 0;
}

const FileSystemType kXfs = {
    .name = "xfs",
    .log_prefix = "XFS",
    .s_magic = 0x58465342,
    .features = FS_FEATURE_REFLINK,
    .min_blocks = 64,  // XFS_MIN_AG_BLOCKS
    .fill_super = XfsFillSuper,
    .make = NewFileSystem<Xfs>,
};
REGISTER_FILESYSTEM(kXfs);

}  // namespace
}  // namespace dmdax
