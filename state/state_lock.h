// SPDX-License-Identifier: Apache-2.0
//
// StateLock: of the commands that change a state directory, one at a time.
//
//   Patience patience(wait);
//   absl::StatusOr<StateLock> lock = StateLock::Take(dir, patience);
//
// The lock is on the file `lock`, which says the holder's pid as long as it is
// held.  The database has locks of its own; this one is fair, and tells who is
// waited for.
//
// Errors: the errno of the system call; ETIMEDOUT when the wait is over; as
// PrivateDir for a file that is not ours.
// Threading: thread-compatible.  A forked child does not hold it.
#ifndef DMDAX_STATE_STATE_LOCK_H_
#define DMDAX_STATE_STATE_LOCK_H_

#include <functional>
#include <string>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/fd.h"
#include "state/private_dir.h"

namespace dmdax {

// How long to wait, and whom to tell: `say` is called once, after a second.
struct StateWait {
  absl::Duration timeout = absl::InfiniteDuration();
  std::function<void(const std::string& text)> say;
};

// What is left of a StateWait; it begins at once.
class Patience {
 public:
  explicit Patience(StateWait wait)
      : wait_(std::move(wait)), start_(absl::Now()) {}

  // Between two looks: waits a little, and says what for if it is time to.
  // False: that was all.
  bool LookAgain(absl::FunctionRef<std::string()> what_for);
  // Nothing is left to do but to wait.
  bool IsEndless() const {
    return said_ && wait_.timeout == absl::InfiniteDuration();
  }
  absl::Duration timeout() const { return wait_.timeout; }

 private:
  const StateWait wait_;
  const absl::Time start_;
  bool said_ = false;
};

// The pid of another process that has an exclusive lock of fcntl(2) on bytes of
// the file; 0: nobody, or the kernel does not say.  The file is not opened: who
// closes it loses the locks of its own.
int RecordLockHolder(const std::string& path);

class StateLock {
 public:
  static absl::StatusOr<StateLock> Take(const PrivateDir& dir,
                                        Patience& patience);
  ~StateLock();
  StateLock(StateLock&&) = default;

 private:
  explicit StateLock(Fd fd) : fd_(std::move(fd)) {}

  Fd fd_;
};

}  // namespace dmdax

#endif  // DMDAX_STATE_STATE_LOCK_H_
