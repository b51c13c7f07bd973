// SPDX-License-Identifier: Apache-2.0
//
// The comparison itself; //tests/conformance applies it to every recorded
// trace.
#include "tests/conformance/graph_text.h"

#include "base/fault_functions.h"
#include "base/kernel_profile.h"
#include "gtest/gtest.h"

namespace dmdax::conformance {
namespace {

const std::vector<std::string>& Recorded() {
  static const auto* lines = new std::vector<std::string>{
      "mutex_unlock();",
      "/* T1 */",
      "handle_mm_fault() {",
      "  __handle_mm_fault() {",
      "    ext4_dax_huge_fault [ext4]() {",
      "      down_read() {",
      "      } /* down_read */",
      "      dax_iomap_fault();",
      "    } /* ext4_dax_huge_fault [ext4] */",
      "    wrapper() {",
      "      dax_set_mapping.isra.0 [device_dax]();",
      "    } /* wrapper */",
      "  } /* __handle_mm_fault */",
      "} /* handle_mm_fault */",
      "/* E1 */",
  };
  return *lines;
}

const std::set<std::string>& Modelled() {
  static const auto* names =
      new std::set<std::string>{"handle_mm_fault", "ext4_dax_huge_fault",
                                "dax_iomap_fault", "dax_set_mapping"};
  return *names;
}

std::vector<GraphCall> Ours() {
  return {{0, "handle_mm_fault"},
          {1, "ext4_dax_huge_fault"},
          {2, "dax_iomap_fault"},
          {1, "dax_set_mapping"}};
}

TEST(GraphTextTest, NamesLoseModuleAndSuffix) {
  const std::vector<GraphCall> calls = ParseGraph(Recorded());
  ASSERT_EQ(calls.size(), 8u);
  EXPECT_EQ(calls[0], (GraphCall{0, "mutex_unlock"}));
  EXPECT_EQ(calls[3], (GraphCall{2, "ext4_dax_huge_fault"}));
  EXPECT_EQ(calls[5], (GraphCall{3, "dax_iomap_fault"}));
  EXPECT_EQ(calls[7], (GraphCall{3, "dax_set_mapping"}));
}

TEST(GraphTextTest, WhatIsNotModelledIsPassedOver) {
  EXPECT_EQ(CompareGraph(Recorded(), Ours(), Modelled()), "");
}

TEST(GraphTextTest, OrderNestingAndLackAreDifferences) {
  std::vector<GraphCall> ours = Ours();
  std::swap(ours[1], ours[3]);
  EXPECT_EQ(CompareGraph(Recorded(), ours, Modelled()),
            "call 1: the kernel has 1 ext4_dax_huge_fault, ours is 1 "
            "dax_set_mapping");
  ours = Ours();
  ours[3].depth = 2;
  EXPECT_EQ(CompareGraph(Recorded(), ours, Modelled()),
            "call 3: the kernel has 1 dax_set_mapping, ours is 2 "
            "dax_set_mapping");
  ours = Ours();
  ours.pop_back();
  EXPECT_EQ(CompareGraph(Recorded(), ours, Modelled()),
            "call 3: the kernel has 1 dax_set_mapping, ours is (end)");
  ours = Ours();
  ours.push_back({0, "handle_mm_fault"});
  EXPECT_EQ(CompareGraph(Recorded(), ours, Modelled()),
            "call 4: the kernel has (end), ours is 0 handle_mm_fault");
}

TEST(GraphTextTest, ARecordingMayBeginLower) {
  const std::vector<std::string> recorded = {"dax_iomap_fault() {", "}"};
  EXPECT_EQ(CompareGraph(recorded, Ours(), Modelled()), "");
  EXPECT_NE(CompareGraph({}, Ours(), Modelled()), "");
}

TEST(GraphTextTest, ATouchMayCallNothing) {
  const std::vector<std::string> nothing = {"mutex_unlock();", "/* T3 */",
                                            "/* E3 */"};
  const std::set<std::string> asked = {"handle_mm_fault"};
  EXPECT_EQ(CompareGraph(nothing, {}, Modelled(), asked), "");
  EXPECT_EQ(CompareGraph(nothing, Ours(), Modelled(), asked),
            "call 0: the kernel has (end), ours is 0 handle_mm_fault");
  EXPECT_NE(CompareGraph({"mutex_unlock();"}, {}, Modelled(), asked), "")
      << "not traced";
}

TEST(GraphTextTest, KernelsNameFunctionsDifferently) {
  const auto name = [](const char* kernel) {
    return FaultFunctionName((*FindKernelProfile(kernel))->fault,
                             FaultFunction::kVmfInsertPfnPmd);
  };
  EXPECT_EQ(name("v4_14"), "vmf_insert_pfn_pmd");
  EXPECT_EQ(name("v6_1"), "vmf_insert_pfn_pmd_prot");
  EXPECT_EQ(name("v6_12"), "vmf_insert_pfn_pmd");
  for (const KernelProfile& profile : AllKernelProfiles()) {
    EXPECT_EQ(ModelledFunctions(profile.fault).count("handle_mm_fault"), 1u);
    EXPECT_EQ(ModelledFunctions(profile.fault).count(""), 0u);
  }
}

}  // namespace
}  // namespace dmdax::conformance
