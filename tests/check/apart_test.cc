// SPDX-License-Identifier: Apache-2.0
//
// A bug that ends the process of one machine is told, and ends no other.
#include "tools/apart.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <string>

#include "tests/testing.h"

namespace dmdax {
namespace {

using testing::HasSubstr;

TEST(ApartTest, ReturnsWhatTheFunctionDoes) {
  const std::string long_text(1 << 20, 'x');
  const absl::StatusOr<std::string> text = RunApart([&] { return long_text; });
  ASSERT_THAT(text, IsOk());
  EXPECT_EQ(*text, long_text);
}

TEST(ApartTest, TellsTheSignal) {
  const absl::StatusOr<std::string> text = RunApart([] {
    signal(SIGSEGV, SIG_DFL);
    raise(SIGSEGV);
    return std::string("not reached");
  });
  ASSERT_FALSE(text.ok());
  EXPECT_THAT(text.status().message(), HasSubstr("signal 11"));
}

TEST(ApartTest, TellsTheStatus) {
  const absl::StatusOr<std::string> text =
      RunApart([]() -> std::string { _exit(3); });
  ASSERT_FALSE(text.ok());
  EXPECT_THAT(text.status().message(), HasSubstr("status 3"));
}

}  // namespace
}  // namespace dmdax
