// SPDX-License-Identifier: Apache-2.0
#include "base/kernel_profile.h"

#include <algorithm>
#include <cerrno>
#include <map>
#include <tuple>

#include "absl/strings/str_join.h"
#include "tests/testing.h"

namespace dmdax {
namespace {

using testing::HasSubstr;

const KernelProfile& Profile(absl::string_view name) {
  return **FindKernelProfile(name);
}

TEST(KernelProfileTest, IsFoundByNameVersionAndRelease) {
  EXPECT_EQ(&Profile("v6_1"), &DefaultKernelProfile());
  EXPECT_EQ(&Profile("6.1"), &DefaultKernelProfile());
  EXPECT_EQ(&Profile("6.1.0-56-amd64"), &DefaultKernelProfile());
  EXPECT_EQ(Profile("6.12.107").name, "v6_12") << "not taken for 6.1";
  EXPECT_EQ(Profile("4.14").name, "v4_14") << "not arm64's";
  EXPECT_EQ(Profile("arm64_4_14").name, "arm64_4_14");
}

std::vector<std::string> Names() {
  std::vector<std::string> names;
  for (const KernelProfile& p : AllKernelProfiles()) names.push_back(p.name);
  return names;
}

TEST(KernelProfileTest, AnUnknownOneIsToldWhatThereIs) {
  for (const char* name : {"", "v6_2", "6.10", "6", "latest", "v6_1 "}) {
    EXPECT_THAT(FindKernelProfile(name),
                StatusIs(absl::StatusCode::kNotFound,
                         HasSubstr(absl::StrJoin(Names(), ", "))))
        << name;
  }
}

// Those of x86-64 in order of their releases, then arm64's: whatever order the
// linker gives the files of base/kernels/.
TEST(KernelProfileTest, AreListedInOrder) {
  std::vector<std::tuple<PageTableFormat, KernelRelease>> order;
  for (const KernelProfile& p : AllKernelProfiles()) {
    order.emplace_back(p.fault.format, p.release);
    EXPECT_THAT(FindKernelProfile(p.name), IsOkAndHolds(&p));
  }
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
  EXPECT_THAT(Names(), testing::IsSupersetOf({"v4_14", "v5_10", "v6_1", "v6_12",
                                              "v6_16", "v6_17", "v6_18", "v7_2",
                                              "v7_3", "arm64_4_14"}));
}

TEST(KernelProfileTest, EachSaysWhatItStandsOn) {
  for (const KernelProfile& p : AllKernelProfiles()) {
    EXPECT_THAT(p.stands_for, testing::StartsWith(p.release.ToString()))
        << p.name;
    EXPECT_NE(p.from_source, "") << p.name;
  }
}

// dm-core.md section 11.
TEST(KernelProfileTest, IoctlVersions) {
  const std::map<std::string, std::pair<uint32_t, std::string>> minors = {
      {"v4_14", {37, "2017-09-20"}}, {"v5_10", {43, "2020-10-01"}},
      {"v6_1", {47, "2022-07-28"}},  {"v6_12", {48, "2023-03-01"}},
      {"v6_16", {50, "2025-04-28"}}, {"v6_17", {50, "2025-04-28"}},
      {"v6_18", {50, "2025-04-28"}}, {"v7_2", {50, "2025-04-28"}},
      {"v7_3", {50, "2025-04-28"}},  {"arm64_4_14", {37, "2017-09-20"}}};
  for (const auto& [name, minor] : minors) {
    const KernelProfile& p = Profile(name);
    EXPECT_EQ(p.dm_ioctl_version[0], 4u);
    EXPECT_EQ(p.dm_ioctl_version[1], minor.first) << p.name;
    EXPECT_EQ(p.dm_ioctl_version_date, minor.second) << p.name;
  }
}

// The entries of _ioctls[] in drivers/md/dm-ioctl.c: DM_GET_TARGET_VERSION
// came with 5.4, and DM_MPATH_PROBE_PATHS (7.2) is no command of this node.
TEST(KernelProfileTest, CommandsOfTheControlNode) {
  for (const KernelProfile& p : AllKernelProfiles()) {
    EXPECT_EQ(p.dm_last_ioctl, p.release == k4_14 ? 16u : 17u) << p.name;
  }
}

// IMA came with the interface 4.45.
TEST(KernelProfileTest, ImaIsOfItsInterface) {
  for (const KernelProfile& p : AllKernelProfiles()) {
    EXPECT_EQ(p.dm_has_ima, p.dm_ioctl_version[1] >= 45) << p.name;
  }
}

TEST(KernelProfileTest, TheThreeThatIssueTwoNames) {
  EXPECT_EQ(Profile("v5_10").dm_dax_alignment, DmDaxAlignment::kRejects);
  EXPECT_EQ(Profile("v6_1").dm_dax_alignment, DmDaxAlignment::kRoundsDown);
  EXPECT_EQ(Profile("v6_1").dax_poison_errno, EIO);
  EXPECT_EQ(Profile("v6_12").dax_poison_errno, EHWPOISON);
  EXPECT_FALSE(Profile("v4_14").dm_max_io_len_has_max_sectors);
  EXPECT_EQ(Profile("v6_16").blk_def_max_sectors, 2560u);
  EXPECT_EQ(Profile("v6_17").blk_def_max_sectors, 8192u);
}

TEST(KernelProfileTest, ErrnoSuffixIsOfNewKernels) {
  EXPECT_EQ(Profile("v6_1").ErrnoSuffix(ENODEV), " (-ENODEV)");
  EXPECT_EQ(Profile("v5_10").ErrnoSuffix(ENODEV), "");
}

}  // namespace
}  // namespace dmdax
