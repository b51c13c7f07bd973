// SPDX-License-Identifier: Apache-2.0
//
// SweepCell: pages of a file next to each other that a fault finds alike; what
// a sweep (process/sweep/dax_sweep.h) need not ask page by page.
//
//   ForEachSweepCell(*file, faults, access, /*first=*/0, pages,
//   SweepDetail::kPages,
//                    [&](const SweepCell& cell) { Look(cell); });
//
// Every place where anything changes ends a cell: an extent, a piece of the
// device below (dax/dax_piece.h), the end of the file, a DAX entry that is
// already in the file's mapping.  They come one by one, and nobody keeps them:
// a file may have as many as it has pages.
// Threading: as the file's.
#ifndef DMDAX_PROCESS_SWEEP_SWEEP_CELLS_H_
#define DMDAX_PROCESS_SWEEP_SWEEP_CELLS_H_

#include <sys/mman.h>

#include <cstdint>

#include "absl/functional/function_ref.h"
#include "base/fault_profile.h"
#include "mm/vm_area.h"

namespace dmdax {

// Units are pages of the memory (4096 bytes).
struct SweepCell {
  uint64_t end = 0;  // where the next begins
  // Huge pages that lie inside the cell and a multiple of this apart get the
  // same; 0: each must be asked.
  uint64_t repeat = 0;
  // What its single pages get where the huge page around them cannot be
  // mapped as one entry.
  enum class Single : uint8_t {
    kFrames,  // each its own frame, here and in every other such cell
    kHole,    // the zero page, here and in every other such cell
    kAlike,   // all the same, but another such cell may get something else
    kAny,     // each must be asked
  };
  Single single = Single::kAny;
};

struct SweepAccess {
  bool write = false;
  bool is_private = false;  // MAP_PRIVATE
  bool sync = false;        // MAP_SYNC
  // What was allocated and never written (fallocate) is asked as a write finds
  // it, whatever `write` says: it has its blocks, which a read does not see.
  bool unwritten_is_written = false;
};

// The PROT_* of a mapping for such an access: of a file that is open for
// reading only the write alone is asked for, and refused.
inline int SweepProt(const File& file, const SweepAccess& access) {
  return file.writable || access.write ? PROT_READ | PROT_WRITE : PROT_READ;
}

// A huge page of `file`: pages of the largest entry that a fault may make, a
// PMD's or a device-dax's alignment.
uint64_t SweepHugePages(const File& file, const FaultProfile& faults);

using SweepCellFn = absl::FunctionRef<void(const SweepCell& cell)>;

// What cells are for.
enum class SweepDetail : uint8_t {
  kPages,      // single pages, too
  kHugePages,  // what is shorter than two huge pages is kAny, each to be asked
};

// The cells of pages [0, pages) of a DAX file or a device-dax, in order; those
// that end before page `first` may be left out.
void ForEachSweepCell(const File& file, const FaultProfile& faults,
                      const SweepAccess& access, uint64_t first, uint64_t pages,
                      SweepDetail detail, SweepCellFn fn);

}  // namespace dmdax

#endif  // DMDAX_PROCESS_SWEEP_SWEEP_CELLS_H_
