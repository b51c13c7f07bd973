// SPDX-License-Identifier: Apache-2.0
//
// DaxFastPath: what a DaxDevice worked out beforehand of all that lies below.
//
// DaxDirectAccess() asks the device's fast path first, and its operations only
// if that does not know:
//
//   if (page < fast_path.window.pages) return fast_path.window.At(page, 512);
//   const DaxFrames frames = fast_path.shortcut(fast_path, pgoff_t(page), 512);
//   if (frames.ret > 0) return fast_path.At(frames);
//   // kAskOperations: down the chain; else frames.ret is the errno
//
// This is the way of every translation, so it is made of what costs least.
// A device that is one window, however deep its stack, is answered without a
// call.  For the others there is a function for every form of fast path, which
// is called without looking at anything first and answers in two registers;
// what follows from the frame is added here, and not worked out if the caller
// does not look at it.  A function that enters the read section itself and
// writes its answer to memory is slower, for one window twice as slow
// (measured with the benchmark families `depth:D` and `targets:N`).
//
// Mirrors: nothing; the kernel asks level by level.  What is answered is
// dax_direct_access()'s.
// Threading: immutable once offered (see DaxDevice::SetFastPath()).
#ifndef DMDAX_DAX_DAX_FAST_PATH_H_
#define DMDAX_DAX_DAX_FAST_PATH_H_

#include <cstdint>
#include <limits>

#include "base/units.h"
#include "dax/dax_access.h"

namespace dmdax {

// ret > 0: that many pages from frame `pfn` on.  Else -errno, or
// DaxFastPath::kAskOperations; there is no frame.
struct DaxFrames {
  int64_t ret;
  uint64_t pfn;
};

// Where the bytes behind a range of frames are.
struct DaxLeaf {
  uint64_t first = 0;  // frame from which on it is this leaf; 0 in the lowest
  uint64_t pfn = 0;    // of the first byte
  uint32_t pfn_flags = 0;
  char* kaddr = nullptr;  // of frame `pfn`; null when the leaf has no bytes
};

struct DaxFastPath {
  static constexpr int64_t kAskOperations = std::numeric_limits<int64_t>::min();
  using Shortcut = DaxFrames (*)(const DaxFastPath& fast_path, pgoff_t pgoff,
                                 int64_t nr_pages);

  // The whole answer; frames.ret > 0.
  DaxAccess At(DaxFrames frames) const {
    const DaxLeaf* leaf = last_leaf;
    while (frames.pfn < leaf->first) --leaf;
    return {frames.ret, pfn_t(frames.pfn), leaf->pfn_flags,
            KaddrOf(leaf->kaddr, frames.pfn - leaf->pfn)};
  }

  // The first pages of the device, or none.
  DaxWindow window;
  // Answers for any page, nr_pages >= 1.
  Shortcut shortcut = AskOperations;
  // Of an array in ascending order, all of which is the fast path's; unless
  // the shortcut finds no frames.
  const DaxLeaf* last_leaf = nullptr;

 private:
  static DaxFrames AskOperations(const DaxFastPath&, pgoff_t, int64_t) {
    return {kAskOperations, 0};
  }
};

// Of a device that has worked out nothing.
inline constexpr DaxFastPath kNoDaxFastPath;

}  // namespace dmdax

#endif  // DMDAX_DAX_DAX_FAST_PATH_H_
