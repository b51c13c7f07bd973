// SPDX-License-Identifier: Apache-2.0
//
// ext4: its mount options, as far as they concern DAX, and what a DAX mapping
// sees of it.
// Mirrors: fs/ext4/file.c ext4_dax_huge_fault, ext4_file_mmap; fs/ext4/
// inode.c ext4_iomap_begin, ext4_iomap_alloc, ext4_iomap_end; fs/ext4/
// extents.c ext4_ext_convert_to_initialized (6.1); fs/ext4/super.c
// ext4_fill_super, handle_mount_opt, ext4_parse_param (4.14, 5.10, 6.1).
#include <linux/falloc.h>

#include <algorithm>
#include <cerrno>
#include <set>

#include "absl/strings/str_split.h"
#include "base/round_up.h"
#include "base/units.h"
#include "fs/ext4_fallocate.h"
#include "fs/ext4_holes.h"
#include "fs/ext4_state.h"
#include "fs/ext4_super.h"
#include "fs/file_system.h"
#include "fs/file_system_type.h"
#include "iomap/dax_fault.h"
#include "mm/filemap.h"

namespace dmdax {
namespace {

constexpr uint64_t kBlock = 4096;
// s_extent_max_zeroout_kb, in bytes.
constexpr uint64_t kMaxZeroout = 32 * 1024;
constexpr uint64_t kMaxLogicalBlock = 0xfffffffe;

class Ext4 final : public FileSystem {
 public:
  Ext4(const FileSystemType& type, const FaultProfile& profile)
      : FileSystem(type, profile),
        state_(profile),
        dax_vm_ops_(*this),
        file_vm_ops_(*this) {}

  std::string name() const override { return "ext4_file_operations"; }
  bool large_folios() const override {
    return profile_.ext4_large_folios && !small_folios_;
  }
  // Features come with them, as mkfs.ext4 -O has them.
  void TakeOptions(absl::string_view options) override {
    for (absl::string_view option : absl::StrSplit(options, ',')) {
      // ext4_should_enable_large_folio()
      small_folios_ |=
          option == "data=journal" || option == "encrypt" ||
          (option == "verity" && !profile_.ext4_verity_large_folios);
      if (option == "^has_journal") has_journal_ = false;
      if (option == "bigalloc") cluster_ = 16 * kBlock;
      if (option == "inline_data") may_inline_data_ = true;
    }
  }
  // Buffer heads.
  bool dirty_by_block() const override { return true; }
  bool invalidation_cleans() const override { return true; }
  void Writepages(AddressSpace& mapping, uint64_t first, uint64_t nr) override {
    DaxInode& inode = *static_cast<DaxInode*>(mapping.host);
    const bool all =
        Ext4Writepages(inode, first, nr, [this](uint64_t at, uint64_t length) {
          return Zeroout(at, length) == 0;
        });
    if (!all) SetMappingError(inode);
  }
  int OpenErrno(OpenedFor opened) const override {
    const int err = FileSystem::OpenErrno(opened);
    return err < 0 ? err : state_.ErrnoFor(opened);
  }
  // ext4_journal_check_start()
  int BeginChange() override {
    if (state_.super_is_lost()) Abort();
    const int err = state_.Errno();
    if (err < 0 || !aborted()) return err;
    state_.HandleError();
    return -EROFS;
  }
  int Freeze() override {
    if (state_.mount_is_read_only()) return 0;
    const int err = FileSystem::Freeze();
    state_.NoteSuperWrite(err);  // ext4_commit_super()
    return err;
  }
  int BeforeFsync() override { return state_.Errno(); }
  int Commit(DaxInode& inode, Syncs syncs) override {
    // Then nothing is committed.
    if (TakeMappingError(inode)) return -EIO;
    const int err = FileSystem::Commit(inode, syncs);
    if (err < 0 && !has_journal_) {
      // A buffer that could not be written is not dirty any more.
      inode.datasync_dirty = false;
      times_changed_.erase(&inode);
    }
    return err;
  }
  int Mmap(File& file, VmAreaStruct& vma) override;
  int Begin(DaxInode& inode, uint64_t pos, uint64_t length, unsigned flags,
            Iomap* iomap, Iomap* srcmap) override;
  int End(DaxInode& inode, uint64_t pos, uint64_t length, int64_t written,
          unsigned flags, Iomap& iomap) override;

