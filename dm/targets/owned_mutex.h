// SPDX-License-Identifier: Apache-2.0
//
// OwnedMutex: a lock that knows whether this thread holds it.  A target that
// does I/O under its lock may stand on itself; where the kernel would hang, its
// map finds out and fails the request.
//
//   OwnedLock lock(&mu);
//   mu.HeldHere();  // true
//
// Threading: thread-safe.
#ifndef DMDAX_DM_TARGETS_OWNED_MUTEX_H_
#define DMDAX_DM_TARGETS_OWNED_MUTEX_H_

#include <atomic>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace dmdax {

class ABSL_LOCKABLE OwnedMutex {
 public:
  void Lock() ABSL_EXCLUSIVE_LOCK_FUNCTION() {
    mu_.Lock();
    owner_.store(std::this_thread::get_id());
  }
  void Unlock() ABSL_UNLOCK_FUNCTION() {
    owner_.store(std::thread::id());
    mu_.Unlock();
  }
  bool HeldHere() const { return owner_.load() == std::this_thread::get_id(); }

 private:
  absl::Mutex mu_;
  std::atomic<std::thread::id> owner_{std::thread::id()};
};

class ABSL_SCOPED_LOCKABLE OwnedLock {
 public:
  explicit OwnedLock(OwnedMutex* mu) ABSL_EXCLUSIVE_LOCK_FUNCTION(mu)
      : mu_(*mu) {
    mu_.Lock();
  }
  ~OwnedLock() ABSL_UNLOCK_FUNCTION() { mu_.Unlock(); }
  OwnedLock(const OwnedLock&) = delete;
  OwnedLock& operator=(const OwnedLock&) = delete;

 private:
  OwnedMutex& mu_;
};

}  // namespace dmdax

#endif  // DMDAX_DM_TARGETS_OWNED_MUTEX_H_
