// SPDX-License-Identifier: Apache-2.0
//
// BlockAllocator: gives a write to a hole its blocks.
//
// dmdax does not imitate mballoc or xfs_alloc; a file system asks one of
// these:
//
//   AlignedAllocator simple(/*start=*/64 << 20, /*end=*/256 << 20,
//                           /*align=*/2 << 20);
//   ExtentListAllocator list;              // these, please
//   list.Add({.logical = 4096, .physical = 25165824, .length = 4096});
//
// Units are bytes on the file system's device.  Threading: thread-compatible.
#ifndef DMDAX_IOMAP_BLOCK_ALLOCATOR_H_
#define DMDAX_IOMAP_BLOCK_ALLOCATOR_H_

#include <cstdint>
#include <memory>
#include <optional>

#include "iomap/file_extents.h"
#include "iomap/used_blocks.h"

namespace dmdax {

class BlockAllocator {
 public:
  virtual ~BlockAllocator() = default;
  // Blocks for [logical, logical + length) of a file: an extent that contains
  // `logical` and may be shorter or, for extent size hints, longer on both
  // sides; nothing when the space is used up (-ENOSPC).
  virtual std::optional<FileExtent> Allocate(uint64_t logical,
                                             uint64_t length) = 0;
  // A copy that gives the same blocks as this one would, for a question that
  // must not use any of them.
  virtual std::unique_ptr<BlockAllocator> Clone() const = 0;
  // The next Allocate() gives the same place on the device for two offsets
  // that differ by a multiple of this many bytes.  0: unknown.
  virtual uint64_t Repeat() const { return 0; }
};

// Hands out one contiguous area from `start` on, up to `end`, each extent at
// an address that is congruent to its file offset modulo `align`.  What is in
// `used`, if given, is skipped; an extent ends where the next used one begins.
class AlignedAllocator : public BlockAllocator {
 public:
  AlignedAllocator(uint64_t start, uint64_t end, uint64_t align,
                   const UsedBlocks* used = nullptr)
      : next_(start), end_(end), align_(align), used_(used) {}
  std::optional<FileExtent> Allocate(uint64_t logical,
                                     uint64_t length) override;
  std::unique_ptr<BlockAllocator> Clone() const override {
    return std::make_unique<AlignedAllocator>(*this);
  }
  uint64_t Repeat() const override { return align_; }
  // Where the free area begins now.
  uint64_t next() const { return next_; }

 private:
  uint64_t next_;
  const uint64_t end_;
  const uint64_t align_;
  const UsedBlocks* const used_;
};

// Hands out what it was given, by file offset.
class ExtentListAllocator : public BlockAllocator {
 public:
  void Add(const FileExtent& extent) { free_.Insert(extent); }
  void Clear() { free_ = FileExtents(); }
  // Extent size hint in bytes: an allocation covers whole multiples of it,
  // as far as the list has them.
  void set_extsize(uint64_t bytes) { extsize_ = bytes; }
  std::optional<FileExtent> Allocate(uint64_t logical,
                                     uint64_t length) override;
  std::unique_ptr<BlockAllocator> Clone() const override {
    return std::make_unique<ExtentListAllocator>(*this);
  }
  bool empty() const { return free_.empty(); }
  const FileExtents& extents() const { return free_; }

 private:
  FileExtents free_;
  uint64_t extsize_ = 0;
};

}  // namespace dmdax

#endif  // DMDAX_IOMAP_BLOCK_ALLOCATOR_H_