  FaultFunction BeginFunction(unsigned) const override {
    return FaultFunction::kExt4IomapBegin;
  }
  FaultFunction EndFunction(unsigned) const override {
    return FaultFunction::kExt4IomapEnd;
  }

  vm_fault_t DaxFault(VmFault& vmf);
  vm_fault_t DaxHugeFault(VmFault& vmf, int order);

 protected:
  // jbd2_mark_journal_empty(): an empty log is left alone.
  bool freeze_writes_log() const override { return false; }
  // What needs recovery again is written to the super block.
  void Unfreeze() override { WriteMetadata(); }
  // It lies about where the super block does.
  void WriteMetadata() override {
    if (state_.Errno() == 0) state_.NoteSuperWrite(WriteSuper());
  }
  // jbd2_complete_transaction(): the one that the file was in is over, and what
  // came of it was told to who waited for it.
  int CommitAborted() const override { return 0; }
  int Setattr(DaxInode& inode, uint64_t size) override {
    const int err = state_.mount_is_read_only() ? 0 : state_.Errno();
    return err < 0 ? err : Ext4SetSize(*this, inode, size);
  }
  void WriteCached(DaxInode& inode, uint64_t pos, uint64_t length) override {
    // ext4_generic_write_inline_data() gets a folio of one page, into which the
    // bytes fit that the inode may have, and goes on with it when they do not.
    const uint64_t page = profile_.page_size();
    if (may_inline_data_ && not_inline_.insert(&inode).second && pos < page) {
      const uint64_t piece = std::min(length, page - pos);
      FileSystem::WriteCached(inode, pos, piece);
      pos += piece;
      length -= piece;
    }
    if (length > 0) FileSystem::WriteCached(inode, pos, length);
  }
  int DoFallocate(DaxInode& inode, int mode, uint64_t offset,
                  uint64_t length) override {
    not_inline_.insert(&inode);
    // What moves others is of whole clusters.
    if ((mode & (FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_INSERT_RANGE)) != 0 &&
        inode.has_extents && (offset | length) % cluster_ != 0) {
      return -EINVAL;
    }
    return Ext4Fallocate(*this, inode, mode, offset, length);
  }
  // Without a journal there is nothing to be given up.
  void Abort() override {
    if (has_journal_) FileSystem::Abort();
  }

 private:
  class DaxVmOps final : public VmOperations {
   public:
    explicit DaxVmOps(Ext4& fs) : fs_(fs) {}
    std::string name() const override { return "ext4_dax_vm_ops"; }
    unsigned hooks() const override {
      return kFault | kHugeFault | kPageMkwrite | kPfnMkwrite;
    }
    vm_fault_t Fault(VmFault& vmf) override { return fs_.DaxFault(vmf); }
    vm_fault_t HugeFault(VmFault& vmf, int order) override {
      return fs_.DaxHugeFault(vmf, order);
    }
    vm_fault_t PageMkwrite(VmFault& vmf) override { return fs_.DaxFault(vmf); }
    vm_fault_t PfnMkwrite(VmFault& vmf) override { return fs_.DaxFault(vmf); }

   private:
    Ext4& fs_;
  };

  class FileVmOps final : public VmOperations {
   public:
    explicit FileVmOps(Ext4& fs) : fs_(fs) {}
    std::string name() const override { return "ext4_file_vm_ops"; }
    unsigned hooks() const override {
      return kFault | kMapPages | kPageMkwrite;
    }
    vm_fault_t Fault(VmFault& vmf) override { return FilemapFault(vmf); }
    vm_fault_t MapPages(VmFault& vmf, uint64_t start, uint64_t end) override {
      return FilemapMapPages(vmf, start, end);
    }
    vm_fault_t PageMkwrite(VmFault& vmf) override {
      fs_.times_changed_.insert(&InodeOf(vmf));
      fs_.BeginChange();  // file_update_time(), whose errors nobody hears of
      return FilemapPageMkwrite(vmf);
    }

   private:
    Ext4& fs_;
  };

  // `part` is what lies at its beginning now.
  int Alloc(DaxInode& inode, const FileExtent& part, uint64_t length,
            bool* fresh);

