// SPDX-License-Identifier: Apache-2.0
//
// What every target must do, run over all that are registered: a new target
// is tested here before its author writes a test.
#include <cerrno>
#include <iostream>
#include <set>

#include "tests/dm_testing.h"

namespace dmdax {
namespace {

using testing::Contains;
using testing::Field;
using testing::IsEmpty;
using testing::Not;

// Parameters that targets of many kinds accept, most particular first.
constexpr absl::string_view kParams[] = {
    "2 8 /dev/pmem0 0 /dev/pmem1 16",  // striped
    "/dev/pmem0 /dev/sda",             // log-writes
    "2 8 0 /dev/pmem0 0",              // unstriped
    "/dev/pmem0 0 512",                // dust, delay
    "/dev/pmem0 0 5 5",                // flakey
    "1 64 0 /dev/pmem0 0",             // switch
    "/dev/pmem0 16",                   // linear and the like
    "/dev/pmem0",
    "",
};

class RegistryTest : public DmTest,
                     public testing::WithParamInterface<std::string> {
 protected:
  RegistryTest() : DmTest(GetParam()) {}

  const KernelProfile& profile() { return machine().profile(); }
  // A live device of this type over 1024 sectors, with the first parameters
  // that it accepts; false when it accepts none.
  bool CreateSome(const TargetType& type) {
    EXPECT_THAT(New("d"), IsOk());
    for (absl::string_view params : kParams) {
      if (!Load("d",
                {Row(0, 1024, std::string(type.name), std::string(params))})
               .ok()) {
        continue;
      }
      EXPECT_THAT(Resume("d"), IsOk()) << type.name;
      return true;
    }
    return false;
  }
  void RemoveIt() { EXPECT_THAT(Remove("d"), IsOk()); }
};

TEST_P(RegistryTest, TheUsualOnesAreThere) {
  for (const char* name : {"linear", "striped", "zero", "error"}) {
    EXPECT_NE(FindTargetType(name, profile()), nullptr) << name;
  }
  EXPECT_EQ(FindTargetType("nope", profile()), nullptr);
  EXPECT_EQ(FindTargetType("", profile()), nullptr);
}

TEST_P(RegistryTest, NamesAreUniqueAndFitTheIoctl) {
  std::set<std::string> names;
  for (const TargetType* type : TargetTypes(profile())) {
    EXPECT_TRUE(names.insert(std::string(type->name)).second) << type->name;
    EXPECT_GE(type->name.size(), 1u);
    EXPECT_LE(type->name.size(), 15u) << "DM_MAX_TYPE_NAME less the NUL";
    EXPECT_EQ(type->name.find_first_of(" \t\n#"), type->name.npos);
    EXPECT_EQ(FindTargetType(type->name, profile()), type);
    EXPECT_NE(type->version(profile()), TargetVersion{}) << type->name;
  }
}

TEST_P(RegistryTest, TheNeededOperationsAreThere) {
  for (const TargetType* type : TargetTypes(profile())) {
    SCOPED_TRACE(std::string(type->name));
    EXPECT_NE(type->ctr, nullptr);
    EXPECT_TRUE(type->map != nullptr || type->clone_and_map_rq);
    // Who translates must have something to translate to.
    if (type->dax_zero_page_range != nullptr ||
        type->dax_recovery_write != nullptr) {
      EXPECT_NE(type->direct_access, nullptr);
    }
  }
}

TEST_P(RegistryTest, BadArgumentsAreRefusedOrIgnoredButNeverFatal) {
  const std::vector<std::string> bad = {"",
                                        "x",
                                        "-1",
                                        "0",
                                        "/dev/nope",
                                        "/dev/pmem0",
                                        "/dev/null 0",
                                        "99999999999999999999 0",
                                        "4294967295 1",
                                        "1 4294967295 /dev/pmem0 0",
                                        "4294967295 4294967295 /dev/pmem0 0",
                                        std::string(100000, 'x'),
                                        "/dev/pmem0 18446744073709551615",
                                        "\\",
                                        "/dev/pmem0 0 0 0 0 0 0 0"};
  for (const TargetType* type : TargetTypes(profile())) {
    for (const std::string& params : bad) {
      SCOPED_TRACE(absl::StrCat(type->name, " ", params.substr(0, 40)));
      ASSERT_THAT(New("d"), IsOk());
      Log();
      const absl::Status s =
          Load("d", {Row(0, 1024, std::string(type->name), params)});
      if (!s.ok()) {
        EXPECT_GT(ErrnoOf(s), 0);
        EXPECT_THAT(Log(), Not(IsEmpty())) << "a refusal says why";
      }
      RemoveIt();
      for (BlockDevice* bdev : machine().BlockDevices()) {
        EXPECT_EQ(bdev->openers(), 0) << bdev->name();
      }
    }
  }
}

TEST_P(RegistryTest, ItsTableTextMakesTheSameTableAgain) {
  for (const TargetType* type : TargetTypes(profile())) {
    SCOPED_TRACE(std::string(type->name));
    if (!CreateSome(*type)) {
      std::cerr << type->name << " accepts none of kParams\n";
      RemoveIt();
      continue;
    }
    if (type->status != nullptr) {
      DmIoctl io{.flags = DM_STATUS_TABLE_FLAG, .name = "d"};
      std::vector<DmTargetSpec> rows;
      ASSERT_THAT(ctl().TableStatus(io, &rows), IsOk());
      const std::string before = Table("d");
      ASSERT_THAT(Load("d", rows), IsOk()) << before;
      ASSERT_THAT(Resume("d"), IsOk());
      EXPECT_EQ(Table("d"), before);
    }
    Table("d", 0);
    Table("d", DM_IMA_MEASUREMENT_FLAG);
    RemoveIt();
  }
}

TEST_P(RegistryTest, EverySectorAndPageHasAnAnswer) {
  for (const TargetType* type : TargetTypes(profile())) {
    SCOPED_TRACE(std::string(type->name));
    if (!CreateSome(*type)) {
      RemoveIt();
      continue;
    }
    const DmTarget& ti = Md("d").live_table()->targets()[0];
    for (uint64_t sector : {0, 1, 7, 8, 1023}) {
      for (ReqOp op : {ReqOp::kRead, ReqOp::kWrite, ReqOp::kDiscard}) {
        if (type->map == nullptr) continue;
        const BioMap to = type->map(ti, sector_t{sector}, op);
        EXPECT_EQ(to.kind == BioMap::Kind::kRemapped, to.dev != nullptr);
        EXPECT_EQ(to.kind == BioMap::Kind::kError, to.err != 0);
      }
    }
    for (uint64_t page = 0; page < 128; ++page) {
      const DaxAccess a = DaxDirectAccess(&Md("d").dax_dev(), pgoff_t{page},
                                          512, DaxAccessMode::kAccess, nullptr);
      EXPECT_TRUE(a.ret < 0 || (a.ret > 0 && a.ret <= 128)) << page;
      if (type->direct_access == nullptr) {
        EXPECT_EQ(a.ret, -EIO);
      }
    }
    RemoveIt();
  }
}

TEST_P(RegistryTest, ATracedAnswerIsTheUntracedOne) {
  for (const TargetType* type : TargetTypes(profile())) {
    SCOPED_TRACE(std::string(type->name));
    if (!CreateSome(*type)) {
      RemoveIt();
      continue;
    }
    Trace trace;
    DaxDevice* dev = &Md("d").dax_dev();
    constexpr auto kAccess = DaxAccessMode::kAccess;
    const DaxAccess plain =
        DaxDirectAccess(dev, pgoff_t{1}, 8, kAccess, nullptr);
    const DaxAccess traced =
        DaxDirectAccess(dev, pgoff_t{1}, 8, kAccess, &trace);
    EXPECT_EQ(plain.ret, traced.ret);
    if (plain.ret > 0) {
      EXPECT_EQ(plain.pfn, traced.pfn);
    }
    if (type->direct_access != nullptr) {
      EXPECT_THAT(
          std::vector<TraceStep>(trace.steps().begin(), trace.steps().end()),
          Contains(Field(&TraceStep::target, std::string(type->name))))
          << "its step is missing in the trace";
    }
    RemoveIt();
  }
}

std::vector<std::string> Kernels() {
  std::vector<std::string> names;
  for (const KernelProfile& p : AllKernelProfiles()) names.push_back(p.name);
  return names;
}

INSTANTIATE_TEST_SUITE_P(Kernels, RegistryTest, testing::ValuesIn(Kernels()),
                         [](const auto& kernel) { return kernel.param; });

}  // namespace
}  // namespace dmdax
