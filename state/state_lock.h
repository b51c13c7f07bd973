// SPDX-License-Identifier: Apache-2.0
//
// StateLock: of the commands that change a state directory, one at a time.
//
//   absl::StatusOr<StateLock> lock = StateLock::Take(dir, wait);
//
// The lock is on the file `lock`, which says the holder's pid.  The database
// has locks of its own; this one is fair, and tells who is waited for.
//
// Errors: the errno of the system call; ETIMEDOUT when the wait is over; as
// PrivateDir for a file that is not ours.
// Threading: thread-compatible.  A forked child does not hold it.
#ifndef DMDAX_STATE_STATE_LOCK_H_
#define DMDAX_STATE_STATE_LOCK_H_

#include <functional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/fd.h"
#include "state/private_dir.h"

namespace dmdax {

// How long to wait, and whom to tell: `say` is called once, after a second.
struct StateWait {
  absl::Duration timeout = absl::InfiniteDuration();
  std::function<void(const std::string& text)> say;
};

class StateLock {
 public:
  static absl::StatusOr<StateLock> Take(const PrivateDir& dir,
                                        const StateWait& wait);
  ~StateLock();
  StateLock(StateLock&&) = default;

 private:
  explicit StateLock(Fd fd) : fd_(std::move(fd)) {}

  Fd fd_;
};

}  // namespace dmdax

#endif  // DMDAX_STATE_STATE_LOCK_H_
