// SPDX-License-Identifier: Apache-2.0
//
// The chain gives up at 256 levels (ELOOP).  A stack that deep is answered
// the same with compiled maps as without; it once was not: a map on top of
// maps that knew nothing of each other's depth found the page after all.
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/dm_testing.h"

namespace dmdax {
namespace {

constexpr int kLevels = 300;

class DepthTest : public DmTest {
 protected:
  // What each level answers for its page 0.
  std::vector<int64_t> Answers(bool maps) {
    MappedDevice::UseCompiledMaps(maps);
    Boot("v6_1");
    std::string below = "/dev/pmem0";
    for (int i = 0; i < kLevels; ++i) {
      const std::string name = absl::StrCat("d", i);
      EXPECT_THAT(
          Create(name, {Row(0, 2048, "linear", absl::StrCat(below, " 0"))}),
          IsOk());
      below = absl::StrCat("/dev/mapper/", name);
    }
    std::vector<int64_t> answers;
    for (int i = 0; i < kLevels; ++i) {
      DaxReadLock lock;
      answers.push_back(DaxDirectAccess(&Md(absl::StrCat("d", i)).dax_dev(),
                                        pgoff_t(0), 8, DaxAccessMode::kAccess,
                                        nullptr)
                            .ret);
    }
    MappedDevice::UseCompiledMaps(true);
    return answers;
  }
};

TEST_F(DepthTest, AMapReachesNoFurtherThanTheChain) {
  const std::vector<int64_t> chain = Answers(false);
  EXPECT_EQ(chain[255], 8);
  EXPECT_EQ(chain[256], -ELOOP);
  EXPECT_EQ(Answers(true), chain);
}

}  // namespace
}  // namespace dmdax
