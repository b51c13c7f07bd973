// SPDX-License-Identifier: Apache-2.0
//
// The examples of base/.
#include <fcntl.h>

#include <atomic>
#include <iostream>
#include <vector>

#include "base/column.h"
#include "base/column_memory.h"
#include "base/dev_t.h"
#include "base/fault_functions.h"
#include "base/fd.h"
#include "base/kernel_alias.h"
#include "base/kernel_log.h"
#include "base/kernel_module.h"
#include "base/kernel_profile.h"
#include "base/kernel_registry.h"
#include "base/keyring.h"
#include "base/kstrtox.h"
#include "base/nearest.h"
#include "base/one_line.h"
#include "base/ranges.h"
#include "base/read_input.h"
#include "base/reciprocal.h"
#include "base/round_up.h"
#include "base/simd.h"
#include "base/since.h"
#include "base/srcu.h"
#include "base/trace.h"
#include "base/units.h"
#include "base/usage_error.h"
#include "base/utf8.h"
#include "dax/pmem.h"
#include "tests/examples/examples.h"

namespace dmdax {
namespace {

TEST(BaseExamples, Column) {
#include "tests/examples/base/column.inc"
  EXPECT_EQ(lengths[0], 8);
}

TEST(BaseExamples, ColumnMemory){
#include "tests/examples/base/column_memory.inc"
}

TEST(BaseExamples, DevT){
#include "tests/examples/base/dev_t.inc"
}

TEST(BaseExamples, ErrnoStatus){
#include "tests/examples/base/errno_status.inc"
}

TEST(BaseExamples, FaultFunctions) {
  for (const char* kernel : {"v6_1", "v6_12"}) {
    const FaultProfile& profile = (*FindKernelProfile(kernel))->fault;
#include "tests/examples/base/fault_functions.inc"
  }
}

TEST(BaseExamples, Fd) {
  const auto open_null = [] {
#include "tests/examples/base/fd.inc"
    return absl::OkStatus();
  };
  EXPECT_THAT(open_null(), IsOk());
}

TEST(BaseExamples, KernelAlias) {
#include "tests/examples/base/kernel_alias.inc"
  EXPECT_EQ(answer->profile->name, "v5_10");
  EXPECT_THAT(answer->note,
              testing::StartsWith("kernel rhel9 (5.14) is not a profile; v5_10 "
                                  "answers, "));
}

TEST(BaseExamples, KernelRegistry) {
  EXPECT_EQ((*FindKernelProfile("v9_8"))->dm_ioctl_version[1], 51);
}

TEST(BaseExamples, KernelLog) {
#include "tests/examples/base/kernel_log.inc"
  EXPECT_THAT(log.TakeNew(), testing::IsEmpty());
}

TEST(BaseExamples, KernelModule) {
  const FaultProfile& profile = (*FindKernelProfile("arm64_4_14"))->fault;
#include "tests/examples/base/kernel_module.inc"
  EXPECT_THAT(s, HasErrno(ENOENT, "Unknown symbol in module"));
  EXPECT_THAT(log.TakeNew(),
              testing::ElementsAre(
                  "huge_test: Unknown symbol vmf_insert_pfn_pud (err 0)"));
}

TEST(BaseExamples, Keyring){
#include "tests/examples/base/keyring.inc"
}

TEST(BaseExamples, Kstrtox){
#include "tests/examples/base/kstrtox.inc"
}

TEST(BaseExamples, Nearest) {
#include "tests/examples/base/nearest.inc"
  EXPECT_EQ(NearestWord("laod", verbs), "load");  // neighbours changed
  EXPECT_EQ(NearestWord("tables", verbs), "table");
  EXPECT_EQ(NearestWord("taxi", verbs), "");
  EXPECT_EQ(NearestWord("", verbs), "");
  EXPECT_EQ(NearestWord("load", {}), "");
}

TEST(BaseExamples, OneLine){
#include "tests/examples/base/one_line.inc"
}

TEST(BaseExamples, ReadInput) {
  // Not called: it would read what the test has on its standard input.
  [[maybe_unused]] const auto read = [] {
#include "tests/examples/base/read_input.inc"
  };
}

TEST(BaseExamples, Reciprocal){
#include "tests/examples/base/reciprocal.inc"
}

TEST(BaseExamples, Ranges) {
#include "tests/examples/base/ranges.inc"
  EXPECT_EQ(lost, (Ranges{{0, 4}, {6, 16}}));
}

TEST(BaseExamples, RoundUp){
#include "tests/examples/base/round_up.inc"
}

TEST(BaseExamples, Simd) {
  std::vector<SimdLevel> asked;
  const int pages = 0;
  const auto Translate = [&](SimdLevel level, int) { asked.push_back(level); };
#include "tests/examples/base/simd.inc"
  EXPECT_EQ(asked[1], SimdLevel::kPlain);
}

TEST(BaseExamples, Since){
#include "tests/examples/base/since.inc"
}

TEST(BaseExamples, Srcu) {
  using T = int;
  std::atomic<T*> ptr = new T(1);
  T* const fresh = new T(2);
  const T* used = nullptr;
  const auto Use = [&](const T* p) { used = p; };
#include "tests/examples/base/srcu.inc"
  EXPECT_EQ(used, old);
  delete ptr.load();
}

TEST(BaseExamples, Trace) {
  const auto pmem = PmemDevice::Create(
      DefaultKernelProfile(),
      {.name = "pmem0", .base = 0x100000000, .size = 16 << 20});
  DaxDevice* dev = &(*pmem)->dax_dev();
#include "tests/examples/base/trace.inc"
  ASSERT_EQ(trace.steps().size(), 1);
  EXPECT_EQ(KernelFunctionName(trace.steps()[0]), "pmem_dax_direct_access");
}

TEST(BaseExamples, UsageError){
#include "tests/examples/base/usage_error.inc"
}

TEST(BaseExamples, Units){
#include "tests/examples/base/units.inc"
}

TEST(BaseExamples, Utf8) {
#include "tests/examples/base/utf8.inc"
}

}  // namespace
}  // namespace dmdax

// A kernel is a file of its own.
#include "tests/examples/base/kernel_registry.inc"
