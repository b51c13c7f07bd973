// SPDX-License-Identifier: Apache-2.0
#include "process/scan/ext_extents.h"

#include <cerrno>
#include <memory>
#include <type_traits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"

namespace dmdax {

absl::StatusOr<std::vector<FileExtent>> ExtExtents::Of(ext2_ino_t ino,
                                                       ext2_inode inode) {
  found_.clear();
  absl::Status s = (inode.i_flags & EXT4_EXTENTS_FL) != 0 ? WalkTree(ino, inode)
                                                          : WalkIndirect(ino);
  if (!s.ok()) return s;
  return std::move(found_);
}

absl::Status ExtExtents::CountExtent() {
  if (extents_ == 0) {
    return ErrnoError(E2BIG, absl::StrCat("more than ", kMostExtents,
                                          " extents in all; no more are read"));
  }
  --extents_;
  return absl::OkStatus();
}

absl::Status ExtExtents::CountBlocks(uint64_t blocks) {
  if (blocks > blocks_) {
    return ErrnoError(EUCLEAN, "files have more blocks than the file system");
  }
  blocks_ -= blocks;
  return absl::OkStatus();
}

absl::Status ExtExtents::Add(uint64_t logical, uint64_t physical,
                             uint64_t blocks, uint16_t type) {
  const uint64_t end = ext2fs_blocks_count(fs_->super);
  if (physical < fs_->super->s_first_data_block || physical >= end ||
      blocks > end - physical) {
    return ErrnoError(EUCLEAN, absl::StrCat("blocks ", physical, " to ",
                                            physical + blocks - 1,
                                            " of a file system of ", end));
  }
  const FileExtent extent{.logical = logical * fs_->blocksize,
                          .physical = physical * fs_->blocksize,
                          .length = blocks * fs_->blocksize,
                          .type = type};
  if (!found_.empty()) {
    FileExtent& last = found_.back();
    if (last.end() == extent.logical && last.type == extent.type &&
        last.physical + last.length == extent.physical) {
      last.length += extent.length;
      return absl::OkStatus();
    }
  }
  found_.push_back(extent);
  return CountExtent();
}

// fs/ext4/extents.c:ext4_valid_extent_entries(); libext2fs lets them pass.
absl::Status ExtExtents::CheckEntry(const ext2fs_extent& e, uint64_t end) {
  constexpr uint64_t kMostBlocks = 0xffffffff;
  if (e.e_len == 0) {
    return ErrnoError(EUCLEAN, absl::StrCat("an extent without blocks, at ",
                                            e.e_lblk, " of the file"));
  }
  if (e.e_lblk < end || e.e_lblk + e.e_len > kMostBlocks) {
    return ErrnoError(
        EUCLEAN, absl::StrCat("an extent of blocks ", e.e_lblk, " to ",
                              e.e_lblk + e.e_len - 1, " of the file, where ",
                              end, " to ", kMostBlocks - 1, " can follow"));
  }
  return absl::OkStatus();
}

absl::Status ExtExtents::WalkTree(ext2_ino_t ino, ext2_inode& inode) {
  ext2_extent_handle_t opened = nullptr;
  errcode_t error = ext2fs_extent_open2(fs_, ino, &inode, &opened);
  if (error != 0) return io_.StatusOf(error);
  const std::unique_ptr<std::remove_pointer_t<ext2_extent_handle_t>,
                        decltype(&ext2fs_extent_free)>
      handle(opened, ext2fs_extent_free);
  uint64_t end = 0;  // of the extent before
  for (int step = EXT2_EXTENT_ROOT;; step = EXT2_EXTENT_NEXT) {
    ext2fs_extent e = {};
    error = ext2fs_extent_get(handle.get(), step, &e);
    if (error == EXT2_ET_EXTENT_NO_NEXT) return absl::OkStatus();
    absl::Status s = io_.StatusOf(error);
    if (s.ok() && (e.e_flags & EXT2_EXTENT_FLAGS_SECOND_VISIT) != 0) continue;
    if (s.ok() && (e.e_flags & EXT2_EXTENT_FLAGS_LEAF) == 0) {
      s = CountBlocks(1);  // that of the node below
    } else if (s.ok()) {
      const bool unwritten = (e.e_flags & EXT2_EXTENT_FLAGS_UNINIT) != 0;
      s = CheckEntry(e, end);
      end = e.e_lblk + e.e_len;
      if (s.ok()) s = CountBlocks(e.e_len);
      if (s.ok()) {
        s = Add(e.e_lblk, e.e_pblk, e.e_len,
                unwritten ? IOMAP_UNWRITTEN : IOMAP_MAPPED);
      }
    }
    if (!s.ok()) return s;
  }
}

// Blocks of pointers, which have a negative count, are blocks too.
int ExtExtents::OnBlock(ext2_filsys, blk64_t* block, e2_blkcnt_t count, blk64_t,
                        int, void* data) {
  auto* self = static_cast<ExtExtents*>(data);
  self->status_ = self->CountBlocks(1);
  if (self->status_.ok() && count >= 0) {
    self->status_ =
        self->Add(static_cast<uint64_t>(count), *block, 1, IOMAP_MAPPED);
  }
  return self->status_.ok() ? 0 : BLOCK_ABORT;
}

absl::Status ExtExtents::WalkIndirect(ext2_ino_t ino) {
  status_ = absl::OkStatus();
  const errcode_t error = ext2fs_block_iterate3(
      fs_, ino, BLOCK_FLAG_READ_ONLY, /*block_buf=*/nullptr, OnBlock, this);
  return status_.ok() ? io_.StatusOf(error) : status_;
}

}  // namespace dmdax
