// SPDX-License-Identifier: Apache-2.0
#include "tools/stream/ordered_blocks.h"

#include <poll.h>

#include <atomic>
#include <chrono>
#include <random>
#include <thread>
#include <vector>

#include "absl/synchronization/barrier.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"

namespace dmdax {
namespace {

using Next = OrderedBlocks::Next;
using Wish = OrderedBlocks::Wish;

// Blocks that take very different times are written as they were read.
TEST(OrderedBlocks, Order) {
  for (size_t threads = 1; threads <= 4; ++threads) {
    constexpr int kBlocks = 300;
    std::vector<int> block(threads);
    std::vector<int> written;
    int nr_read = 0;
    OrderedBlocks blocks(
        {.read =
             [&](size_t i, int) {
               if (nr_read == kBlocks) return Next::kEnd;
               block[i] = nr_read++;
               return Next::kMore;
             },
         .work =
             [&](size_t i) {
               std::this_thread::sleep_for(
                   std::chrono::microseconds(block[i] * 7919 % 200));
             },
         .write =
             [&](size_t i) {
               written.push_back(block[i]);
               return Wish::kGoOn;
             }});
    blocks.Run(threads);
    ASSERT_EQ(written.size(), size_t{kBlocks});
    for (int i = 0; i < kBlocks; ++i) EXPECT_EQ(written[i], i);
  }
}

// Two threads are at work at the same time, each on its own block, once the
// first has shown that there is work.
TEST(OrderedBlocks, ThreadsWorkAtTheSameTime) {
  absl::Barrier* const barrier = new absl::Barrier(2);
  int nr_read = 0;
  std::atomic<int> nr_worked{0};
  OrderedBlocks blocks(
      {.read = [&](size_t,
                   int) { return ++nr_read < 3 ? Next::kMore : Next::kLast; },
       .work =
           [&](size_t) {
             if (nr_worked++ == 0) {
               absl::SleepFor(absl::Milliseconds(10));
             } else if (barrier->Block()) {
               delete barrier;
             }
           },
       .write = [](size_t) { return Wish::kGoOn; }});
  blocks.Run(2);
  EXPECT_EQ(nr_worked, 3);
}

// Where there is nothing to do but to read and to write, one thread does it.
TEST(OrderedBlocks, WithoutWorkThereIsOneThread) {
  const auto self = std::this_thread::get_id();
  int nr_read = 0;
  OrderedBlocks blocks({.read =
                            [&](size_t, int) {
                              EXPECT_EQ(std::this_thread::get_id(), self);
                              absl::SleepFor(absl::Milliseconds(1));
                              return ++nr_read < 20 ? Next::kMore : Next::kLast;
                            },
                        .work = [](size_t) {},
                        .write = [](size_t) { return Wish::kGoOn; }});
  blocks.Run(8);
  EXPECT_EQ(nr_read, 20);
}

TEST(OrderedBlocks, OneBlockStartsNoThread) {
  const auto self = std::this_thread::get_id();
  int nr_read = 0;
  OrderedBlocks blocks({.read =
                            [&](size_t i, int interrupted) {
                              EXPECT_EQ(std::this_thread::get_id(), self);
                              EXPECT_EQ(i, 0u);
                              EXPECT_EQ(interrupted, -1);
                              ++nr_read;
                              return Next::kLast;
                            },
                        .work = [](size_t) {},
                        .write = [](size_t) { return Wish::kGoOn; }});
  blocks.Run(8);
  EXPECT_EQ(nr_read, 1);
}

// A reader that would wait for ever is interrupted, and what was read behind
// the block that ended it is not written.
TEST(OrderedBlocks, AStopInterruptsTheReader) {
  for (size_t threads = 1; threads <= 3; ++threads) {
    std::vector<int> block(threads);
    int nr_read = 0;
    std::vector<int> written;
    OrderedBlocks blocks(
        {.read =
             [&](size_t i, int interrupted) {
               block[i] = nr_read++;
               if (nr_read <= 3) return Next::kMore;
               pollfd wait = {.fd = interrupted, .events = POLLIN};
               EXPECT_EQ(poll(&wait, 1, /*timeout=*/60'000), 1);
               return Next::kEnd;
             },
         // So much that the other threads start.
         .work = [](size_t) { absl::SleepFor(absl::Milliseconds(10)); },
         .write =
             [&](size_t i) {
               written.push_back(block[i]);
               return block[i] == 1 ? Wish::kStop : Wish::kGoOn;
             }});
    blocks.Run(threads);
    EXPECT_EQ(written, (std::vector<int>{0, 1}));
  }
}

}  // namespace
}  // namespace dmdax