  Ext4State state_;
  bool small_folios_ = false;
  bool has_journal_ = true;
  bool may_inline_data_ = false;  // the feature
  // Files that have or had blocks, and will not keep their bytes in the inode.
  std::set<const DaxInode*> not_inline_;
  uint64_t cluster_ = kBlock;
  DaxVmOps dax_vm_ops_;
  FileVmOps file_vm_ops_;
};

int Ext4::Mmap(File& file, VmAreaStruct& vma) {
  if (shutdown_) return -EIO;
  const OpenedFor opened =
      file.writable ? OpenedFor::kWriting : OpenedFor::kReading;
  int err = state_.mount_is_read_only() ? 0 : state_.ErrnoFor(opened);
  if (err == 0) err = CheckMapSync(file, vma);
  if (err < 0) return err;
  if (file.f_inode->s_dax) {
    vma.vm_ops = &dax_vm_ops_;
    SetDaxFlags(vma, true);
  } else {
    vma.vm_ops = &file_vm_ops_;
  }
  return 0;
}

vm_fault_t Ext4::DaxFault(VmFault& vmf) {
  FaultScope scope(vmf.mm->recorder(), FaultFunction::kExt4DaxFault);
  return DaxHugeFault(vmf, 0);
}

vm_fault_t Ext4::DaxHugeFault(VmFault& vmf, int order) {
  FaultScope scope(vmf.mm->recorder(), FaultFunction::kExt4DaxHugeFault);
  DaxInode& inode = InodeOf(vmf);
  const bool write = vmf.write() && (vmf.vma->vm_flags & VM_SHARED);
  // ext4_journal_check_start() comes before the file is looked at.
  if (const int err = write ? BeginChange() : 0; err < 0) {
    vmf.reason = {.code = FaultReasonCode::kIomapError, .err = -err};
    return VM_FAULT_SIGBUS;
  }
  // file_update_time().
  if (write) times_changed_.insert(&inode);
  FlaggedPfn pfn;
  // There is no retry after ENOSPC. ext4_should_retry_alloc() hopes that a
  // commit frees blocks; here no commit frees any.
  vm_fault_t ret = DaxIomapFault(vmf, order, inode, *this, &pfn, nullptr);
  if (write && (ret & VM_FAULT_NEEDDSYNC)) {
    ret = DaxFinishSyncFault(vmf, order, inode, pfn);
  }
  return ret;
}

// Whether `right` continues `left` in the file and on the device, so that
// blocks can move from one to the other.
bool Adjoins(const FileExtent& left, const FileExtent& right) {
  return left.end() == right.logical &&
         left.physical + left.length == right.physical;
}

// ext4_ext_convert_to_initialized().  Blocks at an end of the extent move to a
// written neighbour that adjoins.  Otherwise a short rest of the extent is
// zeroed and not split off.
void ConvertUnwritten(DaxInode& inode, uint64_t pos, uint64_t length) {
  const FileExtent extent = inode.extents.Around(pos);
  const uint64_t start = extent.logical;
  if (length < extent.length) {
    bool moves = false;
    if (pos == start) {
      const FileExtent left = inode.extents.Before(start);
      moves = left.type == IOMAP_MAPPED && Adjoins(left, extent);
    }
    if (!moves && pos + length == extent.end()) {
      const FileExtent right = inode.extents.Find(extent.end());
      moves = right.type == IOMAP_MAPPED && Adjoins(extent, right);
    }
    if (moves) {
      inode.extents.SetType(pos, length, IOMAP_MAPPED);
      return;
    }
  }
  const uint64_t rest = extent.end() - pos;  // from `pos` on
  const uint64_t end_block = RoundUp(inode.i_size, kBlock);
  uint64_t from = pos;
  uint64_t to = pos + length;
  if (extent.end() <= end_block && rest > length) {
    if (rest <= kMaxZeroout) to = extent.end();
    if (to - start < kMaxZeroout) from = start;
  }
  inode.extents.SetType(from, to - from, IOMAP_MAPPED);
}

// ext4_map_blocks(EXT4_GET_BLOCKS_CREATE_ZERO): written, zeroed blocks.
int Ext4::Alloc(DaxInode& inode, const FileExtent& part, uint64_t length,
                bool* fresh) {
  const uint64_t pos = part.logical;
  if (part.type == IOMAP_MAPPED) return 0;
  inode.datasync_dirty = true;
  // A try before this one got the blocks, and could not zero them.
  FileExtent before = inode.unseen_extents.Find(pos);
  if (before.type == IOMAP_MAPPED) {
    before.length = std::min(before.length, length);
    inode.extents.Insert(before);
    return 0;
  }
  if (part.type == IOMAP_HOLE) {
    if (inode.allocator == nullptr) return -ENOSPC;
    std::optional<FileExtent> blocks = inode.allocator->Allocate(pos, length);
    if (!blocks) return -ENOSPC;
    blocks->type = IOMAP_MAPPED;
    if (Zeroout(blocks->physical, blocks->length) < 0) {
      inode.unseen_extents.Insert(*blocks);
      return -EIO;
    }
    inode.extents.Insert(*blocks);
  } else if (Zeroout(part.physical, length) < 0) {
    FileExtent unseen = part;
    unseen.type = IOMAP_MAPPED;
    unseen.length = length;
    inode.unseen_extents.Insert(unseen);
    return -EIO;
  } else {
    ConvertUnwritten(inode, pos, length);
  }
  *fresh = true;
  return 0;
}

int Ext4::Begin(DaxInode& inode, uint64_t pos, uint64_t length, unsigned flags,
                Iomap* iomap, Iomap*) {
  if (pos / kBlock > kMaxLogicalBlock) return -EINVAL;
  if (inode.inline_data) return -ERANGE;
  // Blocks are asked for; what is dirty depends on the bytes.
  const uint64_t end = pos + length;
  pos = RoundDown(pos, kBlock);
  length = RoundUp(end - pos, kBlock);
  bool fresh = false;
  FileExtent extent = inode.extents.Find(pos);
  if (flags & IOMAP_WRITE) {
    // Inside the file, mapped blocks need no transaction; else
    // ext4_iomap_alloc() looks again.
    const bool inside = end <= inode.i_size;
    // The look at a hole is remembered, and no more than it says is allocated.
    if (inside && extent.type == IOMAP_HOLE) {
      extent.length = Ext4EndOfHole(inode, pos, extent.length) - pos;
    }
    if (!inside || extent.type != IOMAP_MAPPED) {
      if (const int err = BeginChange(); err < 0) return err;
      uint64_t mapped = std::min(length, extent.length);
      if (!inode.has_extents && extent.type == IOMAP_HOLE) {
        mapped = std::min(mapped, Ext4PointersEnd(pos) - pos);
      }
      const int err = Alloc(inode, extent, mapped, &fresh);
      if (err < 0) return err;
      extent = inode.extents.Find(pos);
      // The answer is what was mapped now, without the extent that follows.
      extent.length = std::min(extent.length, mapped);
    }
  }
  if (extent.type == IOMAP_HOLE) {
    extent.length = Ext4EndOfHole(inode, pos, extent.length) - pos;
  }
  FillIomap(inode, extent, length, flags | IOMAP_DAX, iomap);
  if (inode.datasync_dirty || end > inode.i_size) {
    iomap->flags |= IOMAP_F_DIRTY;
  }
  if (fresh) iomap->flags |= IOMAP_F_NEW;
  if (extent.type == IOMAP_MAPPED && !inode.has_extents) {
    iomap->flags |= IOMAP_F_MERGED;
  }
  return 0;
}

int Ext4::End(DaxInode&, uint64_t, uint64_t, int64_t written, unsigned flags,
              Iomap&) {
  // ext4_iomap_end(): -ENOTBLK makes the caller fall back to buffered I/O, if
  // nothing was written.
  if ((flags & (IOMAP_WRITE | IOMAP_DIRECT)) && written == 0) return -ENOTBLK;
  return 0;
}

const FileSystemType kExt4 = {
    .name = "ext4",
    .log_prefix = "EXT4-fs",
    .s_magic = 0xef53,
    .features = FS_FEATURE_INLINE_DATA,
    // Superblock, group descriptors, two bitmaps, an inode table; the root
    // directory may be inline.
    .min_blocks = 5,
    .max_bytes = (kMaxLogicalBlock + 1) * kBlock,
    .fill_super = Ext4FillSuper,
    .show_options = Ext4ShowOptions,
    .make = NewFileSystem<Ext4>,
};
REGISTER_FILESYSTEM(kExt4);

}  // namespace
}  // namespace dmdax
