// SPDX-License-Identifier: Apache-2.0
//
// StreamInput: page offsets from a descriptor, a block at a time, either as
// text that ends between two words or as little-endian u64s.
//
//   StreamInput input(STDIN_FILENO, /*block_bytes=*/1 << 16);
//   OrderedBlocks::Next next = input.ReadText(/*interrupted=*/-1, &block);
//
// A word that goes on behind a block is kept for the next one, unless it is too
// long for a page offset anyway.
// Threading: thread-compatible.
#ifndef DMDAX_TOOLS_STREAM_STREAM_INPUT_H_
#define DMDAX_TOOLS_STREAM_STREAM_INPUT_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/units.h"
#include "tools/stream/ordered_blocks.h"
#include "tools/stream/page_words.h"

namespace dmdax {

// Memory for bytes, which nobody clears.
class TextBlock {
 public:
  absl::string_view text() const { return {memory_.get(), size_}; }

 private:
  friend class StreamInput;
  std::unique_ptr<char[]> memory_;
  size_t size_ = 0;
};

class StreamInput {
 public:
  StreamInput(int fd, size_t block_bytes)
      : fd_(fd), block_bytes_(block_bytes) {}

  // Replaces what is there.  kEnd also after an error, and when `interrupted`
  // (-1: nothing) becomes readable before the block is full.  A newline and
  // kPageWordsSlack bytes are behind a text.
  OrderedBlocks::Next ReadText(int interrupted, TextBlock* block);
  // All that are whole.
  OrderedBlocks::Next ReadRaw(int interrupted, std::vector<pgoff_t>* pages);

  // What ended the input before its end: the errno of read(2), or EINVAL for
  // a u64 that is cut.
  const absl::Status& status() const { return status_; }

 private:
  // As many bytes as there are, up to block_bytes_, into `data`.
  bool Fill(int interrupted, char* data, size_t* size);

  const int fd_;
  const size_t block_bytes_;
  char kept_[kLongestPageWord];  // of a word that goes on
  size_t nr_kept_ = 0;
  uint64_t nr_read_ = 0;  // bytes
  absl::Status status_;
};

}  // namespace dmdax

#endif  // DMDAX_TOOLS_STREAM_STREAM_INPUT_H_
