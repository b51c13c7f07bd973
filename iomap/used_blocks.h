// SPDX-License-Identifier: Apache-2.0
//
// UsedBlocks: which bytes of a file system's device somebody owns.
//
//   UsedBlocks used;
//   used.Add(BlockSharing::kOwned, 4096, 8192);
//   used.Refuses(BlockSharing::kShared, 8192, 4096);   // true: it is owned
//   used.EndOfUsed(8192);                     // 12288: free from there on
//
// Ranges that touch are one entry, so that a full disk is a small map.
// Threading: thread-compatible.
#ifndef DMDAX_IOMAP_USED_BLOCKS_H_
#define DMDAX_IOMAP_USED_BLOCKS_H_

#include <cstdint>

#include "base/ranges.h"

namespace dmdax {

// kShared: by extents that are all marked shared (reflinked).
enum class BlockSharing { kOwned, kShared };

class UsedBlocks {
 public:
  void Add(BlockSharing sharing, uint64_t start, uint64_t length);

  // Whether an extent with this mark can not have [start, start + length):
  // somebody owns a part of it, or shares one and this extent does not.
  bool Refuses(BlockSharing sharing, uint64_t start, uint64_t length) const;

  // The end of the used range that `pos` lies in; `pos` itself if it is free.
  uint64_t EndOfUsed(uint64_t pos) const;
  // Where the next used range begins that does not end before `pos`; 2^64 - 1
  // when there is none.
  uint64_t NextUsed(uint64_t pos) const;

 private:
  static bool Overlaps(const Ranges& ranges, uint64_t start, uint64_t end);
  static uint64_t EndOf(const Ranges& ranges, uint64_t pos);
  static uint64_t Next(const Ranges& ranges, uint64_t pos);

  Ranges owned_;
  Ranges shared_;
};

}  // namespace dmdax

#endif  // DMDAX_IOMAP_USED_BLOCKS_H_
