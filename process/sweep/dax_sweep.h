// SPDX-License-Identifier: Apache-2.0
//
// DaxSweep: what a fault gets, for every 4 KiB, 2 MiB or 1 GiB of a file.
//
//   SweepRequest request{.file = file, .size = 16 << 20, .order = 9};
//   absl::StatusOr<DaxSweep> sweep = SweepDax(user, request);
//   for (const SweepTotal& t : sweep->totals)     // slots by outcome
//     std::cout << t.slots << " of order " << t.outcome.order << "\n";
//   sweep->ForEachRange([&](const SweepRange& r) { return Use(r); });
//
// A slot is so many bytes of the file, at a multiple of their number.  Its
// outcome is that of a first touch of its first byte, in a mapping of the
// whole file at an aligned address: the order of the entry, or the signal; and
// the reason why it is no larger, with the level of the stack that caused it.
// Slots do not see each other: each is asked as if it were the only one.
//
// The answer is the fault's own (DaxIomapFault() and what is around it), asked
// once for all slots that cannot differ (process/sweep/sweep_cells.h).  What
// follows from the extents and direct_access alone is not asked of a fault
// again and again, but compared with one (process/sweep/short_answers.h).  A
// stripe costs a period and not its length: its ranges repeat, and are kept
// once.  Memory is needed for what is answered, and no more.
//
// Mirrors: nothing; the kernel has no such question.
// Threading: as the file's.
#ifndef DMDAX_PROCESS_SWEEP_DAX_SWEEP_H_
#define DMDAX_PROCESS_SWEEP_DAX_SWEEP_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "mm/mm_struct.h"
#include "process/sweep/sweep_cells.h"
#include "process/user_space.h"

namespace dmdax {

struct SweepRequest {
  std::shared_ptr<File> file;  // a DAX file or device-dax
  std::string name;            // as errors call it; "": by its path
  uint64_t size = 0;           // bytes of it
  int order = 0;               // of a slot: 0, pmd_order() or pud_order()
  // Entries smaller than this have a reason, whatever the slots; in any case
  // those smaller than a slot and than a PMD.
  int want = 0;
  // What of it: slots that have a byte of [offset, offset + length).
  uint64_t offset = 0;  // bytes
  uint64_t length = 0;  // bytes; 0: to the end
  SweepAccess access;
  // Pages that may be asked one by one; more would take minutes.
  uint64_t most_asked = uint64_t{1} << 24;
};

// What a slot gets.  Equal are outcomes of the same size or signal, for the
// same reason at the same level; the reason's numbers are the first slot's.
struct SweepOutcome {
  int order = 0;  // meaningless with a signal
  int sig = 0;    // SIGBUS, SIGKILL or 0
  int si_code = 0;
  bool zero_page = false;
  // Set if the entry is smaller than wanted: than a PMD, or in a sweep of
  // 1 GiB than a PUD; and for a signal.
  FaultReason reason;

  bool Equals(const SweepOutcome& other) const;
};

// Slots next to each other with one outcome.
struct SweepRange {
  uint64_t first = 0;  // slot; 0 is the first of the file
  uint64_t slots = 0;
  size_t outcome = 0;  // in DaxSweep::totals
};

struct SweepTotal {
  SweepOutcome outcome;
  uint64_t slots = 0;
  uint64_t first = 0;  // the first slot with it, whose numbers it has
};

// Ranges that come again and again: those of slots [first, first + repeat), up
// to slot first + slots.  Elsewhere repeat == slots.
struct SweepBlock {
  uint64_t first = 0;
  uint64_t slots = 0;
  uint64_t repeat = 0;
  size_t first_range = 0;  // in DaxSweep::ranges
  size_t nr_ranges = 0;
};

struct DaxSweep {
  uint64_t slot_bytes = 0;
  uint64_t first = 0;  // slot
  uint64_t slots = 0;
  std::vector<SweepTotal> totals;  // in the order of their first slot
  std::vector<SweepBlock> blocks;  // adjoin
  std::vector<SweepRange> ranges;
  uint64_t asked = 0;   // slots that were asked for
  uint64_t faults = 0;  // of which so many were asked of a fault

  // All ranges with repetitions spread out, until fn returns false.
  void ForEachRange(absl::FunctionRef<bool(const SweepRange&)> fn) const;
  // How many there are.
  uint64_t NrRanges() const;
};

// EINVAL: `order` is no size of this architecture, or the range lies beyond
// the file; EOPNOTSUPP: the file is not DAX; EFBIG: a limit of ours, more than
// `most_asked` pages would have to be asked one by one; what mmap() answers.
absl::StatusOr<DaxSweep> SweepDax(UserSpace& user, const SweepRequest& request);

}  // namespace dmdax

#endif  // DMDAX_PROCESS_SWEEP_DAX_SWEEP_H_
