// SPDX-License-Identifier: Apache-2.0
//
// SessionGuard: while a thread works on the state, nothing comes in between.
//
//   const SessionGuard guard;
//   StateDir::Open(...);
//
// * fork(2) of another thread waits: the child would have locks that it can
//   never give back, ours, SQLite's and malloc's, and SQLite would take the
//   parent's transaction for its own.
// * A signal's handler runs afterwards, as it does with an ioctl(2): it may
//   call one itself, or fork.  Who has no handler for a signal that is meant to
//   end a program still dies of it: another process can hold the state's lock
//   for long.
#ifndef DMDAX_TOOLS_PRELOAD_SESSION_GUARD_H_
#define DMDAX_TOOLS_PRELOAD_SESSION_GUARD_H_

#include <signal.h>

namespace dmdax::preload {

class SessionGuard {
 public:
  SessionGuard();
  ~SessionGuard();
  SessionGuard(const SessionGuard&) = delete;
  SessionGuard& operator=(const SessionGuard&) = delete;

  // Whether this thread has one: what it calls now is libc's.
  static bool Held();

 private:
  sigset_t before_;
};

// Works on what all threads have in common.
class OneAtATime {
 public:
  OneAtATime();
  ~OneAtATime();
  OneAtATime(const OneAtATime&) = delete;
  OneAtATime& operator=(const OneAtATime&) = delete;

 private:
  const SessionGuard guard_;
};

}  // namespace dmdax::preload

#endif  // DMDAX_TOOLS_PRELOAD_SESSION_GUARD_H_
