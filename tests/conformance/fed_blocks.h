// SPDX-License-Identifier: Apache-2.0
//
// FedBlocks: gives a file the blocks that the recorded kernel's allocator gave
// it.
//
//   FedBlocks blocks;
//   blocks.Record({.steps = &steps, .changes = changes, .after = &fiemap});
//   blocks.Take(i, inode);   // before step i
//
// What a step allocates is shown by its own events, by those of later steps or
// by the FIEMAP behind the last one, unless a step between has freed or moved
// it: what later steps do to the file is followed for as long as it is there.
//
// Threading: thread-compatible.
#ifndef DMDAX_TESTS_CONFORMANCE_FED_BLOCKS_H_
#define DMDAX_TESTS_CONFORMANCE_FED_BLOCKS_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "iomap/block_allocator.h"
#include "iomap/dax_inode.h"
#include "iomap/file_extents.h"
#include "tests/conformance/recorded/file_change.h"
#include "tests/conformance/verdict.h"

namespace dmdax::conformance {

// The hexadecimal number after `key` in an event; 0: there is none.
uint64_t HexAfter(const std::string& event, const std::string& key);

// A FIEMAP extent of the recording.
FileExtent Fiemap(const Json& extent);

// Whether FALLOC_FL_ZERO_RANGE frees the blocks and allocates others (xfs).
enum class ZeroRangeFrees { kNo, kYes };
// Whether fallocate(2) keeps what it got before there was no space (ext4).
enum class FallocateKeeps { kNothing, kWhatItGot };
// Whether each allocation is an event of its step.
enum class ShowsAllocations { kNo, kYes };

// What a recording says of a mapping; what is pointed to must outlive it.
struct RecordedBlocks {
  const Json* steps = nullptr;
  std::vector<std::vector<FileChange>> changes;  // by step
  const Json* after = nullptr;                   // FIEMAP; null: unknown
  ZeroRangeFrees zero_frees = ZeroRangeFrees::kNo;
  FallocateKeeps keeps = FallocateKeeps::kNothing;
  ShowsAllocations shows = ShowsAllocations::kNo;
  // Writes zeroes to new blocks of the device, 0 or -errno.  Where they can not
  // be written, a step may have allocated what none of its events shows.
  std::function<int(uint64_t at, uint64_t length)> zeroout;
};

class FedBlocks final : public BlockAllocator {
 public:
  void Record(RecordedBlocks recorded) { recorded_ = std::move(recorded); }
  // Forgets the last step, and feeds what is known of the blocks that step `i`
  // may allocate.
  void Take(size_t i, const DaxInode& inode);
  // Extent size hint in bytes.
  void set_extsize(uint64_t bytes);

  std::optional<FileExtent> Allocate(uint64_t logical,
                                     uint64_t length) override;
  std::unique_ptr<BlockAllocator> Clone() const override {
    return std::make_unique<FedBlocks>(*this);
  }

 private:
  void TakeEvents(size_t i, size_t j, const DaxInode& inode);
  void TakeOwnEvent(const FileExtent& extent, const std::string& text,
                    const DaxInode& inode);
  // Feeds what is seen now at a place where the list has nothing.
  void Feed(const FileExtent& seen);
  // What a step got that could not zero it.
  std::optional<FileExtent> Unseen(const FileExtent& guess) const;
  // From where on nothing shows what step `i` got: another process wrote, and
  // its close(2) freed what lay behind the end of the file (xfs).
  uint64_t FreedBehind(size_t i, const DaxInode& inode) const;
  // Where what step `i` got ends, in bytes of the file, if it found no space.
  uint64_t EndOfGot(size_t i, const DaxInode& inode) const;
  void Follow(const FileChange& change, const DaxInode& inode);
  void FollowSize(const FileChange& change);

  RecordedBlocks recorded_;
  ExtentListAllocator list_;
  // What later steps show, where this one's own events show all that it got.
  ExtentListAllocator later_;
  bool feeds_later_ = false;
  bool has_extsize_ = false;
  // While later steps are looked at: where what a file has there (logical) was
  // in it at the step (physical).
  FileExtents origin_;
  uint64_t size_ = 0;  // of the file there: what grows keeps what lies behind
  // Copies of shared blocks, in order: one that was not used is given back and
  // allocated anew elsewhere.
  std::deque<FileExtent> copies_;
  // Allocations of this step that were seen, each with its length.
  std::vector<FileExtent> seen_;
  FileExtent last_{.length = 0};  // the last that was given in this step
  bool allocates_ = false;        // more than what is seen
  bool full_ = false;             // this step found no space
  uint64_t got_end_ = 0;          // and kept what lies before (bytes)
  uint64_t freed_behind_ = 0;     // see FreedBehind()
  bool left_ = false;  // a try of this step failed behind the allocation
  // Where the file has blocks, near which others would come.
  std::optional<uint64_t> near_;
};

}  // namespace dmdax::conformance

#endif  // DMDAX_TESTS_CONFORMANCE_FED_BLOCKS_H_
