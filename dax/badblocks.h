// SPDX-License-Identifier: Apache-2.0
//
// Badblocks: the poisoned sectors of a persistent-memory device.
//
//   Badblocks bb;
//   bb.Set(sector_t{8}, 16);             // sectors 8..23 are bad
//   bb.Check(sector_t{0}, 4096)->first;  // 8
//   bb.Clear(sector_t{8}, 8);            // 16..23 remain
//
// Mirrors: block/badblocks.c badblocks_set, badblocks_check, badblocks_clear
// (6.1), without its limit of 512 entries.  Threading: thread-compatible; the
// owner locks.
#ifndef DMDAX_DAX_BADBLOCKS_H_
#define DMDAX_DAX_BADBLOCKS_H_

#include <cstdint>
#include <map>
#include <optional>

#include "base/units.h"

namespace dmdax {

struct BadRange {
  sector_t first;
  uint64_t sectors = 0;

  friend bool operator==(const BadRange&, const BadRange&) = default;
};

class Badblocks {
 public:
  // Marks `sectors` sectors from `first` on.  Ranges merge; an end past
  // 2^64-1 is cut there.
  void Set(sector_t first, uint64_t sectors);
  void Clear(sector_t first, uint64_t sectors);

  // The first bad range, cut to the window, or nothing.
  std::optional<BadRange> Check(sector_t first, uint64_t sectors) const;

  // Where the kernel's entry that holds bad sector `bad` begins.  An entry
  // covers at most 512 sectors, counted from the start of the range.
  sector_t EntryStart(sector_t bad) const;

  bool empty() const { return ranges_.empty(); }
  // First sector -> number of sectors, ascending, disjoint.
  const std::map<uint64_t, uint64_t>& ranges() const { return ranges_; }

 private:
  std::map<uint64_t, uint64_t> ranges_;
};

}  // namespace dmdax

#endif  // DMDAX_DAX_BADBLOCKS_H_
