// SPDX-License-Identifier: Apache-2.0
#include "run/notify/workers.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <optional>
#include <thread>
#include <vector>

#include "run/notify/call_table.h"

namespace dmdax::run {
namespace {

// Gets a thread out of its wait for a call.
int KickSignal() { return SIGRTMIN; }

}  // namespace

Workers::Workers(Doorway& door) : door_(door) {
  struct sigaction action {};
  action.sa_handler = [](int) {};
  sigaction(KickSignal(), &action, nullptr);
  absl::MutexLock lock(&lock_);
  Add();
  Add();
}

Workers::~Workers() {
  std::vector<std::thread> threads;
  {
    absl::MutexLock lock(&lock_);
    over_ = true;
    turn_.SignalAll();
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

void Workers::Add() {
  ++running_;
  threads_.emplace_back([this] {
    Work();
    absl::MutexLock lock(&lock_);
    --running_;
    turn_.SignalAll();
  });
}

bool Workers::WaitForTurn() {
  absl::MutexLock lock(&lock_);
  if (receiving_ >= kMostReceiving) {
    ++parked_;
    while (!over_ && wanted_ == 0) turn_.Wait(&lock_);
    --parked_;
    if (!over_) --wanted_;
  }
  ++receiving_;
  return !over_;
}

void Workers::Work() {
  while (WaitForTurn()) {
    const std::optional<seccomp_notif> notification = door_.listener.Receive();
    {
      absl::MutexLock lock(&lock_);
      --receiving_;
      if (!notification && (over_ || door_.listener.IsOver())) return;
      if (notification && receiving_ == 0) {
        if (parked_ > wanted_) {
          ++wanted_;
          turn_.Signal();
        } else {
          Add();
        }
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
