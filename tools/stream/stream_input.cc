// SPDX-License-Identifier: Apache-2.0
#include "tools/stream/stream_input.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"

namespace dmdax {
namespace {

using Next = OrderedBlocks::Next;

// Waits until `fd` has something to say, an error too.  False: `interrupted`
// had it first.
bool WaitForInput(int fd, int interrupted) {
  if (interrupted < 0) return true;
  pollfd both[] = {{.fd = interrupted, .events = POLLIN},
                   {.fd = fd, .events = POLLIN}};
  while (poll(both, 2, -1) < 0 && errno == EINTR) {
  }
  return both[0].revents == 0;
}

}  // namespace

bool StreamInput::Fill(int interrupted, char* data, size_t* size) {
  *size = 0;
  while (*size < block_bytes_) {
    if (!WaitForInput(fd_, interrupted)) return false;
    const ssize_t n = read(fd_, data + *size, block_bytes_ - *size);
    if (n == 0) break;
    if (n > 0) {
      *size += static_cast<size_t>(n);
    } else if (errno != EINTR) {
      const int err = errno;
      status_ = ErrnoError(
          err, absl::StrCat("cannot read '<stdin>': ", ErrnoText(err)));
      return false;
    }
  }
  nr_read_ += *size;
  return true;
}

Next StreamInput::ReadText(int interrupted, TextBlock* block) {
  if (block->memory_ == nullptr) {
    block->memory_ = std::make_unique_for_overwrite<char[]>(
        sizeof kept_ + block_bytes_ + kPageWordsSlack);
  }
  char* const text = block->memory_.get();
  memcpy(text, kept_, nr_kept_);
  size_t more;
  if (!Fill(interrupted, text + nr_kept_, &more)) return Next::kEnd;
  const size_t size = nr_kept_ + more;
  size_t end = size;
  if (more == block_bytes_) {
    const size_t least = size - std::min(size, sizeof kept_);
    while (end > least && !IsWordSpace(text[end - 1])) --end;
    // The whole word is here, or its beginning is enough to refuse it.
    if (end == least && end > 0 && !IsWordSpace(text[end - 1])) end = size;
  }
  nr_kept_ = size - end;
  memcpy(kept_, text + end, nr_kept_);
  // Digits that an earlier block left behind would be harmless, but memory
  // that was never written is not.
  memset(text + end, '\n', kPageWordsSlack);
  block->size_ = end;
  return more == block_bytes_ ? Next::kMore : Next::kLast;
}

Next StreamInput::ReadRaw(int interrupted, std::vector<pgoff_t>* pages) {
  // A pgoff_t has the layout of the number it holds.
  static_assert(sizeof(pgoff_t) == sizeof(uint64_t));
  static_assert(std::endian::native == std::endian::little);
  pages->resize(block_bytes_ / sizeof(uint64_t));
  size_t bytes;
  if (!Fill(interrupted, reinterpret_cast<char*>(pages->data()), &bytes)) {
    return Next::kEnd;
  }
  pages->resize(bytes / sizeof(uint64_t));
  if (bytes % sizeof(uint64_t) != 0) {
    status_ =
        ErrnoError(EINVAL, absl::StrCat("<stdin>: ends at byte ", nr_read_,
                                        ", in the middle of a u64"));
  }
  return bytes == block_bytes_ ? Next::kMore : Next::kLast;
}

}  // namespace dmdax
