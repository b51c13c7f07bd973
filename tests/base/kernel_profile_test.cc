// SPDX-License-Identifier: Apache-2.0
#include "base/kernel_profile.h"

#include <cerrno>
#include <set>

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
  EXPECT_EQ(Profile("4.14").name, "v4_14");
}

TEST(KernelProfileTest, AnUnknownOneIsToldWhatThereIs) {
  for (const char* name : {"", "v6_2", "6.10", "6", "latest", "v6_1 "}) {
    EXPECT_THAT(FindKernelProfile(name),
                StatusIs(absl::StatusCode::kNotFound,
                         HasSubstr("v4_14, v5_10, v6_1, v6_12, v6_15, v7_2")))
        << name;
  }
}

// 6.15 has the device half of 6.12, and its column.
TEST(KernelProfileTest, EveryColumnHasAProfileInOrder) {
  std::set<int> columns;
  for (const KernelProfile& p : AllKernelProfiles()) {
    const int column = static_cast<int>(p.column);
    EXPECT_TRUE(columns.empty() || column >= *columns.rbegin()) << p.name;
    columns.insert(column);
    EXPECT_THAT(FindKernelProfile(p.name), IsOkAndHolds(&p));
  }
  EXPECT_EQ(columns.size(), static_cast<size_t>(kKernelColumns));
}

// dm-core.md section 11.
TEST(KernelProfileTest, IoctlVersions) {
  const std::vector<std::pair<uint32_t, const char*>> minors = {
      {37, "2017-09-20"}, {43, "2020-10-01"}, {47, "2022-07-28"},
      {48, "2023-03-01"}, {49, "2025-01-17"}, {50, "2025-04-28"}};
  for (size_t i = 0; i < minors.size(); ++i) {
    const KernelProfile& p = AllKernelProfiles()[i];
    EXPECT_EQ(p.dm_ioctl_version[0], 4u);
    EXPECT_EQ(p.dm_ioctl_version[1], minors[i].first) << p.name;
    EXPECT_EQ(p.dm_ioctl_version_date, minors[i].second) << p.name;
  }
}

// The entries of _ioctls[] in drivers/md/dm-ioctl.c: DM_GET_TARGET_VERSION
// came with 5.4, and DM_MPATH_PROBE_PATHS (7.2) is no command of this node.
TEST(KernelProfileTest, CommandsOfTheControlNode) {
  for (const KernelProfile& p : AllKernelProfiles()) {
    EXPECT_EQ(p.dm_last_ioctl, p.version == "4.14" ? 16u : 17u) << p.name;
  }
}

TEST(KernelProfileTest, TheThreeThatIssueTwoNames) {
  EXPECT_EQ(Profile("v5_10").dm_dax_alignment, DmDaxAlignment::kRejects);
  EXPECT_EQ(Profile("v6_1").dm_dax_alignment, DmDaxAlignment::kRoundsDown);
  EXPECT_EQ(Profile("v6_1").dax_poison_errno, EIO);
  EXPECT_EQ(Profile("v6_12").dax_poison_errno, EHWPOISON);
  EXPECT_FALSE(Profile("v4_14").dm_max_io_len_has_max_sectors);
  EXPECT_EQ(Profile("v6_12").blk_def_max_sectors, 2560u);
  EXPECT_EQ(Profile("v7_2").blk_def_max_sectors, 8192u);
}

TEST(KernelProfileTest, ErrnoSuffixIsOfNewKernels) {
  EXPECT_EQ(Profile("v6_1").ErrnoSuffix(ENODEV), " (-ENODEV)");
  EXPECT_EQ(Profile("v5_10").ErrnoSuffix(ENODEV), "");
}

}  // namespace
}  // namespace dmdax
