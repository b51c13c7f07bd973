// SPDX-License-Identifier: Apache-2.0
#include "base/kernel_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>

namespace dmdax {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(KernelLogTest, LinesAreTakenOnce) {
  KernelLog log;
  log.Printk(KernLevel::kErr, "a");
  log.Printk(KernLevel::kInfo, "b");
  EXPECT_THAT(log.TakeNew(), ElementsAre("a", "b"));
  EXPECT_THAT(log.TakeNew(), IsEmpty());
}

TEST(KernelLogTest, DebugIsDropped) {
  KernelLog log;
  log.Printk(KernLevel::kDebug, "unable to remove open device");
  EXPECT_THAT(log.TakeNew(), IsEmpty());
}

TEST(KernelLogTest, KeepsTheNewestLines) {
  KernelLog log;
  for (size_t i = 0; i < KernelLog::kMaxLines + 10; ++i) {
    log.Printk(KernLevel::kErr, std::to_string(i));
  }
  const std::vector<std::string> lines = log.TakeNew();
  ASSERT_EQ(lines.size(), KernelLog::kMaxLines);
  EXPECT_EQ(lines.front(), "10");
  EXPECT_EQ(lines.back(), std::to_string(KernelLog::kMaxLines + 9));
}

TEST(KernelLogTest, ThreadsLoseNothing) {
  KernelLog log;
  auto write = [&] {
    for (int i = 0; i < 1000; ++i) log.Printk(KernLevel::kErr, "line");
  };
  std::thread a(write), b(write);
  a.join();
  b.join();
  EXPECT_EQ(log.TakeNew().size(), 2000u);
}

}  // namespace
}  // namespace dmdax
