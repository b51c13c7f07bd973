// SPDX-License-Identifier: Apache-2.0
//
// The checks of dm_table_add_target in their order (dm-core.md 5.2), with the
// words that the kernel logs.
#include "dm/dm_table.h"

#include <cerrno>

#include "tests/dm_testing.h"

namespace dmdax {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// Targets with the features that none of the real ones here has.
absl::Status TakeAnything(DmTarget&, absl::Span<const std::string>) {
  return absl::OkStatus();
}
BioMap MapNothing(const DmTarget&, sector_t, ReqOp) { return {}; }

constexpr TargetType Featured(absl::string_view name, uint64_t features) {
  return {.name = name,
          .versions = DmVersion(1, 0, 0),
          .features = features,
          .ctr = TakeAnything,
          .map = MapNothing,
          .example = {.length = 8}};
}
const TargetType kAlone = Featured("alone", DM_TARGET_SINGLETON);
DM_REGISTER_TARGET(kAlone);
const TargetType kWriter = Featured("writer", DM_TARGET_ALWAYS_WRITEABLE);
DM_REGISTER_TARGET(kWriter);
const TargetType kFixed = Featured("fixed", DM_TARGET_IMMUTABLE);
DM_REGISTER_TARGET(kFixed);

absl::Status DiscardCtr(DmTarget& ti, absl::Span<const std::string>) {
  ti.discards_supported = true;  // and num_discard_bios forgotten
  return absl::OkStatus();
}
const TargetType kForgetful = {.name = "forgetful",
                               .versions = DmVersion(1, 0, 0),
                               .ctr = DiscardCtr,
                               .map = MapNothing,
                               .example = {.length = 8}};
DM_REGISTER_TARGET(kForgetful);

class DmTableTest : public DmTest {
 protected:
  DmTableTest() { EXPECT_THAT(New("d0"), IsOk()); }

