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

#include "iomap/file_extents.h"

namespace dmdax {

class ExtentCursor {
 public:
  explicit ExtentCursor(const FileExtents& extents) : extents_(extents) {}

  // The extent that has byte `pos`, or a hole from there on.
  const FileExtent& At(uint64_t pos) {
    if (pos < at_.logical || pos >= at_.end()) at_ = extents_.Around(pos);
    return at_;
  }

 private:
  const FileExtents& extents_;
  FileExtent at_;  // of length 0: none yet
};

}  // namespace dmdax

#endif  // DMDAX_PROCESS_SWEEP_EXTENT_CURSOR_H_
