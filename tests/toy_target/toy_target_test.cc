// SPDX-License-Identifier: Apache-2.0
//
// A target is one file: dm_toy.cc is linked in, and nothing else here or in
// dm/ knows of it.
#include <cerrno>

#include "tests/dm_testing.h"
#include "tools/dmsetup/dmsetup.h"

namespace dmdax {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class ToyTargetTest : public DmTest {
 protected:
  DmsetupResult Dmsetup(std::vector<std::string> args,
                        const std::string& input = "") {
    return RunDmsetup(ctl(), args, input);
  }
};

TEST_F(ToyTargetTest, IsListed) {
  EXPECT_THAT(Dmsetup({"targets"}).out, HasSubstr("toy              v0.9.0\n"));
}

TEST_F(ToyTargetTest, LoadsTranslatesAndPrints) {
  const DmsetupResult created =
      Dmsetup({"create", "d0"}, "0 2048 toy /dev/pmem0\n");
  ASSERT_EQ(created.rc, 0) << created.err;
  EXPECT_EQ(Dmsetup({"table", "d0"}).out, "0 2048 toy 259:0\n");
  EXPECT_EQ(Dmsetup({"deps", "d0"}).out, "1 dependencies\t: (259, 0)\n");
  EXPECT_EQ(Md("d0").type(), DM_TYPE_DAX_BIO_BASED);
  for (uint64_t page : {0, 1, 255}) {
    auto run = DaxTranslate(Md("d0").dax_dev(), pgoff_t{page}, 512);
    ASSERT_THAT(run, IsOk());
    EXPECT_EQ(run->pfn, pfn_t{0x1000ff - page});
    EXPECT_EQ(run->nr_pages, 1);
  }
}

TEST_F(ToyTargetTest, ExplainsItself) {
  ASSERT_THAT(Create("d0", {Row(0, 2048, "toy", "/dev/pmem0")}), IsOk());
  Trace trace;
  ASSERT_THAT(DaxTranslate(Md("d0").dax_dev(), pgoff_t{0}, 8, &trace), IsOk());
  ASSERT_EQ(trace.steps().size(), 3u);
  EXPECT_EQ(KernelFunctionName(trace.steps()[1]), "toy_dax_direct_access");
  EXPECT_EQ(trace.steps()[0].clip, RunClip::kMaxIoLen);
}

TEST_F(ToyTargetTest, RefusesInItsOwnWords) {
  ASSERT_THAT(New("d0"), IsOk());
  Log();
  EXPECT_THAT(Load("d0", {Row(0, 2047, "toy", "/dev/pmem0")}),
              HasErrno(EINVAL));
  EXPECT_THAT(Log(),
              ElementsAre("device-mapper: table: 254:0: toy: Target length is "
                          "not in whole pages (-EINVAL)",
                          "device-mapper: ioctl: error adding target to "
                          "table"));
}

}  // namespace
}  // namespace dmdax
