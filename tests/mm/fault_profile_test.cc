// SPDX-License-Identifier: Apache-2.0
#include "base/fault_profile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/kernel_module.h"
#include "base/kernel_profile.h"
#include "tests/testing.h"

namespace dmdax {
namespace {

TEST(FaultProfileTest, ExportedSymbols) {
  const auto exports = [](const char* name, const char* symbol) {
    return ExportsSymbol((*FindKernelProfile(name))->fault, symbol);
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
  EXPECT_THAT(
      LoadModule((*FindKernelProfile("arm64_4_14"))->fault, log, module),
      HasErrno(ENOENT, "Unknown symbol in module"));
  EXPECT_THAT(log.TakeNew(),
              testing::ElementsAre(
                  "huge_test: Unknown symbol vmf_insert_pfn_pud (err 0)",
                  "huge_test: Unknown symbol nosuch (err 0)"));
  EXPECT_THAT(LoadModule((*FindKernelProfile("v6_12"))->fault, log, module),
              HasErrno(ENOENT));
  EXPECT_THAT(log.TakeNew(), testing::ElementsAre(
                                 "huge_test: Unknown symbol nosuch (err -2)"));
}

TEST(FaultProfileTest, PageSizes) {
  const FaultProfile& arm = (*FindKernelProfile("arm64_4_14"))->fault;
  EXPECT_EQ(arm.page_size(), 65536u);
  EXPECT_EQ(arm.pmd_size(), 512u << 20);
  EXPECT_EQ(DefaultKernelProfile().fault.pmd_order(), 9);
  EXPECT_EQ(DefaultKernelProfile().fault.pud_order(), 18);
}

}  // namespace
}  // namespace dmdax
