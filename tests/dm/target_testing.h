// SPDX-License-Identifier: Apache-2.0
//
// TargetTest: a fixture for the tests of one target.  Beside the devices of
// DmTest there are mem0 and mem1, 64 MiB of persistent memory with bytes.
//
//   EXPECT_EQ(Why("delay", "/dev/pmem0 x 0"), "Invalid device sector");
//   ASSERT_EQ(Why("delay", "/dev/pmem0 0 0"), "");
//   EXPECT_EQ(Where(8), "pmem0 8");
#ifndef DMDAX_TESTS_DM_TARGET_TESTING_H_
#define DMDAX_TESTS_DM_TARGET_TESTING_H_

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "dm/bio_map.h"
#include "tests/dm_testing.h"

namespace dmdax {

class TargetTest : public DmTest {
 protected:
  explicit TargetTest(absl::string_view kernel = "v6_1") : DmTest(kernel) {
    AddMemory();
  }

  void BootWithMemory(absl::string_view kernel) {
    Boot(kernel);
    AddMemory();
  }

  // Makes device d, 0 .. `length`, or says why the kernel would not: the
  // target's own words, or ours for what is not modelled.
  std::string Why(const std::string& type, const std::string& params,
                  uint64_t length = 2048) {
    if (ctl().FindDevice("d") != nullptr) {
      EXPECT_THAT(Remove("d"), IsOk());
    }
    Log();
    const absl::Status s = Create("d", {Row(0, length, type, params)});
    if (s.ok()) return "";
    if (IsNotModelled(s)) {
      EXPECT_EQ(Log(), std::vector<std::string>()) << "not the kernel's words";
      return std::string(s.message());
    }
    const std::string marker = absl::StrCat(": ", type, ": ");
    // What it tells on the way comes before the reason.
    std::string words = "refused without a word";
    for (const std::string& line : Log()) {
      const size_t at = line.find(marker);
      if (at == line.npos) continue;
      const size_t end = line.rfind(" (-");
      const size_t from = at + marker.size();
      words = line.substr(from, end == line.npos ? end : end - from);
    }
    return words;
  }

  // The way of a sector of d.
  std::string Where(uint64_t sector, ReqOp op = ReqOp::kRead) {
    const BioRoute route = RouteBio(Md("d").disk(), sector_t{sector}, op);
    switch (route.kind) {
      case BioMap::Kind::kZeroes:
        return "zeros";
      case BioMap::Kind::kDropped:
        return "dropped";
      case BioMap::Kind::kWaits:
        return "waits";
      case BioMap::Kind::kError:
        return ErrnoName(route.err);
      case BioMap::Kind::kRemapped:
        break;
    }
    return absl::StrCat(route.hops.back().bdev->name(), " ",
                        route.hops.back().sector.value());
  }

  // The reply to a message, or its errno's name.
  std::string Message(const std::string& words) {
    DmIoctl io{.name = "d"};
    std::string reply;
    const absl::Status s = ctl().TargetMsg(io, sector_t{0}, words, &reply);
    return s.ok() ? reply : ErrnoName(ErrnoOf(s));
  }

  std::string Status() { return Table("d", 0); }
  const DmTarget& Ti() { return Md("d").live_table()->targets()[0]; }

  // Saves the target's state, makes the table anew and restores it.
  void SaveAndRestore() {
    const std::string state = Ti().type->save_state(Ti());
    DmIoctl io{.flags = DM_STATUS_TABLE_FLAG, .name = "d"};
    std::vector<DmTargetSpec> rows;
    ASSERT_THAT(ctl().TableStatus(io, &rows), IsOk());
    ASSERT_THAT(Load("d", rows), IsOk());
    ASSERT_THAT(Resume("d"), IsOk());
    DmTarget& ti = Md("d").live_table()->mutable_targets()[0];
    EXPECT_TRUE(ti.type->restore_state(ti, state)) << state;
  }

 private:
  void AddMemory() {
    for (uint64_t i : {0, 1}) {
      PmemOptions pmem;
      pmem.name = absl::StrCat("mem", i);
      pmem.base = (i + 16) << 32;
      pmem.size = 64 << 20;
      pmem.backing = PmemBacking::kAnonymous;
      EXPECT_THAT(machine().AddPmem(pmem), IsOk());
    }
  }
};

}  // namespace dmdax

#endif  // DMDAX_TESTS_DM_TARGET_TESTING_H_
