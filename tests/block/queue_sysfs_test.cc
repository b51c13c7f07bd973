// SPDX-License-Identifier: Apache-2.0
#include "block/queue_sysfs.h"

#include <cerrno>
#include <utility>

#include "tests/testing.h"

namespace dmdax {
namespace {

using testing::HasSubstr;

class QueueSysfsTest : public testing::Test {
 protected:
  QueueSysfsTest() {
    QueueLimits limits;
    limits.max_sectors = 2560;
    limits.max_hw_sectors = 65536;
    bdev_.queue().SetLimits(limits);
  }
  absl::Status Store(uint32_t kb, absl::string_view kernel = "v6_1") {
    return QueueMaxSectorsStore(bdev_, kb, **FindKernelProfile(kernel));
  }

  BlockDevice bdev_{DevT{8, 0}, "sda", 4096, nullptr};
};

TEST_F(QueueSysfsTest, SetsKibibytesAsSectors) {
  EXPECT_THAT(Store(4096), IsOk());
  EXPECT_EQ(bdev_.queue().max_sectors(), 8192u);
  EXPECT_EQ(bdev_.queue().limits().max_user_sectors, 8192u);
  EXPECT_THAT(Store(4), IsOk());
  EXPECT_EQ(bdev_.queue().max_sectors(), 8u);
}

TEST_F(QueueSysfsTest, TheRangeIsAPageToTheHardwaresLimit) {
  EXPECT_THAT(Store(3), HasErrno(EINVAL, HasSubstr("4 to 32768")));
  EXPECT_THAT(Store(32768), IsOk());
  EXPECT_THAT(Store(32769), HasErrno(EINVAL));
  EXPECT_THAT(Store(~uint32_t{0}), HasErrno(EINVAL));
  EXPECT_EQ(bdev_.queue().max_sectors(), 65536u) << "unchanged by a refusal";
}

TEST_F(QueueSysfsTest, TheDevicesOwnLimitCountsToo) {
  QueueLimits limits = bdev_.queue().limits();
  limits.max_dev_sectors = 1024;
  bdev_.queue().SetLimits(limits);
  EXPECT_THAT(Store(512), IsOk());
  EXPECT_THAT(Store(513), HasErrno(EINVAL, HasSubstr("4 to 512")));
}

TEST_F(QueueSysfsTest, NewKernelsValidateTheResult) {
  EXPECT_THAT(Store(2048, "v6_12"), IsOk());
  EXPECT_EQ(bdev_.queue().max_sectors(), 4096u);
  EXPECT_THAT(Store(3, "v6_12"), HasErrno(EINVAL, HasSubstr("4")));
  EXPECT_THAT(Store(32769, "v6_12"), IsOk());
  EXPECT_EQ(bdev_.queue().max_sectors(), 65536u);
  EXPECT_EQ(bdev_.queue().limits().max_user_sectors, 65538u);
  // 0 is the default, which is not the hardware's limit.
  EXPECT_THAT(Store(0, "v6_12"), IsOk());
  EXPECT_EQ(bdev_.queue().max_sectors(), 2560u);
  EXPECT_EQ(bdev_.queue().limits().max_user_sectors, 0u);
}

// They apply all limits again, and with them the least read-ahead.
TEST_F(QueueSysfsTest, NewKernelsTakeReadAheadUp) {
  for (const auto& [kernel, pages] :
       {std::pair{"v6_1", 0u}, {"v6_12", 32u}, {"v6_17", 32u}}) {
    bdev_.queue().set_ra_pages(0);
    EXPECT_THAT(Store(64, kernel), IsOk());
    EXPECT_EQ(bdev_.queue().ra_pages(), pages) << kernel;
  }
}

}  // namespace
}  // namespace dmdax
