// SPDX-License-Identifier: Apache-2.0
#include "tools/preload/session_guard.h"

#include <pthread.h>

#include <initializer_list>

namespace dmdax::preload {
namespace {

// Shared by those who work, alone with the one who forks.  C's: it is there
// before any constructor has run.
pthread_rwlock_t working = PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP;

pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;

thread_local bool held = false;

void BeforeFork() { pthread_rwlock_wrlock(&working); }
void InParent() { pthread_rwlock_unlock(&working); }
// The lock knows its writer by a number that the child does not have.
void InChild() {
  working = pthread_rwlock_t(PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP);
}

__attribute__((constructor)) void WatchForks() {
  pthread_atfork(&BeforeFork, &InParent, &InChild);
}

}  // namespace

SessionGuard::SessionGuard() {
  sigset_t most;
  sigfillset(&most);
  for (int signal : {SIGINT, SIGQUIT, SIGTERM, SIGHUP}) {
    struct sigaction action;
    if (sigaction(signal, nullptr, &action) == 0 &&
        action.sa_handler == SIG_DFL) {
      sigdelset(&most, signal);
    }
  }
  pthread_sigmask(SIG_BLOCK, &most, &before_);
  pthread_rwlock_rdlock(&working);
  held = true;
}

SessionGuard::~SessionGuard() {
  held = false;
  pthread_rwlock_unlock(&working);
  pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

bool SessionGuard::Held() { return held; }

OneAtATime::OneAtATime() { pthread_mutex_lock(&one_at_a_time); }
OneAtATime::~OneAtATime() { pthread_mutex_unlock(&one_at_a_time); }

}  // namespace dmdax::preload
