// SPDX-License-Identifier: Apache-2.0
//
// Tells ThreadSanitizer of absl::Mutex.
//
// Debian's Abseil is compiled without -fsanitize=thread, so TSan does not see
// that a Mutex orders anything and reports a race on all that it guards.  The
// linker's --wrap sends each call through here.  Covered are the lock and
// unlock family and CondVar::Wait(); not Await() and LockWhen(), whose
// conditions run inside Abseil.
#include <sanitizer/tsan_interface.h>

// absl::debian3::Mutex::NAME(), as the linker spells it.
#define MUTEX(prefix, name) prefix##_ZN4absl7debian35Mutex##name##Ev

extern "C" {

void MUTEX(__real_, 4Lock)(void* mu);
void MUTEX(__real_, 6Unlock)(void* mu);
bool MUTEX(__real_, 7TryLock)(void* mu);
void MUTEX(__real_, 10ReaderLock)(void* mu);
void MUTEX(__real_, 12ReaderUnlock)(void* mu);
bool MUTEX(__real_, 13ReaderTryLock)(void* mu);
void MUTEX(__real_, D1)(void* mu);
void __real__ZN4absl7debian37CondVar4WaitEPNS0_5MutexE(void* cv, void* mu);

namespace {

constexpr unsigned kWrite = __tsan_mutex_linker_init;
constexpr unsigned kRead = kWrite | __tsan_mutex_read_lock;

void Lock(void* mu, unsigned flags, void (*real)(void*)) {
  __tsan_mutex_pre_lock(mu, flags);
  real(mu);
  __tsan_mutex_post_lock(mu, flags, 0);
}

bool TryLock(void* mu, unsigned flags, bool (*real)(void*)) {
  flags |= __tsan_mutex_try_lock;
  __tsan_mutex_pre_lock(mu, flags);
  const bool locked = real(mu);
  if (!locked) flags |= __tsan_mutex_try_lock_failed;
  __tsan_mutex_post_lock(mu, flags, 0);
  return locked;
}

void Unlock(void* mu, unsigned flags, void (*real)(void*)) {
  __tsan_mutex_pre_unlock(mu, flags);
  real(mu);
  __tsan_mutex_post_unlock(mu, flags);
}

}  // namespace

void MUTEX(__wrap_, 4Lock)(void* mu) {
  Lock(mu, kWrite, MUTEX(__real_, 4Lock));
}
void MUTEX(__wrap_, 6Unlock)(void* mu) {
  Unlock(mu, kWrite, MUTEX(__real_, 6Unlock));
}
bool MUTEX(__wrap_, 7TryLock)(void* mu) {
  return TryLock(mu, kWrite, MUTEX(__real_, 7TryLock));
}
void MUTEX(__wrap_, 10ReaderLock)(void* mu) {
  Lock(mu, kRead, MUTEX(__real_, 10ReaderLock));
}
void MUTEX(__wrap_, 12ReaderUnlock)(void* mu) {
  Unlock(mu, kRead, MUTEX(__real_, 12ReaderUnlock));
}
bool MUTEX(__wrap_, 13ReaderTryLock)(void* mu) {
  return TryLock(mu, kRead, MUTEX(__real_, 13ReaderTryLock));
}
void MUTEX(__wrap_, D1)(void* mu) {
  __tsan_mutex_destroy(mu, kWrite);
  MUTEX(__real_, D1)(mu);
}

// Gives the lock up while it waits.
void __wrap__ZN4absl7debian37CondVar4WaitEPNS0_5MutexE(void* cv, void* mu) {
  __tsan_mutex_pre_unlock(mu, kWrite);
  __tsan_mutex_post_unlock(mu, kWrite);
  __real__ZN4absl7debian37CondVar4WaitEPNS0_5MutexE(cv, mu);
  __tsan_mutex_pre_lock(mu, kWrite);
  __tsan_mutex_post_lock(mu, kWrite, 0);
}

}  // extern "C"
