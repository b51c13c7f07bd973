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

TEST(SrcuTest, AReaderMayEndOnAnotherThread) {
  Srcu srcu;
  const int index = srcu.ReadLock();
  std::thread([&] { srcu.ReadUnlock(index); }).join();
  srcu.Synchronize();
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
