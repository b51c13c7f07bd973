// SPDX-License-Identifier: Apache-2.0
//
// What every target must do, run over all that are registered: a new target
// is tested here before its author writes a test.
#include <cerrno>
#include <set>

#include "absl/functional/function_ref.h"
#include "absl/strings/str_join.h"
#include "tests/dm/target_testing.h"

namespace dmdax {
namespace {

using testing::Contains;
using testing::Field;
using testing::IsEmpty;
using testing::Not;

class RegistryTest : public TargetTest,
                     public testing::WithParamInterface<std::string> {
 protected:
  RegistryTest() : TargetTest(GetParam()) {}

  const KernelProfile& profile() { return machine().profile(); }

  absl::Status LoadExample(const TargetType& type) {
    const TargetExample& example = type.example;
    return Load("d",
                {Row(0, example.length, std::string(type.name),
                     std::string(example.params))},
                example.mode & FMODE_WRITE ? 0u : DM_READONLY_FLAG);
  }
  // Makes what the example of `type` stands on.
  void CreateBelow(const TargetType& type) {
    const TargetExample::Below& below = type.example.below;
    if (below.type.empty()) return;
    EXPECT_THAT(
        Create("below", {Row(0, type.example.length, std::string(below.type),
                             std::string(below.params))}),
        IsOk());
    if (below.message.empty()) return;
    DmIoctl io{.name = "below"};
    std::string reply;
    EXPECT_THAT(ctl().TargetMsg(io, sector_t{0}, below.message, &reply),
                IsOk());
  }
  // On a fresh machine: calls fn with a live device d of each type in turn,
  // made as its example says.
  void ForEachExample(absl::FunctionRef<void(const TargetType&)> fn) {
    for (const TargetType* type : KnownTargetTypes(profile())) {
      if (!type->example.refusal.empty()) continue;
      SCOPED_TRACE(std::string(type->name));
      BootWithMemory(GetParam());
      CreateBelow(*type);
      ASSERT_THAT(New("d"), IsOk());
      ASSERT_THAT(LoadExample(*type), IsOk()) << absl::StrJoin(Log(), "\n");
      ASSERT_THAT(Resume("d"), IsOk()) << absl::StrJoin(Log(), "\n");
      Log();
      fn(*type);
      EXPECT_THAT(Remove("d"), IsOk());
    }
  }
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
  for (const TargetType* type : KnownTargetTypes(profile())) {
    EXPECT_TRUE(names.insert(std::string(type->name)).second) << type->name;
    EXPECT_GE(type->name.size(), 1u);
    EXPECT_LE(type->name.size(), 15u) << "DM_MAX_TYPE_NAME less the NUL";
    EXPECT_EQ(type->name.find_first_of(" \t\n#"), type->name.npos);
    EXPECT_EQ(FindTargetType(type->name, profile()), type);
    EXPECT_NE(type->version(profile()), TargetVersion{}) << type->name;
  }
}

TEST_P(RegistryTest, TheNeededOperationsAreThere) {
  for (const TargetType* type : KnownTargetTypes(profile())) {
    SCOPED_TRACE(std::string(type->name));
    EXPECT_NE(type->ctr, nullptr);
    // One that no constructor can make maps nothing.
    EXPECT_TRUE(type->map != nullptr || type->clone_and_map_rq ||
                !type->example.refusal.empty());
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
  for (const TargetType* type : KnownTargetTypes(profile())) {
    for (const std::string& params : bad) {
      SCOPED_TRACE(absl::StrCat(type->name, " ", params.substr(0, 40)));
      ASSERT_THAT(New("d"), IsOk());
      Log();
      const absl::Status s =
          Load("d", {Row(0, 1024, std::string(type->name), params)});
      if (IsNotModelled(s)) {
        EXPECT_THAT(Log(), IsEmpty()) << "the kernel's log is the kernel's";
      } else if (!s.ok()) {
        EXPECT_GT(ErrnoOf(s), 0);
        EXPECT_THAT(Log(), Not(IsEmpty())) << "a refusal says why";
      }
      EXPECT_THAT(Remove("d"), IsOk());
      for (BlockDevice* bdev : machine().BlockDevices()) {
        EXPECT_EQ(bdev->openers(), 0) << bdev->name();
      }
    }
  }
}

TEST_P(RegistryTest, WhatCanNotBeLoadedIsRefusedAsItsExampleSays) {
  for (const TargetType* type : KnownTargetTypes(profile())) {
    if (type->example.refusal.empty()) continue;
    SCOPED_TRACE(std::string(type->name));
    BootWithMemory(GetParam());
    CreateBelow(*type);
    ASSERT_THAT(New("d"), IsOk());
    const absl::Status s = LoadExample(*type);
    EXPECT_FALSE(s.ok());
    EXPECT_EQ(s.message(), type->example.refusal);
  }
}

TEST_P(RegistryTest, ItsTableTextMakesTheSameTableAgain) {
  ForEachExample([&](const TargetType& type) {
    if (type.status != nullptr) {
      DmIoctl io{.flags = DM_STATUS_TABLE_FLAG, .name = "d"};
      std::vector<DmTargetSpec> rows;
      ASSERT_THAT(ctl().TableStatus(io, &rows), IsOk());
      const std::string before = Table("d");
      // On another device: two snapshots can not merge into one origin.
      ASSERT_THAT(Remove("d"), IsOk());
      ASSERT_THAT(New("d"), IsOk());
      const absl::Status s = Load("d", rows, io.flags & DM_READONLY_FLAG);
      if (type.example.table_line == TargetExample::kIsRefused) {
        EXPECT_FALSE(s.ok()) << before;
        return;
      }
      ASSERT_THAT(s, IsOk()) << before << absl::StrJoin(Log(), "\n");
      ASSERT_THAT(Resume("d"), IsOk());
      EXPECT_EQ(Table("d"), before);
    }
    Table("d", 0);
    Table("d", DM_IMA_MEASUREMENT_FLAG);
  });
}

TEST_P(RegistryTest, EverySectorAndPageHasAnAnswer) {
  ForEachExample([&](const TargetType& type) {
    const DmTarget& ti = Md("d").live_table()->targets()[0];
    for (uint64_t sector : {uint64_t{0}, uint64_t{1}, uint64_t{7}, uint64_t{8},
                            type.example.length - 1}) {
      for (ReqOp op : {ReqOp::kRead, ReqOp::kWrite, ReqOp::kDiscard}) {
        if (type.map == nullptr) continue;
        const BioMap to = type.map(ti, sector_t{sector}, op);
        EXPECT_EQ(to.kind == BioMap::Kind::kRemapped, to.dev != nullptr);
        EXPECT_EQ(to.kind == BioMap::Kind::kError, to.err != 0);
      }
    }
    const int64_t pages =
        static_cast<int64_t>(type.example.length / kPageSectors);
    for (int64_t page = 0; page < pages; ++page) {
      const DaxAccess a = DaxDirectAccess(&Md("d").dax_dev(),
                                          pgoff_t(static_cast<uint64_t>(page)),
                                          512, DaxAccessMode::kAccess, nullptr);
      EXPECT_TRUE(a.ret < 0 || (a.ret > 0 && a.ret <= pages)) << page;
      if (type.direct_access == nullptr) {
        EXPECT_EQ(a.ret, -EIO);
      }
    }
  });
}

TEST_P(RegistryTest, ATracedAnswerIsTheUntracedOne) {
  ForEachExample([&](const TargetType& type) {
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
    if (type.direct_access != nullptr) {
      EXPECT_THAT(
          std::vector<TraceStep>(trace.steps().begin(), trace.steps().end()),
          Contains(Field(&TraceStep::target, std::string(type.name))))
          << "its step is missing in the trace";
    }
  });
}

// A type that nobody has registered yet.
TargetType Late(absl::string_view name) {
  return {.name = name,
          .versions = DmVersion(1, 0, 0),
          .ctr = [](DmTarget&,
                    absl::Span<const std::string>) { return absl::OkStatus(); },
          .example = {.length = 8}};
}

TEST(RegisterTargetTest, ANameIsTakenOnce) {
  static const TargetType linear = Late("linear");
  EXPECT_THAT(DmRegisterTarget(linear), HasErrno(EEXIST));
  EXPECT_EQ(DmRegisterTarget(linear).message(),
            "linear: target already registered");
}

TEST(RegisterTargetTest, OneWithoutAnExampleIsRefused) {
  static const TargetType late = [] {
    TargetType type = Late("late");
    type.example = {};
    return type;
  }();
  EXPECT_THAT(DmRegisterTarget(late), HasErrno(EINVAL));
  EXPECT_EQ(FindTargetType("late", DefaultKernelProfile()), nullptr);
}

TEST(RegisterTargetTest, OneWithoutAVersionIsRefused) {
  static const TargetType late = [] {
    TargetType type = Late("late");
    type.versions = {};
    return type;
  }();
  EXPECT_THAT(DmRegisterTarget(late), HasErrno(EINVAL));
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
