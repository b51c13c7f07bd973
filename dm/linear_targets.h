// SPDX-License-Identifier: Apache-2.0
//
// LinearTargets: the rows of a table that came as columns, made into DmTargets
// when somebody looks at them.
//
//   LinearTargets targets(table, linear, rows, rows->size(), uses, sectors);
//   const DmTarget* ti = targets.Find(8);        // makes 256 rows at most
//   absl::Span<DmTarget> all = targets.All();    // makes all of them
//
// A DmTarget is 100 bytes and another allocation for what the target keeps; to
// make a million of them takes longer than to load the table.  Loading,
// compiling and translating a table needs none: only the chain and `dmsetup
// table` do.
// Threading: thread-safe; a target that was made stays where it is.
#ifndef DMDAX_DM_LINEAR_TARGETS_H_
#define DMDAX_DM_LINEAR_TARGETS_H_

#include <atomic>
#include <memory>
#include <vector>

#include "absl/base/call_once.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "dm/device_mapper.h"
#include "dm/linear_rows.h"

namespace dmdax {

class LinearTargets {
 public:
  // How the rows use one of rows->devices.  Enough to check all of them at
  // once against what a device demands.
  struct Use {
    const DmDev* dev = nullptr;  // null: no row uses it
    size_t first_row = 0;
    uint64_t begin = 0;  // of the first row
    size_t rows = 0;
    uint64_t end = 0;          // the highest start + length
    uint64_t start_bits = 0;   // all starts, or-ed
    uint64_t length_bits = 0;  // all lengths, or-ed
  };

  // `type` has a ctr_range.  Of `rows`, the first `count` are meant; they have
  // `sectors` together.
  LinearTargets(DmTable& table, const TargetType& type,
                std::shared_ptr<const LinearRows> rows, size_t count,
                std::vector<Use> uses, uint64_t sectors);
  ~LinearTargets();

  size_t size() const { return count_; }
  uint64_t sectors() const { return sectors_; }
  const LinearRows& rows() const { return *rows_; }
  // By number of device.
  absl::Span<const Use> uses() const { return uses_; }

  // A row as a target of its own; `begin` is its first sector.
  DmTarget Make(size_t row, uint64_t begin) const;
  // The row that holds `sector`, or null past the end.
  const DmTarget* Find(uint64_t sector);
  absl::Span<DmTarget> All();

 private:
  static constexpr size_t kBlock = 256;  // rows that are made together

  void IndexOnce();
  void MakeBlock(size_t block);

  DmTable& table_;
  const TargetType& type_;
  const std::shared_ptr<const LinearRows> rows_;
  const size_t count_;
  const std::vector<Use> uses_;
  const uint64_t sectors_;

  absl::once_flag indexed_;
  Column<uint64_t> highs_;  // last sector of each row
  absl::Mutex making_;
  DmTarget* targets_ = nullptr;                // memory for all of them
  std::unique_ptr<std::atomic<bool>[]> made_;  // by block
};

// The first of n >= 1 ascending numbers that is not below `sector`, which must
// not be above the last: std::lower_bound() written so that the comparison is
// added and not jumped on, because random searches mispredict every other
// jump.
inline size_t FindHigh(const uint64_t* highs, size_t n, uint64_t sector) {
  const uint64_t* high = highs;
  for (size_t left = n; left > 1;) {
    const size_t half = left / 2;
    high += static_cast<size_t>(high[half - 1] < sector) * half;
    left -= half;
  }
  return static_cast<size_t>(high - highs);
}

}  // namespace dmdax

#endif  // DMDAX_DM_LINEAR_TARGETS_H_
