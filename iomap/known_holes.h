// SPDX-License-Identifier: Apache-2.0
//
// KnownHoles: the holes of a file that ext4 remembers in its extent status
// tree.
//
//   uint64_t end = inode.known_holes.EndOf(pos, gap_start, gap_end);
//
// A lookup in a hole remembers the whole gap between two extents.  Punching
// into it forgets the part that was punched (later kernels keep that part, by
// itself: Remember()), so that the next lookup beside it ends there, although
// the hole goes on; a lookup inside finds, and remembers, the whole gap again.
// Mirrors: ext4_ext_put_gap_in_cache, ext4_es_remove_extent (6.1).
// Threading: thread-compatible.
#ifndef DMDAX_IOMAP_KNOWN_HOLES_H_
#define DMDAX_IOMAP_KNOWN_HOLES_H_

#include <cstdint>

#include "base/ranges.h"

namespace dmdax {

class KnownHoles {
 public:
  // Where the hole at `pos` ends as far as ext4 says, at most `gap_end`.
  // The gap that a look at it finds, [gap_start, gap_end) in bytes, contains
  // `pos`.
  uint64_t EndOf(uint64_t pos, uint64_t gap_start, uint64_t gap_end);
  // Where the hole ends that is known at `pos`, or 0.
  uint64_t End(uint64_t pos) const;
  // A punch that leaves [start, end) as a hole in the tree (since 6.7);
  // neighbours become one.
  void Remember(uint64_t start, uint64_t end);
  // Forgets the holes in [start, end).
  void Forget(uint64_t start, uint64_t end);

  // Start -> end, bytes.
  const Ranges& all() const { return holes_; }

 private:
  Ranges holes_;
};

}  // namespace dmdax

#endif  // DMDAX_IOMAP_KNOWN_HOLES_H_