  // Loads the rows into d0; the log without its two last, common lines.
  std::vector<std::string> Refusal(const std::vector<DmTargetSpec>& rows,
                                   int err, uint32_t flags = 0) {
    Log();
    EXPECT_THAT(Load("d0", rows, flags), HasErrno(err));
    std::vector<std::string> log = Log();
    EXPECT_FALSE(log.empty());
    if (log.empty()) return log;
    EXPECT_EQ(log.back(), "device-mapper: ioctl: error adding target to table");
    log.pop_back();
    return log;
  }
};

TEST_F(DmTableTest, Check1ASingletonStaysAlone) {
  EXPECT_THAT(Refusal({Row(0, 8, "alone"), Row(8, 0, "nope")}, EINVAL),
              ElementsAre("device-mapper: table: 254:0: target type alone "
                          "must appear alone in table"))
      << "before the length and the type are looked at";
}

TEST_F(DmTableTest, Check2ZeroLength) {
  EXPECT_THAT(Refusal({Row(~uint64_t{0}, 0, "nope")}, EINVAL),
              ElementsAre("device-mapper: table: 254:0: zero-length target"));
}

TEST_F(DmTableTest, Check3TooLargeDevice) {
  constexpr uint64_t kEnd = (uint64_t{1} << 54) - 1;
  for (auto [start, len] : {std::pair<uint64_t, uint64_t>{0, kEnd + 1},
                            {kEnd, 1},
                            {~uint64_t{0}, 2},
                            {8, ~uint64_t{0} - 4}}) {
    EXPECT_THAT(Refusal({Row(start, len, "nope")}, EINVAL),
                ElementsAre("device-mapper: table: 254:0: too large device"))
        << start << "+" << len;
  }
  EXPECT_THAT(Load("d0", {Row(0, kEnd, "zero")}), IsOk());
}

TEST_F(DmTableTest, Check4UnknownType) {
  EXPECT_THAT(
      Refusal({Row(8, 8, "nope", "x")}, EINVAL),
      ElementsAre("device-mapper: table: 254:0: nope: unknown target type"))
      << "before the gap";
}

TEST_F(DmTableTest, Check5ASingletonAfterOthers) {
  EXPECT_THAT(
      Refusal({Row(0, 8, "zero"), Row(8, 8, "alone")}, EINVAL),
      ElementsAre("device-mapper: table: 254:0: alone: singleton target type "
                  "must appear alone in table (-EINVAL)"));
}

TEST_F(DmTableTest, Check6AReadOnlyTable) {
  EXPECT_THAT(Refusal({Row(8, 8, "writer")}, EINVAL, DM_READONLY_FLAG),
              ElementsAre("device-mapper: table: 254:0: writer: target type "
                          "may not be included in a read-only table "
                          "(-EINVAL)"));
  EXPECT_THAT(Load("d0", {Row(0, 8, "writer")}), IsOk());
}

TEST_F(DmTableTest, Check7ImmutableTypesDoNotMix) {
  const auto expected = ElementsAre(testing::MatchesRegex(
      "device-mapper: table: 254:0: (fixed|zero): immutable target type "
      "cannot be mixed with other target types .-EINVAL."));
  EXPECT_THAT(Refusal({Row(0, 8, "fixed"), Row(8, 8, "zero")}, EINVAL),
              expected);
  EXPECT_THAT(Refusal({Row(0, 8, "zero"), Row(8, 8, "fixed")}, EINVAL),
              expected);
  EXPECT_THAT(Load("d0", {Row(0, 8, "fixed"), Row(8, 8, "fixed")}), IsOk());
}

TEST_F(DmTableTest, Check8GapsAndOverlaps) {
  const auto expected =
      ElementsAre("device-mapper: table: 254:0: zero: Gap in table (-EINVAL)");
  EXPECT_THAT(Refusal({Row(1, 8, "zero", "x")}, EINVAL), expected)
      << "before the arguments";
  EXPECT_THAT(Refusal({Row(0, 8, "zero"), Row(9, 8, "zero")}, EINVAL),
              expected);
  EXPECT_THAT(Refusal({Row(0, 8, "zero"), Row(7, 8, "zero")}, EINVAL),
              expected);
  EXPECT_THAT(Refusal({Row(0, 8, "zero"), Row(0, 8, "zero")}, EINVAL),
              expected);
}

TEST_F(DmTableTest, Check10TheConstructorsOwnWordsAndErrno) {
  EXPECT_THAT(Refusal({Row(0, 8, "zero", "x")}, EINVAL),
              ElementsAre("device-mapper: table: 254:0: zero: No arguments "
                          "required (-EINVAL)"));
  EXPECT_THAT(Refusal({Row(0, 8, "linear", "/dev/nope 0")}, ENODEV),
              ElementsAre("device-mapper: table: 254:0: linear: Device lookup "
                          "failed (-ENODEV)"));
  EXPECT_THAT(Refusal({Row(0, 8, "linear", "259:9 0")}, ENXIO),
              ElementsAre("device-mapper: table: 254:0: linear: Device lookup "
                          "failed (-ENXIO)"));
  EXPECT_THAT(Refusal({Row(0, 8, "linear", "4096:0 0")}, EOVERFLOW),
              ElementsAre("device-mapper: table: 254:0: linear: Device lookup "
                          "failed (-EOVERFLOW)"));
}

TEST_F(DmTableTest, OldKernelsLogNoErrnoAndNoSizeLimit) {
  Boot("v4_14");
  ASSERT_THAT(New("d0"), IsOk());
  EXPECT_THAT(Refusal({Row(0, 8, "linear", "/dev/nope 0")}, ENODEV),
              ElementsAre("device-mapper: table: 254:0: linear: Device lookup "
                          "failed"));
  EXPECT_THAT(Load("d0", {Row(0, uint64_t{1} << 55, "zero")}), IsOk());
}

TEST_F(DmTableTest, NewKernelsTellWhyAPathFailed) {
  Boot("v6_12");
  ASSERT_THAT(New("d0"), IsOk());
  EXPECT_THAT(Refusal({Row(0, 8, "linear", "/dev/nope 0")}, ENOENT),
              ElementsAre("device-mapper: table: 254:0: linear: Device lookup "
                          "failed (-ENOENT)"));
  EXPECT_THAT(Refusal({Row(0, 8, "linear", "/dev/null 0")}, ENOTBLK),
              ElementsAre("device-mapper: table: 254:0: linear: Device lookup "
                          "failed (-ENOTBLK)"));
}

TEST_F(DmTableTest, ARefusedTableLeavesNothingOpen) {
  EXPECT_THAT(
      Load("d0", {Row(0, 8, "linear", "/dev/pmem0 0"), Row(8, 8, "nope")}),
      HasErrno(EINVAL));
  EXPECT_EQ(machine().FindBdevByName("pmem0")->openers(), 0);
}

TEST_F(DmTableTest, SomebodyElsesDeviceIsBusy) {
  int file_system = 0;
  BlockDevice* pmem0 = machine().FindBdevByName("pmem0");
  ASSERT_THAT(pmem0->Open(FMODE_READ | FMODE_EXCL, &file_system), IsOk());
  EXPECT_THAT(Refusal({Row(0, 8, "linear", "/dev/pmem0 0")}, EBUSY),
              ElementsAre("device-mapper: table: 254:0: linear: Device lookup "
                          "failed (-EBUSY)"));
}

TEST_F(DmTableTest, ForgottenDiscardBiosAreAWarning) {
  EXPECT_THAT(Load("d0", {Row(0, 8, "forgetful")}), IsOk());
  EXPECT_THAT(Log(),
              ElementsAre("device-mapper: table: 254:0: forgetful: ignoring "
                          "discards_supported because num_discard_bios is "
                          "zero."));
}

TEST_F(DmTableTest, NoRowsAndTooManyRows) {
  Log();
  EXPECT_THAT(Load("d0", {}), HasErrno(EINVAL));
  EXPECT_THAT(Log(),
              ElementsAre("device-mapper: ioctl: populate_table: no targets "
                          "specified"));
  std::vector<DmTargetSpec> rows(DmTable::kMaxTargets + 1, Row(0, 1, "zero"));
  for (size_t i = 0; i < rows.size(); ++i) rows[i].sector_start = sector_t{i};
  EXPECT_THAT(Load("d0", rows), HasErrno(EOVERFLOW));
  EXPECT_THAT(Log(), IsEmpty());
}

TEST_F(DmTableTest, FindsTheRowOfEverySector) {
  ASSERT_THAT(Create("d1", {Row(0, 1, "zero"), Row(1, 7, "error"),
                            Row(8, 100, "zero")}),
              IsOk());
  const DmTable& table = *Md("d1").live_table();
  EXPECT_EQ(table.size(), 108u);
  const std::vector<std::pair<uint64_t, size_t>> rows = {
      {0, 0}, {1, 1}, {7, 1}, {8, 2}, {107, 2}};
  for (auto [sector, row] : rows) {
    EXPECT_EQ(table.FindTarget(sector_t{sector}), &table.targets()[row])
        << sector;
  }
  EXPECT_EQ(table.FindTarget(sector_t{108}), nullptr);
  EXPECT_EQ(table.FindTarget(sector_t{~uint64_t{0}}), nullptr);
}

TEST_F(DmTableTest, DevicesAreListedNewestFirstAndOnce) {
  ASSERT_THAT(Create("d1", {Row(0, 8, "linear", "/dev/pmem0 0"),
                            Row(8, 8, "linear", "/dev/pmem1 0"),
                            Row(16, 8, "linear", "259:0 8")}),
              IsOk());
  DmIoctl io{.name = "d1"};
  std::vector<DevT> deps;
  bool has_table = false;
  ASSERT_THAT(ctl().TableDeps(io, &deps, &has_table), IsOk());
  EXPECT_TRUE(has_table);
  EXPECT_THAT(deps, ElementsAre(DevT{259, 1}, DevT{259, 0}));
}

}  // namespace
}  // namespace dmdax
