// SPDX-License-Identifier: Apache-2.0
//
// Workers: the threads that answer notified calls.
//
//   Workers workers(door);   // from here on calls are answered
//   ...
//   }                        // until all who could make one are gone
//
// The kernel wakes all threads that wait for a call, so one does, and answers
// what comes before it waits again.  But a call may take long: for an event of
// a device, or for a file system that another program of the command serves. So
// one more thread watches, as long as there are calls: where nobody waits for
// the next one it has a parked thread do so, or a new one.
// Threading: thread-compatible.
#ifndef DMDAX_RUN_NOTIFY_WORKERS_H_
#define DMDAX_RUN_NOTIFY_WORKERS_H_

#include <cstdint>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "run/notify/call.h"

namespace dmdax::run {

class Workers {
 public:
  explicit Workers(Doorway& door);
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

 private:
  void Add(void (Workers::*work)()) ABSL_EXCLUSIVE_LOCKS_REQUIRED(lock_);
  void Work();
  void Watch();
  // False: it is over.
  bool WaitForTurn();
  void Answer(const seccomp_notif& notification);

  Doorway& door_;
  absl::Mutex lock_;
  absl::CondVar turn_, calls_;
  bool over_ ABSL_GUARDED_BY(lock_) = false;
  bool receives_ ABSL_GUARDED_BY(lock_) = false;  // one of them
  bool watches_ ABSL_GUARDED_BY(lock_) = false;
  uint64_t received_ ABSL_GUARDED_BY(lock_) = 0;
  int parked_ ABSL_GUARDED_BY(lock_) = 0;
  int wanted_ ABSL_GUARDED_BY(lock_) = 0;  // of those that are parked
  int running_ ABSL_GUARDED_BY(lock_) = 0;
  std::vector<std::thread> threads_ ABSL_GUARDED_BY(lock_);
};

}  // namespace dmdax::run

#endif  // DMDAX_RUN_NOTIFY_WORKERS_H_
