// SPDX-License-Identifier: Apache-2.0
//
// xfs: its mount options, as far as they concern DAX, and what a DAX mapping
// sees of it.
// Mirrors: fs/xfs/xfs_file.c __xfs_filemap_fault, xfs_file_mmap; fs/xfs/
// xfs_iomap.c xfs_read_iomap_begin, xfs_direct_write_iomap_begin (6.1);
// fs/xfs/xfs_super.c xfs_fs_fill_super, xfs_setup_dax_always (4.14, 5.10, 6.1).
#include <algorithm>
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "base/units.h"
#include "fs/file_system.h"
#include "fs/file_system_type.h"
#include "fs/fs_context.h"
#include "fs/xfs_fallocate.h"
#include "fs/xfs_params.h"
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
  int Commit(DaxInode& inode) override;
  bool large_folios() const override { return profile_.xfs_large_folios; }
  void Readahead(VmFault& vmf, uint64_t first, uint64_t nr) override;
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
  int Setattr(DaxInode& inode, uint64_t size) override {
    return XfsSetSize(*this, inode, size);
  }
  int DoFallocate(DaxInode& inode, int mode, uint64_t offset,
                  uint64_t length) override {
    return XfsFallocate(*this, inode, mode, offset, length);
  }

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

  vm_fault_t CachedPageMkwrite(VmFault& vmf);
  int Allocate(DaxInode& inode, uint64_t pos, uint64_t length);
  int Unshare(DaxInode& inode, const FileExtent& extent, uint64_t length,
              Iomap* iomap, Iomap* srcmap);

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
  if (ret & VM_FAULT_NEEDDSYNC) {
    ret = DaxFinishSyncFault(vmf, order, inode, pfn);
  }
  return ret;
}

// iomap_readahead().
void Xfs::Readahead(VmFault& vmf, uint64_t first, uint64_t nr) {
  IomapIter iter;
  iter.inode = &InodeOf(vmf);
  iter.pos = first << profile_.page_shift;
  iter.len = nr << profile_.page_shift;
  while (IomapIterNext(iter, *this, vmf.mm->recorder()) > 0) {
    iter.processed = static_cast<int64_t>(iter.length());
  }
}

// iomap_page_mkwrite(): the extent is looked up whole.
vm_fault_t Xfs::CachedPageMkwrite(VmFault& vmf) {
  IomapIter iter;
  iter.inode = &InodeOf(vmf);
  iter.pos = vmf.pgoff << profile_.page_shift;
  iter.len = profile_.page_size();
  iter.flags = IOMAP_WRITE | IOMAP_FAULT;
  while (IomapIterNext(iter, *this, vmf.mm->recorder()) > 0) {
    iter.processed = static_cast<int64_t>(iter.length());
  }
  return VM_FAULT_LOCKED;
}

