// SPDX-License-Identifier: Apache-2.0
#include "base/srcu.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

namespace dmdax {
namespace {

TEST(SrcuTest, WithoutReadersSynchronizeReturns) {
  Srcu srcu;
  for (int i = 0; i < 100; ++i) srcu.Synchronize();
}

TEST(SrcuTest, SectionsNest) {
  Srcu srcu;
  {
    SrcuReadLock outer(srcu);
    SrcuReadLock inner(srcu);
  }
  srcu.Synchronize();
}

TEST(SrcuTest, SynchronizeWaitsForAReaderThatBeganBefore) {
  Srcu srcu;
  std::atomic<bool> inside{false}, leave{false}, left{false};
  std::thread reader([&] {
    SrcuReadLock lock(srcu);
    inside = true;
    while (!leave) std::this_thread::yield();
    left = true;
  });
  while (!inside) std::this_thread::yield();
  std::atomic<bool> synchronized{false};
  std::thread writer([&] {
    srcu.Synchronize();
    EXPECT_TRUE(left);
    synchronized = true;
  });
  // Readers that come later neither wait nor are waited for.
  for (int i = 0; i < 1000; ++i) SrcuReadLock later(srcu);
  EXPECT_FALSE(synchronized);
  leave = true;
  reader.join();
  writer.join();
}

// A destructor of a thread's own variables runs after the thread has been
// forgotten as a reader; it may read all the same, and is waited for.
TEST(SrcuTest, ADestructorOfAThreadMayRead) {
  static Srcu srcu;
  static std::atomic<bool> inside, leave, left;
  struct ReadsAtTheEnd {
    ~ReadsAtTheEnd() {
      SrcuReadLock lock(srcu);
      inside = true;
      while (!leave) std::this_thread::yield();
      left = true;
    }
  };
  std::thread reader([] {
    // Made before the thread is known, hence destroyed after.
    thread_local ReadsAtTheEnd reads_at_the_end;
    (void)reads_at_the_end;
    SrcuReadLock lock(srcu);
  });
  while (!inside) std::this_thread::yield();
  std::atomic<bool> synchronized{false};
  std::thread writer([&] {
    srcu.Synchronize();
    EXPECT_TRUE(left);
    synchronized = true;
  });
  for (int i = 0; i < 1000; ++i) SrcuReadLock later(srcu);
  EXPECT_FALSE(synchronized);
  leave = true;
  reader.join();
  writer.join();
  srcu.Synchronize();
}

// All Srcu wait for the readers of every one.
TEST(SrcuTest, ReadersOfAnotherSrcuAreWaitedForToo) {
  Srcu one, other;
  std::atomic<bool> inside{false}, leave{false};
  std::thread reader([&] {
    SrcuReadLock lock(one);
    inside = true;
    while (!leave) std::this_thread::yield();
  });
  while (!inside) std::this_thread::yield();
  std::atomic<bool> synchronized{false};
  std::thread writer([&] {
    other.Synchronize();
    EXPECT_TRUE(leave);
    synchronized = true;
  });
  for (int i = 0; i < 1000; ++i) std::this_thread::yield();
  EXPECT_FALSE(synchronized);
  leave = true;
  reader.join();
  writer.join();
}

// What dm does: readers follow a pointer while writers replace and free it.
TEST(SrcuTest, NobodySeesWhatWasFreed) {
  constexpr int kAlive = 0x600d;
  struct Table {
    std::atomic<int> mark{kAlive};
    ~Table() { mark = 0xdead; }
  };
  Srcu srcu;
  std::atomic<Table*> live{new Table};
  std::atomic<bool> stop{false};
  std::atomic<uint64_t> reads{0}, bad{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < 4; ++i) {
    readers.emplace_back([&] {
      while (!stop) {
        SrcuReadLock lock(srcu);
        if (live.load()->mark != kAlive) ++bad;
        ++reads;
      }
    });
  }
  std::vector<std::thread> writers;
  for (int i = 0; i < 2; ++i) {
    writers.emplace_back([&] {
      for (int swap = 0; swap < 500; ++swap) {
        std::unique_ptr<Table> old(live.exchange(new Table));
        srcu.Synchronize();
      }
    });
  }
  for (std::thread& t : writers) t.join();
  // On one busy CPU the writers may be done before any reader began.
  while (reads == 0) std::this_thread::yield();
  stop = true;
  for (std::thread& t : readers) t.join();
  delete live.load();
  EXPECT_EQ(bad, 0u);
}

}  // namespace
}  // namespace dmdax
