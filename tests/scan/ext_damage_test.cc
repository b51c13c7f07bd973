// SPDX-License-Identifier: Apache-2.0
//
// File systems with random damage: an answer or an error, and soon.
//
//   DMDAX_SCAN_DAMAGES=100000 bazel-bin/tests/scan/ext_damage_test
#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>

#include "gtest/gtest.h"
#include "process/scan/ext_scan.h"
#include "tests/scan/ext_image.h"

namespace dmdax {
namespace {

class ExtDamageTest : public testing::TestWithParam<const char*> {};

TEST_P(ExtDamageTest, IsAnErrorAtMost) {
  ExtImage image(GetParam(), "16M");
  ASSERT_TRUE(image.Scan().ok()) << image.Scan().status();
  const std::string whole = image.bytes();
  const char* const more = getenv("DMDAX_SCAN_DAMAGES");
  const int rounds = more != nullptr ? atoi(more) : 300;
  std::mt19937 random(17);
  const auto below = [&](uint64_t n) {
    return std::uniform_int_distribution<uint64_t>(0, n - 1)(random);
  };
  int errors = 0;
  for (int round = 0; round < rounds; ++round) {
    // The super block, descriptors, the first inodes, or anything.
    const uint64_t reaches[] = {1024, 64 << 10, 1 << 20, whole.size() - 1024};
    const uint64_t reach = reaches[below(4)];
    const uint64_t count = 1 + below(20);
    for (uint64_t i = 0; i < count; ++i) {
      const uint64_t at = 1024 + below(reach);
      const uint64_t kind = below(3);
      image.bytes()[at] = kind == 0   ? '\xff'
                          : kind == 1 ? '\0'
                                      : static_cast<char>(below(256));
    }
    absl::StatusOr<ScannedFileSystem> fs = image.Scan();
    if (!fs.ok()) {
      ++errors;
      EXPECT_FALSE(fs.status().message().empty());
    }
    if (below(4) == 0) image.bytes() = whole;
  }
  EXPECT_GT(errors, rounds / 10);
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, ExtDamageTest,
    testing::Values("-t ext4 -b 4096 -O ^metadata_csum,^uninit_bg,^has_journal",
                    "-t ext4 -b 1024 -O ^metadata_csum,inline_data",
                    "-t ext4 -b 4096",
                    "-t ext4 -b 1024 -O ^metadata_csum,bigalloc -C 4096",
                    "-t ext2 -b 1024"));

}  // namespace
}  // namespace dmdax
