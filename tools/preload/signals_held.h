// SPDX-License-Identifier: Apache-2.0
//
// SignalsHeld: a system call that blocks, made of several, to which a signal
// comes either before or after and never in between.
//
//   SignalsHeld signals;
//   while (!Done()) {
//     usleep(50'000);
//     if (signals.LetIn()) return EINTR;
//   }
#ifndef DMDAX_TOOLS_PRELOAD_SIGNALS_HELD_H_
#define DMDAX_TOOLS_PRELOAD_SIGNALS_HELD_H_

#include <pthread.h>
#include <signal.h>

namespace dmdax::preload {

class SignalsHeld {
 public:
  SignalsHeld() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsHeld() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsHeld(const SignalsHeld&) = delete;
  SignalsHeld& operator=(const SignalsHeld&) = delete;

  // The mask of before.
  const sigset_t& before() const { return before_; }

  // Runs the handlers of the signals that came.  True if one of them ends the
  // call, as every handler without SA_RESTART does.
  bool LetIn() {
    sigset_t pending;
    sigpending(&pending);
    bool ends = false;
    for (int signal = 1; signal < NSIG; ++signal) {
      struct sigaction action;
      if (sigismember(&pending, signal) != 1 ||
          sigismember(&before_, signal) == 1 ||
          sigaction(signal, nullptr, &action) != 0) {
        continue;
      }
      ends |= action.sa_handler != SIG_DFL && action.sa_handler != SIG_IGN &&
              (action.sa_flags & SA_RESTART) == 0;
    }
    sigset_t held;
    pthread_sigmask(SIG_SETMASK, &before_, &held);
    pthread_sigmask(SIG_SETMASK, &held, nullptr);
    return ends;
  }

 private:
  sigset_t before_;
};

}  // namespace dmdax::preload

#endif  // DMDAX_TOOLS_PRELOAD_SIGNALS_HELD_H_
