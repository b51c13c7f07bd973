// SPDX-License-Identifier: Apache-2.0
//
// ExtentCursor: what lies at a place of a file, for whoever goes through the
// file in order and asks about most places more than once.
//
//   ExtentCursor cursor(extents);
//   const FileExtent& extent = cursor.At(0);  // whole; or a hole to the next
//   uint64_t end = extent.end();
//
// The extents must not change meanwhile.  Threading: thread-compatible.
#ifndef DMDAX_PROCESS_SWEEP_EXTENT_CURSOR_H_
#define DMDAX_PROCESS_SWEEP_EXTENT_CURSOR_H_

#include <cstdint>
#include <iterator>

#include "iomap/file_extents.h"

namespace dmdax {

class ExtentCursor {
 public:
  explicit ExtentCursor(const FileExtents& extents)
      : extents_(extents), behind_(extents.end()) {}

  // FileExtents::Around(): the extent that has byte `pos`, or a hole from there
  // on.
  const FileExtent& At(uint64_t pos) {
    if (pos < at_.logical || pos >= at_.end()) Go(pos);
    return at_;
  }

 private:
  // Whoever goes on in order wants the next, or one soon after it.
  static constexpr int kSteps = 16;

  void Go(uint64_t pos) {
    const bool forward = at_.length != 0 && pos >= at_.end();
    int steps = forward ? kSteps : 0;
    while (steps > 0 && behind_ != extents_.end() && behind_->first <= pos) {
      ++behind_;
      --steps;
    }
    if (steps == 0) behind_ = extents_.Behind(pos);
    if (behind_ != extents_.begin()) {
      const FileExtent& before = std::prev(behind_)->second;
      if (pos < before.end()) {
        at_ = before;
        return;
      }
    }
    at_ = extents_.Find(pos);
  }

  const FileExtents& extents_;
  FileExtent at_;                 // of length 0: none yet
  FileExtents::Iterator behind_;  // the first that begins behind `at_`
};

}  // namespace dmdax

#endif  // DMDAX_PROCESS_SWEEP_EXTENT_CURSOR_H_
