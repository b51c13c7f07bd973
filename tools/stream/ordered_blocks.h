// SPDX-License-Identifier: Apache-2.0
//
// OrderedBlocks: a stream of blocks that several threads work on, each block
// read and written in its order.
//
//   OrderedBlocks blocks({.read = read, .work = work, .write = write});
//   blocks.Run(/*most_threads=*/2);
//
// Each thread has one block, which it reads, works on and writes: while one
// works, another reads or writes, and there are never more blocks than threads.
// One thread reads at a time and one writes, so that what only `read` touches,
// or only `write`, needs no lock.  The caller begins alone; the other threads
// start when its blocks show that there is more, and that work takes a good
// part of the time: where nearly all of it is reads and writes, which come one
// after the other in any case, threads only wait for each other (measured with
// the benchmark family `stream`, where they took twice as long).  Without them,
// also if the system has none left, the caller does it all.
//
// A `write` that wants no more ends the stream: no later block is written, and
// `read`, which may be waiting for input, is interrupted.
// Threading: thread-compatible; the steps are called from several threads.
#ifndef DMDAX_TOOLS_STREAM_ORDERED_BLOCKS_H_
#define DMDAX_TOOLS_STREAM_ORDERED_BLOCKS_H_

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "base/fd.h"

namespace dmdax {

class OrderedBlocks {
 public:
  enum class Next {
    kMore,  // there is a block, and may be another
    kLast,  // there is a block, the last one
    kEnd,   // there is no block
  };
  enum class Wish { kGoOn, kStop };

  // `thread` is the number of the thread, and so of its block.  `interrupted`
  // is for poll(2): readable when nobody wants another block; -1 as long as
  // nobody else could say so.
  struct Steps {
    std::function<Next(size_t thread, int interrupted)> read;
    std::function<void(size_t thread)> work;
    std::function<Wish(size_t thread)> write;
  };

  explicit OrderedBlocks(Steps steps) : steps_(std::move(steps)) {}
  OrderedBlocks(const OrderedBlocks&) = delete;
  OrderedBlocks& operator=(const OrderedBlocks&) = delete;

  // To the end of the stream.  Once.
  void Run(size_t most_threads);

 private:
  // What the caller's blocks have taken so far.
  struct Spent {
    std::chrono::steady_clock::duration moving{}, working{};
    bool WorksEnough() const { return 2 * working > moving; }
  };

  void Loop(size_t thread, size_t most_threads);
  void StartThreads(size_t most_threads);
  void WriteInTurn(size_t thread, uint64_t number);

  const Steps steps_;
  Fd interrupted_;
  std::vector<std::thread> threads_;  // all but the caller
  std::atomic<bool> stopped_{false};

  absl::Mutex reading_;
  bool over_ ABSL_GUARDED_BY(reading_) = false;
  uint64_t nr_read_ ABSL_GUARDED_BY(reading_) = 0;

  absl::Mutex writing_;
  absl::CondVar turn_;
  uint64_t nr_written_ ABSL_GUARDED_BY(writing_) = 0;
};

}  // namespace dmdax

#endif  // DMDAX_TOOLS_STREAM_ORDERED_BLOCKS_H_