// xfs_iomap_write_direct() for DAX: the blocks are written and zeroed.  A
// conversion covers what was asked for, an allocation whole extent size hints.
int Xfs::Allocate(DaxInode& inode, uint64_t pos, uint64_t length) {
  const FileExtent part = inode.extents.Find(pos);
  if (part.type == IOMAP_UNWRITTEN) {
    inode.extents.SetType(pos, std::min(length, part.length), IOMAP_MAPPED);
  } else {
    if (inode.allocator == nullptr) return -ENOSPC;
    std::optional<FileExtent> blocks =
        inode.allocator->Allocate(pos, std::min(length, part.length));
    if (!blocks) return -ENOSPC;
    blocks->type = IOMAP_MAPPED;
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

// The written extent from `pos` on, with neighbours that adjoin: xfs merges
// them.
FileExtent MergedAt(const DaxInode& inode, uint64_t pos) {
  FileExtent merged = inode.extents.Find(pos);
  for (;;) {
    const FileExtent next = inode.extents.Find(merged.end());
    if (next.type != merged.type || next.shared != merged.shared ||
        next.physical != merged.physical + merged.length) {
      return merged;
    }
    merged.length += next.length;
  }
}

int Xfs::Begin(DaxInode& inode, uint64_t pos, uint64_t length, unsigned flags,
               Iomap* iomap, Iomap* srcmap) {
  if (shutdown_) return -EIO;
  // Zeroing goes the way of a write, which allocates nothing.
  const bool zero = (flags & IOMAP_ZERO) != 0;
  const bool write = zero || (flags & IOMAP_WRITE) != 0;
  // Blocks are asked for; what is dirty depends on the bytes.
  const uint64_t end = pos + length;
  pos = pos / kBlock * kBlock;
  length = (end - pos + kBlock - 1) / kBlock * kBlock;
  FileExtent extent = inode.extents.Find(pos);
  if (write && !(flags & IOMAP_DAX)) {
    // xfs_buffered_write_iomap_begin(): no allocation yet.
    for (const FileExtent& whole : inode.extents.All()) {
      if (whole.logical <= pos && pos < whole.end()) extent = whole;
    }
    // Behind the last extent the hole is as long as it is asked for.
    if (extent.end() >= uint64_t{1} << 62) extent.length = length;
    *iomap = IomapOfExtent(inode, extent, extent.length, flags);
    if (inode.datasync_dirty) iomap->flags |= IOMAP_F_DIRTY;
    return 0;
  }
  if (write && extent.shared && !(zero && extent.type != IOMAP_MAPPED)) {
    return Unshare(inode, extent, length, iomap, srcmap);
  }
  bool fresh = false;
  if (write && !zero && extent.type != IOMAP_MAPPED) {
    uint64_t asked = std::min(length, kMaxAlloc);
    if (extent.type == IOMAP_HOLE) asked = std::min(asked, extent.length);
    const int err = Allocate(inode, pos, asked);
    if (err < 0) return err;
    extent = MergedAt(inode, pos);
    extent.length = std::min(extent.length, asked);
    fresh = true;
  }
  *iomap = IomapOfExtent(inode, extent, length, flags);
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
  const uint64_t from = pos / kBlock * kBlock;
  const uint64_t end = pos + static_cast<uint64_t>(written);
  inode.extents.Insert(
      {.logical = from,
       .physical = iomap.addr - inode.dax_part_off + (from - iomap.offset),
       .length = (end - from + kBlock - 1) / kBlock * kBlock,
       .type = IOMAP_MAPPED});
  return 0;
}

// A log that can not be written shuts the file system down.
int Xfs::Commit(DaxInode& inode) {
  if (shutdown_) return -EIO;
  const int err = FileSystem::Commit(inode);
  if (aborted()) Shutdown();
  return err;
}

// --- mount ---

absl::Status XfsSetupDaxAlways(FsContext& fc) {
  const auto turn_off = [&fc](absl::string_view words) {
    fc.Say(KernLevel::kWarn, absl::StrCat(words, " Turning off DAX."));
    fc.sb().dax = DaxMode::kNever;
  };
  const bool may_have_reflink =
      fc.profile().xfs_dax_reflink == XfsDaxReflink::kNotPartitions;
  if (fc.sb().dax_dev == nullptr) {
    turn_off("DAX unsupported by block device.");
    if (may_have_reflink) return absl::OkStatus();
  } else if (may_have_reflink && fc.request().block_size != kPageSize) {
    turn_off("DAX not supported for blocksize.");
    return absl::OkStatus();
  }
  if (fc.request().reflink) {
    switch (fc.profile().xfs_dax_reflink) {
      case XfsDaxReflink::kUntested:
        fc.Say(KernLevel::kWarn,
               "DAX and reflink have not been tested together!");
        break;
      case XfsDaxReflink::kRefused:
        return fc.Refuse(KernLevel::kWarn,
                         "DAX and reflink cannot be used together!");
      case XfsDaxReflink::kNotPartitions:
        if (!fc.bdev().is_partition()) break;
        return fc.Refuse(KernLevel::kWarn,
                         "DAX and reflink cannot work with multi-partitions!");
    }
  }
  if (fc.profile().xfs_says_experimental == XfsDaxExperimental::kWhenGranted) {
    fc.Say(KernLevel::kWarn, kDaxExperimental);
  }
  return absl::OkStatus();
}

absl::StatusOr<SuperBlock> XfsFillSuper(FsContext& fc) {
  if (absl::Status s = fc.ParseOptions(XfsParams()); !s.ok()) return s;
  const std::string invalid = XfsWhyInvalid(fc.Options());
  if (invalid == " ") return ErrnoError(EINVAL, "no size");
  if (!invalid.empty()) return fc.Refuse(KernLevel::kWarn, invalid);
  if (fc.request().block_size > kPageSize &&
      !fc.profile().xfs_has_large_blocks) {
    constexpr absl::string_view kWords =
        "Only pagesize (4096) or less will currently work.";
    fc.Say(KernLevel::kWarn,
           absl::StrCat("File system with blocksize ", fc.request().block_size,
                        " bytes. ", kWords));
    return ErrnoError(ENOSYS, kWords);
  }
  const bool by_bdev = fc.asks_bdev_only();
  if (by_bdev) fc.GetDaxByBdev();
  const bool always = fc.sb().dax == DaxMode::kAlways;
  if (always &&
      fc.profile().xfs_says_experimental == XfsDaxExperimental::kWhenAsked) {
    fc.Say(KernLevel::kWarn, kDaxExperimental);
  }
  if (!by_bdev && (always || fc.profile().has_dax_modes)) {
    // If DAX was not asked for, xfs does not check the device.
    if (always) {
      fc.BdevDaxSupported();
    } else {
      fc.sb().dax_dev = fc.bdev().host_dax_dev();
    }
  }
  if (always) {
    if (absl::Status s = XfsSetupDaxAlways(fc); !s.ok()) return s;
  }
  // DAX needs blocks of a page; xfs does not say so unless DAX was asked for.
  if (fc.request().block_size != kPageSize) fc.sb().dax_dev = nullptr;
  return fc.Done();
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
