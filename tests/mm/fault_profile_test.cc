// SPDX-License-Identifier: Apache-2.0
#include "base/fault_profile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/kernel_module.h"
#include "base/kernel_profile.h"
#include "tests/testing.h"

namespace dmdax {
namespace {

TEST(FaultProfileTest, FoundByNameVersionAndRelease) {
  for (const FaultProfile& profile : AllFaultProfiles()) {
    EXPECT_EQ(*FindFaultProfile(profile.name), &profile);
  }
  EXPECT_EQ((*FindFaultProfile("6.12"))->name, "v6_12");
  EXPECT_EQ((*FindFaultProfile("6.1.0-56-amd64"))->name, "v6_1");
  EXPECT_THAT(FindFaultProfile("5.4"),
              StatusIs(absl::StatusCode::kNotFound,
                       testing::HasSubstr("v4_14, v5_10, v6_1")));
}

TEST(FaultProfileTest, EveryKernelProfileHasOne) {
  for (const KernelProfile& profile : AllKernelProfiles()) {
    EXPECT_THAT(FindFaultProfile(profile.name), IsOk());
  }
  EXPECT_EQ(DefaultFaultProfile().name, DefaultKernelProfile().name);
}

TEST(FaultProfileTest, ExportedSymbols) {
  const auto exports = [](const char* name, const char* symbol) {
    return ExportsSymbol(**FindFaultProfile(name), symbol);
  };
  EXPECT_TRUE(exports("v4_14", "vmf_insert_pfn_pmd"));
  EXPECT_TRUE(exports("v4_14", "vmf_insert_pfn_pud"));
  EXPECT_TRUE(exports("arm64_4_14", "vmf_insert_pfn_pmd"));
  EXPECT_FALSE(exports("arm64_4_14", "vmf_insert_pfn_pud"));
  EXPECT_TRUE(exports("v6_1", "vmf_insert_pfn_pmd_prot"));
  EXPECT_FALSE(exports("v6_1", "vmf_insert_pfn_pmd"));
  EXPECT_TRUE(exports("v6_12", "vmf_insert_pfn_pmd"));
  EXPECT_FALSE(exports("v6_12", "vmf_insert_pfn_pmd_t"));
}

TEST(KernelModuleTest, EveryUnknownSymbolIsLogged) {
  KernelLog log;
  const KernelModule module = {
      .name = "huge_test",
      .imports = {"vmf_insert_pfn_pmd", "vmf_insert_pfn_pud", "nosuch"}};
  EXPECT_THAT(LoadModule(**FindFaultProfile("arm64_4_14"), log, module),
              HasErrno(ENOENT, "Unknown symbol in module"));
  EXPECT_THAT(log.TakeNew(),
              testing::ElementsAre(
                  "huge_test: Unknown symbol vmf_insert_pfn_pud (err 0)",
                  "huge_test: Unknown symbol nosuch (err 0)"));
  EXPECT_THAT(LoadModule(**FindFaultProfile("v6_12"), log, module),
              HasErrno(ENOENT));
  EXPECT_THAT(log.TakeNew(), testing::ElementsAre(
                                 "huge_test: Unknown symbol nosuch (err -2)"));
}

TEST(FaultProfileTest, PageSizes) {
  const FaultProfile& arm = **FindFaultProfile("arm64_4_14");
  EXPECT_EQ(arm.page_size(), 65536u);
  EXPECT_EQ(arm.pmd_size(), 512u << 20);
  EXPECT_EQ(DefaultFaultProfile().pmd_order(), 9);
  EXPECT_EQ(DefaultFaultProfile().pud_order(), 18);
}

}  // namespace
}  // namespace dmdax
