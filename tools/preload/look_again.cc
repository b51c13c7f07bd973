// SPDX-License-Identifier: Apache-2.0
#include "tools/preload/look_again.h"

#include <signal.h>
#include <time.h>

#include <cerrno>
#include <utility>

namespace dmdax::preload {
namespace {

constexpr long kLookAgainNs = 50'000'000;
constexpr long kSecondNs = 1'000'000'000;

timespec NextTime() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  time.tv_nsec += kLookAgainNs;
  time.tv_sec += time.tv_nsec / kSecondNs;
  time.tv_nsec %= kSecondNs;
  return time;
}

}  // namespace

LookAgain::LookAgain(std::function<void()> look) : look_(std::move(look)) {
  sem_init(&over_, 0, 0);
  sigset_t all, before;
  sigfillset(&all);
  // What comes in between came before the call.
  pthread_sigmask(SIG_SETMASK, &all, &before);
  ok_ = pthread_create(&thread_, nullptr, &Run, this) == 0;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

LookAgain::~LookAgain() {
  const int before = errno;  // the system call's
  if (ok_) {
    sem_post(&over_);
    pthread_join(thread_, nullptr);
  }
  sem_destroy(&over_);
  errno = before;
}

void* LookAgain::Run(void* self) {
  auto* const again = static_cast<LookAgain*>(self);
  while (true) {
    const timespec time = NextTime();
    if (sem_clockwait(&again->over_, CLOCK_MONOTONIC, &time) == 0) break;
    if (errno == ETIMEDOUT) again->look_();
  }
  return nullptr;
}

}  // namespace dmdax::preload
