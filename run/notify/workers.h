// SPDX-License-Identifier: Apache-2.0
//
// Workers: the threads that answer notified calls.
//
//   Workers workers(door);   // from here on calls are answered
//   ...
//   }                        // until all who could make one are gone
//
// A call may wait: for an event of a device, or for a file system that another
// program of the command serves.  So there is always a thread that waits for
// the next call; one more is made, or a parked one taken, where there is none.
// Threading: thread-compatible.
#ifndef DMDAX_RUN_NOTIFY_WORKERS_H_
#define DMDAX_RUN_NOTIFY_WORKERS_H_

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
  // A kernel wakes all that receive for each call: few are enough.
  static constexpr int kMostReceiving = 3;

  void Add() ABSL_EXCLUSIVE_LOCKS_REQUIRED(lock_);
  void Work();
  // False: it is over.
  bool WaitForTurn();
  void Answer(const seccomp_notif& notification);

  Doorway& door_;
  absl::Mutex lock_;
  absl::CondVar turn_;
  bool over_ ABSL_GUARDED_BY(lock_) = false;
  int receiving_ ABSL_GUARDED_BY(lock_) = 0;
  int parked_ ABSL_GUARDED_BY(lock_) = 0;
  int wanted_ ABSL_GUARDED_BY(lock_) = 0;  // of those that are parked
  int running_ ABSL_GUARDED_BY(lock_) = 0;
  std::vector<std::thread> threads_ ABSL_GUARDED_BY(lock_);
};

}  // namespace dmdax::run

#endif  // DMDAX_RUN_NOTIFY_WORKERS_H_
