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

TEST(KernelLogTest, TenLinesOfOnePlaceInFiveSeconds) {
  KernelLog log;
  const absl::Time now = absl::FromUnixSeconds(1000);
  const auto print = [&](absl::string_view function, absl::Time at) {
    log.PrintkRatelimited(function, KernLevel::kErr, function, at);
  };
  for (int i = 0; i < 12; ++i) print("a", now);
  print("b", now);
  std::vector<std::string> lines = log.TakeNew();
  EXPECT_EQ(lines.size(), 11u);
  EXPECT_EQ(lines.back(), "b") << "it has its own limit";
  print("a", now + absl::Seconds(5));
  EXPECT_THAT(log.TakeNew(), IsEmpty());
  print("a", now + absl::Milliseconds(5001));
  EXPECT_THAT(log.TakeNew(), ElementsAre("a: 3 callbacks suppressed", "a"));
  log.SetRatelimit(KernelLog::Ratelimit::kOff);
  for (int i = 0; i < 12; ++i) print("a", now);
  EXPECT_EQ(log.TakeNew().size(), 12u);
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
