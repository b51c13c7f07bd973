// SPDX-License-Identifier: Apache-2.0
//
// Writeback: what is known of the bytes that programs wrote to a block device
// through its page cache and that the device did not take: the blocks, until
// somebody says which they are, and the error, until somebody is told.
//
// An error is told to each file once, and to a file that is opened later if
// nobody has been told before: a program that never calls fsync leaves it to
// the next one.
//
// Mirrors: wb_err of struct address_space, lib/errseq.c (4.14 to 7.3).
// Threading: thread-safe.
#ifndef DMDAX_BLOCK_WRITEBACK_H_
#define DMDAX_BLOCK_WRITEBACK_H_

#include <cstdint>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "base/ranges.h"
#include "base/units.h"

namespace dmdax {

class Writeback {
 public:
  // Sectors [begin, end) of the device.
  struct Run {
    uint64_t begin, end;
  };
  void Lost(sector_t sector, uint64_t sectors);
  void Written(sector_t sector, uint64_t sectors);
  // What is lost since the last call, in the order of the device.
  std::vector<Run> TakeLost();

  // errseq_set().
  void SetError(int err);
  // errseq_sample(): where a file that is opened now begins.
  uint64_t Sample() const;
  // errseq_check_and_advance(): 0, or the errno of an error since `*since`,
  // which is told thereby.
  int CheckAndAdvance(uint64_t* since);

 private:
  mutable absl::Mutex mu_;
  Ranges lost_ ABSL_GUARDED_BY(mu_);
  uint64_t errors_ ABSL_GUARDED_BY(mu_) = 0;  // so far
  int err_ ABSL_GUARDED_BY(mu_) = 0;          // the latest
  bool seen_ ABSL_GUARDED_BY(mu_) = true;
};

}  // namespace dmdax

#endif  // DMDAX_BLOCK_WRITEBACK_H_
