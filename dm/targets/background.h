// SPDX-License-Identifier: Apache-2.0
//
// BackgroundCopy: how far a kernel thread has come that copies data: a little
// at once, and the rest as the machine's clock goes on.  On real hardware the
// speed depends on the load; this is one that small recoveries do not notice
// and large ones do.
//
//   BackgroundCopy copy;
//   copy.Start(100);
//   copy.Take(100, 1024);  // 8 units of 1024 sectors, 4 MiB
//   copy.Take(100, 1024);  // 0
//   copy.Take(101, 1024);  // 256, 128 MiB
//
// Where targets delay what is read or written, 512 KiB at a time take as long.
#ifndef DMDAX_DM_TARGETS_BACKGROUND_H_
#define DMDAX_DM_TARGETS_BACKGROUND_H_

#include <algorithm>
#include <cstdint>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace dmdax {

// need_commit_due_to_time(): the workers of thin, cache and clone commit once a
// second what has changed (COMMIT_PERIOD); the machine's clock counts seconds.
inline bool NeedCommitDueToTime(int64_t now, int64_t last_commit) {
  return now - last_commit > 1;
}

class BackgroundCopy {
 public:
  void Start(int64_t now) {
    since_ = now;
    copied_ = 0;
  }

  // How many units of so many sectors can be copied by `now` that have not
  // been counted yet; they are now.  `delay_ms`: of a read and a write.
  uint64_t Take(int64_t now, uint64_t unit, uint64_t delay_ms = 0) {
    constexpr uint64_t kAtOnce = 8192, kPerSecond = 262144;  // sectors
    // SPLIT_COUNT sub-jobs of SUB_JOB_SIZE, of kcopyd.
    constexpr uint64_t kJob = 1024;
    const auto seconds =
        static_cast<uint64_t>(std::max<int64_t>(now - since_, 0));
    uint64_t allowed =
        kAtOnce + std::min<uint64_t>(seconds, 1 << 30) * kPerSecond;
    if (delay_ms > 0) {
      const uint64_t jobs = (unit + kJob - 1) / kJob;
      allowed = std::min(allowed, seconds * 1000 / (delay_ms * jobs) * unit);
    }
    const uint64_t units = (std::max(allowed, copied_) - copied_) / unit;
    copied_ += units * unit;
    return units;
  }

  // For snapshots: one word.
  std::string Save() const { return absl::StrCat(since_, "+", copied_); }
  bool Restore(absl::string_view word) {
    const size_t plus = word.rfind('+');
    return plus != word.npos &&
           absl::SimpleAtoi(word.substr(0, plus), &since_) &&
           absl::SimpleAtoi(word.substr(plus + 1), &copied_);
  }

 private:
  int64_t since_ = 0;
  uint64_t copied_ = 0;
};

}  // namespace dmdax

#endif  // DMDAX_DM_TARGETS_BACKGROUND_H_
