// SPDX-License-Identifier: Apache-2.0
//
// A kernel is one file, and a line in each target that changed: v9_9.cc and
// dm_since.cc are linked in, and nothing else names either.
#include <cerrno>

#include "base/fault_functions.h"
#include "base/kernel_alias.h"
#include "tests/dm_testing.h"

namespace dmdax {
namespace {

using testing::HasSubstr;

const KernelProfile& Profile(absl::string_view name) {
  return **FindKernelProfile(name);
}

TargetVersion VersionOf(absl::string_view target, absl::string_view kernel) {
  const TargetType* type = FindTargetType(target, Profile(kernel));
  return type == nullptr ? TargetVersion{} : type->version(Profile(kernel));
}

TEST(ToyKernelTest, IsFoundAsEveryOther) {
  EXPECT_EQ(&Profile("9.9.1-amd64"), &Profile("v9_9"));
  EXPECT_EQ(AnswerForKernel("9.10")->profile, &Profile("v9_9"));
  EXPECT_EQ(AnswerForKernel("9.8")->profile, &Profile("v7_3"));
  EXPECT_THAT(FindKernelProfile("v9"),
              StatusIs(absl::StatusCode::kNotFound,
                       HasSubstr("v7_3, v9_9, arm64_4_14")));
}

TEST(ToyKernelTest, DiffersInWhatItsFileSays) {
  const KernelProfile& before = Profile("v7_2");
  const KernelProfile& toy = Profile("v9_9");
  EXPECT_NE(toy.dm_ioctl_version[1], before.dm_ioctl_version[1]);
  EXPECT_NE(toy.dm_name_check, before.dm_name_check);
  EXPECT_NE(toy.dm_target_error_has_errno, before.dm_target_error_has_errno);
  EXPECT_NE(toy.dax_poison_errno, before.dax_poison_errno);
  EXPECT_NE(toy.fault.map_whole_folios, before.fault.map_whole_folios);
  EXPECT_EQ(FaultFunctionName(toy.fault, FaultFunction::kInsertPmd),
            "insert_pmd_folio");
  // And in nothing else.
  EXPECT_EQ(toy.sscanf_overflow, before.sscanf_overflow);
  EXPECT_EQ(toy.fault.devdax_mmap_function, "dax_mmap_prepare");
  EXPECT_EQ(FaultFunctionName(toy.fault, FaultFunction::kCheckVma),
            "__check_vma");
  EXPECT_EQ(toy.recorded, "") << "what it stands on is its own";
}

TEST(ToyKernelTest, TargetsHaveTheirVersionsSinceARelease) {
  EXPECT_EQ(VersionOf("linear", "v9_9"), VersionOf("linear", "v7_2"));
  EXPECT_EQ(VersionOf("since", "v6_12"), TargetVersion{}) << "not before";
  EXPECT_EQ(VersionOf("since", "v7_2"), (TargetVersion{1, 0, 0}));
  EXPECT_EQ(VersionOf("since", "v9_9"), (TargetVersion{1, 1, 0}));
}

class ToyKernelDmTest : public DmTest {
 protected:
  ToyKernelDmTest() : DmTest("v9_9") {}
};

TEST_F(ToyKernelDmTest, ItsRulesHold) {
  EXPECT_THAT(New("control"), IsOk()) << "a name that 7.2 reserves";
  ASSERT_THAT(New("d0"), IsOk());
  EXPECT_THAT(Load("d0", {Row(0, 8, "linear", "/dev/pmem0")}),
              HasErrno(EINVAL));
  EXPECT_THAT(Log(),
              testing::Contains(HasSubstr("linear: Invalid argument count")));
  EXPECT_THAT(Load("d0", {Row(0, 8, "since")}), IsOk());
}

}  // namespace
}  // namespace dmdax
