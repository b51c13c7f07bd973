// SPDX-License-Identifier: Apache-2.0
#include "base/kstrtox.h"

#include <cerrno>
#include <limits>

#include "tests/testing.h"

namespace dmdax {
namespace {

constexpr auto kWraps = SscanfOverflow::kWraps;
constexpr auto kSaturates = SscanfOverflow::kSaturates;
constexpr uint64_t kMax = std::numeric_limits<uint64_t>::max();

TEST(KstrtoxTest, SpaceIsLatin1) {
  for (int c = 0; c < 256; ++c) {
    const bool space = (c >= 9 && c <= 13) || c == ' ' || c == 0xa0;
    EXPECT_EQ(KernelIsSpace(static_cast<char>(c)), space) << c;
  }
}

TEST(KstrtoxTest, SscanfTakesLeadingSpaceAndNothingElse) {
  EXPECT_THAT(SscanfU64("0", kWraps), IsOkAndHolds(0u));
  EXPECT_THAT(SscanfU64(" \t8", kWraps), IsOkAndHolds(8u));
  EXPECT_THAT(SscanfU64("\xa0"
                        "8",
                        kWraps),
              IsOkAndHolds(8u));
  EXPECT_THAT(SscanfU64("007", kWraps), IsOkAndHolds(7u));
  for (const char* bad :
       {"", " ", "+8", "-8", "8 ", "8\n", "8x", "0x8", "8.0", "1 2"}) {
    EXPECT_THAT(SscanfU64(bad, kWraps), HasErrno(EINVAL)) << bad;
  }
}

TEST(KstrtoxTest, SscanfOverflowIsTheKernels) {
  const char* max = "18446744073709551615";
  EXPECT_THAT(SscanfU64(max, kWraps), IsOkAndHolds(kMax));
  EXPECT_THAT(SscanfU64(max, kSaturates), IsOkAndHolds(kMax));
  const char* above = "18446744073709551616";
  EXPECT_THAT(SscanfU64(above, kWraps), IsOkAndHolds(0u));
  EXPECT_THAT(SscanfU64(above, kSaturates), IsOkAndHolds(kMax));
  const char* far = "36893488147419103233";  // 2^65 + 1
  EXPECT_THAT(SscanfU64(far, kWraps), IsOkAndHolds(1u));
  EXPECT_THAT(SscanfU64(far, kSaturates), IsOkAndHolds(kMax));
}

TEST(KstrtoxTest, SscanfU32CutsTo32Bits) {
  EXPECT_THAT(SscanfU32("4294967295", kWraps), IsOkAndHolds(0xffffffffu));
  EXPECT_THAT(SscanfU32("4294967296", kWraps), IsOkAndHolds(0u));
  EXPECT_THAT(SscanfU32("4294967304", kWraps), IsOkAndHolds(8u));
}

TEST(KstrtoxTest, KstrtoTakesOnePlusAndOneNewline) {
  EXPECT_THAT(KstrtoU64("8"), IsOkAndHolds(8u));
  EXPECT_THAT(KstrtoU64("+8"), IsOkAndHolds(8u));
  EXPECT_THAT(KstrtoU64("8\n"), IsOkAndHolds(8u));
  EXPECT_THAT(KstrtoU64("+8\n"), IsOkAndHolds(8u));
  for (const char* bad :
       {"", "+", "\n", "++8", "8\n\n", " 8", "8 ", "-8", "0x8", "8k", "\n8"}) {
    EXPECT_THAT(KstrtoU64(bad), HasErrno(EINVAL)) << bad;
  }
}

TEST(KstrtoxTest, KstrtoOverflowIsERANGE) {
  EXPECT_THAT(KstrtoU64("18446744073709551615"), IsOkAndHolds(kMax));
  EXPECT_THAT(KstrtoU64("18446744073709551616"), HasErrno(ERANGE));
  EXPECT_THAT(KstrtoU32("4294967295"), IsOkAndHolds(0xffffffffu));
  EXPECT_THAT(KstrtoU32("4294967296"), HasErrno(ERANGE));
  EXPECT_THAT(KstrtoU32("18446744073709551616"), HasErrno(ERANGE));
  // Letters win over the range, as the kernel reads to the end first.
  EXPECT_THAT(KstrtoU64("18446744073709551616x"), HasErrno(EINVAL));
}

TEST(KstrtoxTest, ANulIsNoDigit) {
  EXPECT_THAT(KstrtoU64(absl::string_view("8\0", 2)), HasErrno(EINVAL));
  EXPECT_THAT(SscanfU64(absl::string_view("8\0", 2), kWraps), HasErrno(EINVAL));
}

}  // namespace
}  // namespace dmdax
