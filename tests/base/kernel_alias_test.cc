// SPDX-License-Identifier: Apache-2.0
#include "base/kernel_alias.h"

#include <algorithm>

#include "tests/testing.h"

namespace dmdax {
namespace {

using testing::HasSubstr;

std::string Profile(absl::string_view name) {
  absl::StatusOr<KernelAnswer> answer = AnswerForKernel(name);
  return answer.ok() ? answer->profile->name
                     : std::string(answer.status().message());
}

std::string Note(absl::string_view name) { return AnswerForKernel(name)->note; }

TEST(KernelAliasTest, AProfileAnswersForItself) {
  for (const KernelProfile& profile : AllKernelProfiles()) {
    EXPECT_EQ(Profile(profile.name), profile.name);
    EXPECT_EQ(Note(profile.name), "");
  }
  EXPECT_EQ(Profile("6.1.0-56-amd64"), "v6_1");
  EXPECT_EQ(Note("6.1.0-56-amd64"), "");
}

TEST(KernelAliasTest, TheNewestThatIsNoNewerAnswersForARelease) {
  EXPECT_EQ(Profile("4.15"), "v4_14");
  EXPECT_EQ(Profile("5.9"), "v4_14");
  EXPECT_EQ(Profile("5.14"), "v5_10");
  EXPECT_EQ(Profile("6.0"), "v5_10");
  EXPECT_EQ(Profile("6.8.0-31-generic"), "v6_1");
  EXPECT_EQ(Profile("6.14-rc3"), "v6_12");
  EXPECT_EQ(Profile("6.15"), "v6_12");
  EXPECT_EQ(Profile("6.17"), "v6_17");
  EXPECT_EQ(Profile("6.19"), "v6_18");
  EXPECT_EQ(Profile("7.1"), "v6_18");
  EXPECT_EQ(Profile("9.9"), "v7_3");
  EXPECT_EQ(Note("5.14.0-427.el9.x86_64"),
            "kernel 5.14.0-427.el9.x86_64 is not a profile; v5_10 answers, "
            "the nearest that is (dmdax kernels)");
}

TEST(KernelAliasTest, AReleaseBetweenTwoProfilesHasBoth) {
  const auto above = [](absl::string_view name) {
    absl::StatusOr<KernelAnswer> answer = AnswerForKernel(name);
    return answer->above == nullptr ? "" : answer->above->name;
  };
  EXPECT_EQ(above("4.18.0-80.el8.x86_64"), "v5_10");
  EXPECT_EQ(above("5.4"), "v5_10");
  EXPECT_EQ(above("6.0"), "v6_1");
  EXPECT_EQ(above("6.8.0-31-generic"), "v6_12");
  EXPECT_EQ(above("rhel8"), "v5_10");
  EXPECT_EQ(AnswerForKernel("5.4")->BothNote(),
            "kernel 5.4 lies between v4_14 and v5_10: both are asked");
  EXPECT_EQ(AnswerForKernel("rhel8")->BothNote(),
            "kernel rhel8 (4.18) lies between v4_14 and v5_10: both are asked");
  // Of that release there is one, with other patches; newer there is none.
  for (const char* alone : {"6.12.0-55.el10.x86_64", "rhel10", "v5_10", "5.10",
                            "debian12", "arm64_4_14", "9.9"}) {
    EXPECT_EQ(above(alone), "") << alone;
    EXPECT_EQ(AnswerForKernel(alone)->between, "") << alone;
    EXPECT_EQ(AnswerForKernel(alone)->BothNote(), "") << alone;
  }
}

TEST(KernelAliasTest, ADistributionIsItsKernel) {
  EXPECT_EQ(Profile("debian12"), "v6_1");
  EXPECT_EQ(Note("debian12"), "") << "it was recorded on Debian's";
  EXPECT_EQ(Profile("rhel9"), "v5_10");
  EXPECT_THAT(Note("rhel9"), HasSubstr("kernel rhel9 (5.14) is not a profile"));
  EXPECT_EQ(Profile("rhel10"), "v6_12");
  EXPECT_THAT(Note("rhel10"), HasSubstr("v6_12 answers"))
      << "of 6.12, with patches that nobody recorded";
}

TEST(KernelAliasTest, AMinorReleaseHasTheKernelOfAll) {
  EXPECT_EQ(Profile("rhel8.10"), Profile("rhel8"));
  EXPECT_THAT(Note("rhel8.10"), HasSubstr("rhel8.10 (4.18)"));
  EXPECT_EQ(Profile("debian12.5"), "v6_1");
  EXPECT_FALSE(AnswerForKernel("rhel8.x").ok());
  EXPECT_FALSE(AnswerForKernel("ubuntu22.04.4").ok())
      << "point releases of it have other kernels";
}

TEST(KernelAliasTest, AVendorsKernelIsOnlyNear) {
  EXPECT_THAT(Note("6.12.0-55.9.1.el10_0.x86_64"), HasSubstr("v6_12 answers"));
  EXPECT_THAT(Note("4.14.355-280.652.amzn2.x86_64"),
              HasSubstr("v4_14 answers"));
  EXPECT_THAT(Note("6.12.0-160000.5-default"), HasSubstr("v6_12 answers"));
  EXPECT_EQ(Note("6.1.0-18-amd64"), "") << "Debian's were recorded";
  EXPECT_EQ(Note("6.12.5"), "");
}

TEST(KernelAliasTest, EachHasAnAnswerAndNoneIsAProfilesName) {
  const absl::Span<const KernelAlias> all = KernelAliases();
  for (const KernelAlias& alias : all) {
    EXPECT_GE(alias.release, AllKernelProfiles()[0].release) << alias.name;
    EXPECT_THAT(FindKernelProfile(alias.name), testing::Not(IsOk()))
        << alias.name;
    EXPECT_EQ(AnswerForAlias(alias).profile->name, Profile(alias.name));
    EXPECT_EQ(AnswerForAlias(alias).note.empty(),
              alias.patches == VendorPatches::kRecorded)
        << alias.name;
  }
  EXPECT_TRUE(std::is_sorted(all.begin(), all.end(),
                             [](const KernelAlias& a, const KernelAlias& b) {
                               return a.name < b.name;
                             }));
}

TEST(KernelAliasTest, ANameNobodyKnowsIsRefused) {
  for (const char* name : {"",      "rhel",         "rhel99",
                           "v5_14", "v6.1x",        "6",
                           "6.",    ".1",           "5.14x",
                           "5.14 ", " 5.14",        "-5.14",
                           "+5.14", "4294967296.1", "arm64",
                           "6.1.",  "6.1.nonsense", "6.1..",
                           "6.1-",  "5.14.",        "5.14.nonsense",
                           "5.14-", "5.14--"}) {
    EXPECT_THAT(AnswerForKernel(name), StatusIs(absl::StatusCode::kNotFound,
                                                HasSubstr("no kernel profile")))
        << name;
  }
  EXPECT_THAT(Profile("v5_14"), HasSubstr("arm64_4_14, releases such as 6.18, "
                                          "and amazon2, amazon2023, debian10"));
}

TEST(KernelAliasTest, OneThatIsTooOldIsRefused) {
  EXPECT_EQ(Profile("4.4"),
            "kernel 4.4 is older than 4.14, the oldest there "
            "is");
  EXPECT_EQ(Profile("3.10.0-1160.el7.x86_64"),
            "kernel 3.10.0-1160.el7.x86_64 is older than 4.14, the oldest "
            "there is");
  EXPECT_EQ(Profile("rhel7"),
            "kernel rhel7 (3.10) is older than 4.14, the oldest there is");
  EXPECT_EQ(Profile("debian9"),
            "kernel debian9 (4.9) is older than 4.14, the oldest there is");
}

TEST(KernelAliasTest, AReleaseMayHaveAVInFront) {
  EXPECT_EQ(Profile("v6.1"), "v6_1");
  EXPECT_EQ(Note("v6.1"), "");
  EXPECT_EQ(Profile("v5.14"), "v5_10");
  EXPECT_EQ(Profile("ubuntu18.04"), "v4_14");
}

TEST(KernelAliasTest, TheOldestStandsInForWhatAMachineRuns) {
  const absl::StatusOr<KernelAnswer> answer =
      AnswerForRelease("3.10.0-1160.el7.x86_64");
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->profile->name, "v4_14");
  EXPECT_THAT(answer->unknown, HasSubstr("nobody knows what it does"));
  EXPECT_THAT(answer->note, HasSubstr("v4_14 stands in"));
  EXPECT_EQ(answer->above, nullptr);
  for (const char* release :
       {"4.14", "4.18.0-553.el8_10.x86_64", "6.1.0", "9.9"}) {
    const absl::StatusOr<KernelAnswer> known = AnswerForRelease(release);
    ASSERT_TRUE(known.ok()) << known.status();
    EXPECT_EQ(known->unknown, "") << release;
  }
  EXPECT_FALSE(AnswerForRelease("no release").ok());
}

// Wherever a release says it, or uname -rm.
TEST(KernelAliasTest, OfOtherMachinesNobodyKnows) {
  for (const char* release :
       {"6.1.0-13-arm64", "5.14.0-427.el9.aarch64+64k", "6.8.0-31-generic-64k",
        "5.14.0-427.el9.ppc64le", "6.1.0-9-686-pae", "6.6.0-riscv64",
        "6.4.0-150600.21-64kb", "6.8.0-45-generic aarch64", "6.1 s390x",
        "4.14.0-aarch64", "3.10.0-957.el7.ppc64le"}) {
    const absl::StatusOr<KernelAnswer> answer = AnswerForRelease(release);
    ASSERT_TRUE(answer.ok()) << release << answer.status();
    EXPECT_THAT(answer->unknown, HasSubstr("nobody knows")) << release;
    EXPECT_EQ(answer->above, nullptr) << release;
    EXPECT_THAT(answer->note, HasSubstr("stands in")) << release;
  }
  EXPECT_THAT(Profile("6.1.0-13-arm64"),
              "kernel 6.1.0-13-arm64 is one of arm64, and dmdax has those of "
              "x86_64, with pages of 4 KiB (dmdax kernels)");
  for (const char* release :
       {"6.1.0-56-amd64", "6.8.0-45-generic x86_64", "5.14.0-686.el9.x86_64",
        "6.8.0-45-generic", "4.18.0-80.el8.x86_64"}) {
    const absl::StatusOr<KernelAnswer> answer = AnswerForRelease(release);
    ASSERT_TRUE(answer.ok()) << release << answer.status();
    EXPECT_EQ(answer->unknown, "") << release;
  }
  // Of which there is a profile.
  EXPECT_EQ(AnswerForRelease("4.14.0-115.el7a.aarch64")->profile->name,
            "arm64_4_14");
  EXPECT_EQ(AnswerForRelease("4.14.0-115.el7a.aarch64 aarch64")->unknown, "");
}

}  // namespace
}  // namespace dmdax
