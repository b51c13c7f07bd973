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

void OrderedBlocks::Loop(size_t thread, size_t most_threads) {
  while (true) {
    uint64_t number;
    {
      absl::MutexLock lock(&reading_);
      if (over_ || stopped_) return;
      const Next next = steps_.read(thread, interrupted_.get());
      over_ = next != Next::kMore;
      if (next == Next::kEnd) return;
      number = nr_read_++;
      // Nobody else runs yet, and who starts waits for the lock.
      if (number == 0 && !over_ && most_threads > 1) StartThreads(most_threads);
    }
    steps_.work(thread);
    WriteInTurn(thread, number);
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
