// SPDX-License-Identifier: Apache-2.0
#include "run/notify/workers.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <optional>
#include <thread>
#include <vector>

#include "absl/time/time.h"
#include "run/notify/call_table.h"

namespace dmdax::run {
namespace {

// Gets a thread out of its wait for a call.
int KickSignal() { return SIGRTMIN; }

// How long a call may keep others waiting, and how often in a row there has to
// be none until nobody watches any more.
constexpr absl::Duration kLook = absl::Milliseconds(2);
constexpr int kQuietLooks = 50;

}  // namespace

Workers::Workers(Doorway& door) : door_(door) {
  struct sigaction action {};
  action.sa_handler = [](int) {};
  sigaction(KickSignal(), &action, nullptr);
  absl::MutexLock lock(&lock_);
  Add(&Workers::Work);
  Add(&Workers::Watch);
}

Workers::~Workers() {
  std::vector<std::thread> threads;
  {
    absl::MutexLock lock(&lock_);
    over_ = true;
    turn_.SignalAll();
    calls_.Signal();
    // One may be on the way to its wait when the signal comes.
    while (running_ > 0) {
      for (std::thread& thread : threads_) {
        pthread_kill(thread.native_handle(), KickSignal());
      }
      turn_.WaitWithTimeout(&lock_, absl::Milliseconds(1));
    }
    threads.swap(threads_);
  }
  for (std::thread& thread : threads) thread.join();
}

void Workers::Add(void (Workers::*work)()) {
  ++running_;
  threads_.emplace_back([this, work] {
    (this->*work)();
    absl::MutexLock lock(&lock_);
    --running_;
    turn_.SignalAll();
  });
}

bool Workers::WaitForTurn() {
  absl::MutexLock lock(&lock_);
  while (receives_ && !over_) {
    ++parked_;
    while (!over_ && wanted_ == 0) turn_.Wait(&lock_);
    --parked_;
    if (!over_) --wanted_;
  }
  receives_ = true;
  return !over_;
}

void Workers::Watch() {
  absl::MutexLock lock(&lock_);
  uint64_t seen = 0;
  int quiet = 0;
  while (!over_) {
    if (!watches_) {
      calls_.Wait(&lock_);
      continue;
    }
    calls_.WaitWithTimeout(&lock_, kLook);
    if (over_) return;
    quiet = received_ == seen ? quiet + 1 : 0;
    seen = received_;
    if (!receives_) {
      if (parked_ > wanted_) {
        ++wanted_;
        turn_.Signal();
      } else if (wanted_ == 0) {
        Add(&Workers::Work);
      }
    } else if (quiet > kQuietLooks) {
      watches_ = false;
      quiet = 0;
    }
  }
}

void Workers::Work() {
  while (WaitForTurn()) {
    const std::optional<seccomp_notif> notification = door_.listener.Receive();
    {
      absl::MutexLock lock(&lock_);
      receives_ = false;
      if (!notification && (over_ || door_.listener.IsOver())) {
        over_ = true;  // for all of them
        turn_.SignalAll();
        calls_.Signal();
        return;
      }
      ++received_;
      if (!watches_) {
        watches_ = true;
        calls_.Signal();
      }
    }
    if (notification) Answer(*notification);
  }
}

void Workers::Answer(const seccomp_notif& notification) {
  const CallRule* const rule = FindCall(notification.data.nr);
  if (rule == nullptr) return door_.listener.Continue(notification.id);
  Call call(notification, door_);
  const Reply reply = rule->handler(call);
  switch (reply.kind()) {
    case Reply::kContinue:
      return door_.listener.Continue(notification.id);
    case Reply::kValue:
      return door_.listener.Return(notification.id, reply.value());
    case Reply::kDone:
      return;
  }
}

}  // namespace dmdax::run
