// SPDX-License-Identifier: Apache-2.0
//
// What goes when, and that many devices cost no more each than a few.
#include <ctime>

#include "dm/dm_ioctl.h"
#include "tests/dm_testing.h"

namespace dmdax {
namespace {

class DmRemoveTest : public DmTest {
 protected:
  const DmTargetSpec kOnPmem = Row(0, 8, "linear", "/dev/pmem0 0");
};

TEST_F(DmRemoveTest, DeferredRemovalsFollowEachOther) {
  ASSERT_THAT(Create("a", {kOnPmem}), IsOk());
  ASSERT_THAT(Create("b", {Row(0, 8, "linear", "/dev/mapper/a 0")}), IsOk());
  ASSERT_THAT(Create("c", {Row(0, 8, "linear", "/dev/mapper/b 0")}), IsOk());
  for (const char* name : {"b", "a"}) {
    ASSERT_THAT(Remove(name, DM_DEFERRED_REMOVE), IsOk());
  }
  ASSERT_NE(ctl().FindDevice("a"), nullptr);
  ASSERT_THAT(Remove("c"), IsOk());
  EXPECT_EQ(ctl().FindDevice("b"), nullptr);
  EXPECT_EQ(ctl().FindDevice("a"), nullptr);
}

TEST_F(DmRemoveTest, RemoveAllMayMarkWhatIsOpen) {
  ASSERT_THAT(Create("a", {kOnPmem}), IsOk());
  ASSERT_THAT(Md("a").Open(), IsOk());
  DmIoctl io{.flags = DM_DEFERRED_REMOVE};
  ASSERT_THAT(ctl().RemoveAll(io), IsOk());
  ASSERT_TRUE(Md("a").deferred_remove());
  Md("a").Release();
  ctl().DoDeferredRemove();
  EXPECT_EQ(ctl().FindDevice("a"), nullptr);
}

// Each load and resume used to look at all of them: minutes.
TEST_F(DmRemoveTest, TwentyThousandDevices) {
  constexpr int kDevices = 20'000;
  const clock_t start = clock();
  std::string below = "/dev/pmem0";
  for (int i = 0; i < kDevices; ++i) {
    const std::string name = absl::StrCat("d", i);
    ASSERT_THAT(New(name), IsOk());
    ASSERT_THAT(Load(name, {Row(0, 8, "linear", below + " 0")}), IsOk());
    ASSERT_THAT(Resume(name), IsOk());
    // Stacks of ten, the lowest of which come first in every list.
    below = i % 10 == 9 ? "/dev/pmem0" : absl::StrCat("/dev/dm-", i);
  }
  DmIoctl io;
  ASSERT_THAT(ctl().RemoveAll(io), IsOk());
  EXPECT_EQ(ctl().FindDevice("d0"), nullptr);
  EXPECT_LT((clock() - start) / CLOCKS_PER_SEC, 20);
}

}  // namespace
}  // namespace dmdax
