// SPDX-License-Identifier: Apache-2.0
#include "base/errno_status.h"

#include <cerrno>

#include "tests/testing.h"

namespace dmdax {
namespace {

TEST(ErrnoStatusTest, CarriesTheErrnoBesideTheCode) {
  const absl::Status s = ErrnoError(EINVAL, "Invalid device sector");
  EXPECT_EQ(ErrnoOf(s), EINVAL);
  EXPECT_EQ(s.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(s.message(), "Invalid device sector");
}

TEST(ErrnoStatusTest, TellsErrnosOfOneCodeApart) {
  // Both are kUnavailable or alike in Abseil's eyes; the kernel's differ.
  for (int err : {ENXIO, ENODEV, EBUSY, EIO, ERANGE, EOVERFLOW, EHWPOISON}) {
    EXPECT_EQ(ErrnoOf(ErrnoError(err, "x")), err) << ErrnoName(err);
  }
}

TEST(ErrnoStatusTest, SurvivesACopy) {
  absl::Status s = ErrnoError(ENOTBLK, "/dev/null");
  const absl::StatusOr<int> wrapped = s;
  EXPECT_EQ(ErrnoOf(wrapped.status()), ENOTBLK);
}

TEST(ErrnoStatusTest, ZeroIsOk) {
  EXPECT_THAT(ErrnoError(0, "nothing"), IsOk());
  EXPECT_EQ(ErrnoOf(absl::OkStatus()), 0);
}

TEST(ErrnoStatusTest, AnEmptyMessageBecomesTheName) {
  EXPECT_EQ(ErrnoError(ENXIO, "").message(), "ENXIO");
}

TEST(ErrnoStatusTest, AStrangersStatusIsTheCallersMistake) {
  EXPECT_EQ(ErrnoOf(absl::DataLossError("damaged")), EINVAL);
}

TEST(ErrnoStatusTest, NamesAndTexts) {
  EXPECT_EQ(ErrnoName(EINVAL), "EINVAL");
  EXPECT_EQ(ErrnoName(EHWPOISON), "EHWPOISON");
  EXPECT_EQ(ErrnoName(9999), "9999");
  EXPECT_EQ(ErrnoText(ENXIO), "No such device or address");
  EXPECT_EQ(ErrnoText(9999), "Unknown error 9999");
}

}  // namespace
}  // namespace dmdax
