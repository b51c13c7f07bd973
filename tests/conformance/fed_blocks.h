// SPDX-License-Identifier: Apache-2.0
//
// FedBlocks: gives a file the blocks that the recorded kernel's allocator gave
// it.
//
//   FedBlocks blocks;
//   blocks.Later(extents);           // what FIEMAP shows in the end
//   blocks.Take(steps, i, extents);  // what the events show of step i
//
// Threading: thread-compatible.
#ifndef DMDAX_TESTS_CONFORMANCE_FED_BLOCKS_H_
#define DMDAX_TESTS_CONFORMANCE_FED_BLOCKS_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "iomap/block_allocator.h"
#include "iomap/dax_inode.h"
#include "iomap/file_extents.h"
#include "tests/conformance/verdict.h"

namespace dmdax::conformance {

// The hexadecimal number after `key` in an event; 0: there is none.
uint64_t HexAfter(const std::string& event, const std::string& key);

// A FIEMAP extent of the recording.
FileExtent Fiemap(const Json& extent);

class FedBlocks final : public BlockAllocator {
 public:
  // Blocks of a FIEMAP after the map: those of fallocate, which no event shows.
  void Later(const Json& fiemap);
  // Forgets the last step, and feeds what the events of step `i` and of those
  // behind it show, up to one that frees blocks, where the file has none.
  void Take(const Json& steps, size_t i, const DaxInode& inode);
  // Extent size hint in bytes.
  void set_extsize(uint64_t bytes) { list_.set_extsize(bytes); }

  std::optional<FileExtent> Allocate(uint64_t logical,
                                     uint64_t length) override;
  std::unique_ptr<BlockAllocator> Clone() const override {
    return std::make_unique<FedBlocks>(*this);
  }

 private:
  // Feeds the parts of `extent` that the file has no blocks for.
  void AddMissing(const FileExtent& extent, const FileExtents& have);

  ExtentListAllocator list_;
  // Copies of shared blocks, in order: one that was not used is given back and
  // allocated anew elsewhere.
  std::deque<FileExtent> copies_;
  bool unknown_ = false;
  bool left_ = false;  // a try of this step failed behind the allocation
};

}  // namespace dmdax::conformance

#endif  // DMDAX_TESTS_CONFORMANCE_FED_BLOCKS_H_
