// SPDX-License-Identifier: Apache-2.0
//
// What mkfs.ext4 itself makes of the words.
#include "tools/check/ext4_align_words.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "absl/strings/str_cat.h"

namespace dmdax {
namespace {

class Ext4AlignWordsTest : public testing::Test {
 protected:
  ~Ext4AlignWordsTest() override { unlink(image_.c_str()); }

  // 0: it was not said.
  int BlocksPerGroup(uint64_t mib, const std::string& words) const {
    if (truncate(image_.c_str(), static_cast<off_t>(mib << 20)) != 0) return 0;
    FILE* const said = popen(
        absl::StrCat("mkfs.ext4 -n -v -F -b 4096", words, " ", image_, " 2>&1")
            .c_str(),
        "r");
    if (said == nullptr) return 0;
    char line[256];
    int blocks = 0;
    while (fgets(line, sizeof(line), said) != nullptr) {
      int number = 0, end = 0;
      if (sscanf(line, "%d blocks per group%n", &number, &end) == 1 && end > 0)
        blocks = number;
    }
    pclose(said);
    return blocks;
  }

  std::string image_ = [] {
    std::string path = testing::TempDir() + "/ext4-XXXXXX";
    close(mkstemp(path.data()));
    return path;
  }();
};

TEST_F(Ext4AlignWordsTest, NoGroupEndsWithinAPage) {
  const std::string stride = " -E stride=512,stripe_width=512";
  int shrunk = 0;
  for (uint64_t mib = 8; mib <= 544; mib += 2) {
    const int blocks = BlocksPerGroup(mib, Ext4AlignWords(mib << 20));
    EXPECT_EQ(blocks % 512, 0) << mib << " MiB: " << blocks;
    EXPECT_GT(blocks, 0) << mib;
    if (blocks != BlocksPerGroup(mib, stride)) ++shrunk;
  }
  EXPECT_GT(shrunk, 0)
      << "mke2fs never makes groups smaller: no word is needed";
  EXPECT_EQ(Ext4AlignWords(256 << 20), stride);
  EXPECT_EQ(Ext4AlignWords(uint64_t{1} << 40), stride);
}

}  // namespace
}  // namespace dmdax
