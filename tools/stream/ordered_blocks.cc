// SPDX-License-Identifier: Apache-2.0
#include "tools/stream/ordered_blocks.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <system_error>

namespace dmdax {

void OrderedBlocks::Run(size_t most_threads) {
  Loop(/*thread=*/0, most_threads);
  for (std::thread& thread : threads_) thread.join();
}

void OrderedBlocks::StartThreads(size_t most_threads) {
  interrupted_ = Fd(eventfd(0, EFD_CLOEXEC));
  if (!interrupted_.ok()) return;
  // The C++ library has no other way to say that there are no more threads.
  try {
    while (threads_.size() + 1 < most_threads) {
      const size_t thread = threads_.size() + 1;
      threads_.emplace_back([this, thread] { Loop(thread, 0); });
    }
  } catch (const std::system_error&) {
  }
}

// most_threads > 1: nobody else runs yet.
void OrderedBlocks::Loop(size_t thread, size_t most_threads) {
  using Clock = std::chrono::steady_clock;
  Spent spent;
  while (true) {
    const Clock::time_point begin = Clock::now();
    uint64_t number;
    {
      absl::MutexLock lock(&reading_);
      if (over_ || stopped_) return;
      const Next next = steps_.read(thread, interrupted_.get());
      over_ = next != Next::kMore;
      if (next == Next::kEnd) return;
      number = nr_read_++;
    }
    const Clock::time_point read = Clock::now();
    steps_.work(thread);
    const Clock::time_point worked = Clock::now();
    WriteInTurn(thread, number);
    if (most_threads <= 1) continue;
    spent.working += worked - read;
    spent.moving += read - begin + (Clock::now() - worked);
    absl::MutexLock lock(&reading_);
    if (over_ || stopped_ || !spent.WorksEnough()) continue;
    StartThreads(most_threads);
    most_threads = 1;
  }
}

void OrderedBlocks::WriteInTurn(size_t thread, uint64_t number) {
  {
    absl::MutexLock lock(&writing_);
    while (nr_written_ != number) turn_.Wait(&writing_);
  }
  // The turn is ours until we pass it on, also without the lock.
  if (!stopped_ && steps_.write(thread) == Wish::kStop) {
    stopped_ = true;
    if (interrupted_.ok()) eventfd_write(interrupted_.get(), 1);
  }
  absl::MutexLock lock(&writing_);
  ++nr_written_;
  turn_.SignalAll();
}

}  // namespace dmdax
