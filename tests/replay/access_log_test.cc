// SPDX-License-Identifier: Apache-2.0
//
// Logs of accesses: lines as ftrace, perf and fio write them; and the traces of
// real kernels, where what is read is what the touched page was.
#include "tools/replay/access_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"
#include "tests/testing.h"
#include "tools/replay/replay_table.h"

namespace dmdax {
namespace {

using testing::HasSubstr;

constexpr char kFlags[] = "ALLOW_RETRY|KILLABLE|USER|INTERRUPTIBLE";

std::vector<LoggedAccess> Read(AccessLog& log,
                               const std::vector<std::string>& lines) {
  std::vector<LoggedAccess> all;
  const auto add = [&](const LoggedAccess& a) { all.push_back(a); };
  for (const std::string& line : lines) {
    EXPECT_THAT(log.Line(line, add), IsOk());
  }
  EXPECT_THAT(log.Finish(add), IsOk());
  return all;
}

// A line of ftrace's text.
std::string Ftrace(const std::string& event) {
  return absl::StrCat("           db-77      [003] .....   812.554321: ",
                      event);
}

std::string Pmd(const std::string& what, const std::string& result) {
  return absl::StrCat("dax_pmd_fault_done: dev 254:0 ino 0xc ", what,
                      result.empty() ? "" : " ", result);
}

TEST(AccessLog, HugeAndSmall) {
  AccessLog log;
  const std::string place =
      absl::StrCat("shared WRITE|", kFlags,
                   " address 0x7ffff7400000 vm_start 0x7ffff7400000 vm_end "
                   "0x7ffff7c00000 pgoff 0x200 max_pgoff 0x1000");
  const std::vector<LoggedAccess> all =
      Read(log, {"# tracer: nop", Ftrace(Pmd(place, "NOPAGE")),
                 Ftrace(Pmd(place, "FALLBACK")),
                 Ftrace(absl::StrCat(
                     "dax_pte_fault_done: dev 254:0 ino 0xc shared "
                     "WRITE|",
                     kFlags, " address 0x7ffff7400000 pgoff 0x200 NOPAGE")),
                 Ftrace(absl::StrCat(
                     "dax_pte_fault_done: dev 254:0 ino 0xc shared ", kFlags,
                     " address 0x7ffff7401000 pgoff 0x201 NOPAGE"))});
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[0].got, LoggedAccess::kHuge);
  EXPECT_EQ(all[0].file, "254:0 0xc");
  EXPECT_EQ(all[0].offset, 0x200000u);
  EXPECT_TRUE(all[0].write);
  // Only the machine knows why.
  EXPECT_EQ(all[1].got, LoggedAccess::kSmall);
  EXPECT_EQ(all[1].why, FaultReasonCode::kNone);
  EXPECT_FALSE(all[1].not_tried);
  EXPECT_EQ(all[2].got, LoggedAccess::kSmall);
  EXPECT_TRUE(all[2].not_tried);
  EXPECT_FALSE(all[2].write);
  EXPECT_EQ(log.faults(), 3u);
}

// What a line says of why it fell back, in the kernel's order.
TEST(AccessLog, WhyItFellBack) {
  const struct {
    const char* place;
    FaultReasonCode why;
  } cases[] = {
      {"shared F address 0x7ffff7401000 vm_start 0x7ffff7401000 vm_end "
       "0x7ffff7c00000 pgoff 0x0 max_pgoff 0x1000",
       FaultReasonCode::kVmaColour},
      {"private WRITE address 0x7ffff7400000 vm_start 0x7ffff7400000 vm_end "
       "0x7ffff7c00000 pgoff 0x0 max_pgoff 0x1000",
       FaultReasonCode::kPrivateWrite},
      {"private F address 0x7ffff7480000 vm_start 0x7ffff7440000 vm_end "
       "0x7ffff7c00000 pgoff 0x80 max_pgoff 0x1000",
       FaultReasonCode::kVmaStart},
      {"shared F address 0x7ffff7400000 vm_start 0x7ffff7400000 vm_end "
       "0x7ffff7500000 pgoff 0 max_pgoff 0x1000",
       FaultReasonCode::kVmaEnd},
      {"shared F address 0x7ffff7400000 vm_start 0x7ffff7400000 vm_end "
       "0x7ffff7c00000 pgoff 0x0 max_pgoff 0x1ff",
       FaultReasonCode::kEofInside},
  };
  for (const auto& c : cases) {
    AccessLog log;
    const std::vector<LoggedAccess> all = Read(
        log,
        {absl::StrCat("db 77 [003] 812.5: fs_dax:", Pmd(c.place, "FALLBACK"))});
    ASSERT_EQ(all.size(), 1u) << c.place;
    EXPECT_EQ(all[0].why, c.why) << c.place;
    EXPECT_EQ(all[0].got, LoggedAccess::kSmall);
  }
}

TEST(AccessLog, HolesSignalsAndRetries) {
  AccessLog log;
  const std::string place =
      "shared F address 0x7ffff7400000 vm_start 0x7ffff7400000 vm_end "
      "0x7ffff7c00000 pgoff 0x0 max_pgoff 0x1000";
  const std::string beyond =
      "shared F address 0x7ffff7600000 vm_start 0x7ffff7400000 vm_end "
      "0x7ffff7c00000 pgoff 0x200 max_pgoff 0x200";
  const std::vector<LoggedAccess> all =
      Read(log, {Ftrace("dax_pmd_load_hole: dev 254:0 ino 0xc shared address "
                        "0x7ffff7400000 zero_folio 00000000be297e70 "
                        "radix_entry 0x29b800d"),
                 Ftrace(Pmd(place, "NOPAGE")), Ftrace(Pmd(place, "NOPAGE")),
                 Ftrace(Pmd(place, "RETRY")), Ftrace(Pmd(beyond, "SIGBUS")),
                 "CPU:0 [LOST 1234 EVENTS]"});
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[0].got, LoggedAccess::kHugeZero);
  EXPECT_EQ(all[1].got, LoggedAccess::kHuge);
  EXPECT_EQ(all[2].got, LoggedAccess::kSignal);
  EXPECT_EQ(all[2].why, FaultReasonCode::kBeyondEof);
  EXPECT_EQ(log.lost(), 1234u);
}

// A log of any length needs no more memory than this.
TEST(AccessLog, FewWait) {
  AccessLog log;
  uint64_t added = 0;
  const auto add = [&](const LoggedAccess&) { ++added; };
  constexpr uint64_t kMany = 3 * AccessLog::kMaxWaiting;
  for (uint64_t i = 0; i < kMany; ++i) {
    const std::string address = absl::StrCat("0x", absl::Hex(i << 21));
    EXPECT_THAT(
        log.Line(Pmd(absl::StrCat("shared F address ", address,
                                  " vm_start 0x0 vm_end 0x7ffff7c00000 pgoff "
                                  "0x0 max_pgoff 0x1000"),
                     "FALLBACK"),
                 add),
        IsOk());
  }
  EXPECT_EQ(added, kMany - AccessLog::kMaxWaiting);
  EXPECT_THAT(log.Finish(add), IsOk());
  EXPECT_EQ(added, kMany);
}

// Two that wait for the same page are two, the older one first.
TEST(AccessLog, OfOnePlaceTheOldestIsTaken) {
  AccessLog log;
  const std::string from =
      " F address 0x7ffff7400000 vm_start 0x7ffff7400000 vm_end "
      "0x7ffff7c00000 pgoff 0x200 max_pgoff 0x1000";
  const std::string pte = Ftrace(
      "dax_pte_fault_done: dev 254:0 ino 0xc shared F address 0x7ffff7400000 "
      "pgoff 0x200 NOPAGE");
  const std::vector<LoggedAccess> all =
      Read(log, {Ftrace(Pmd("private WRITE|" + from.substr(1), "FALLBACK")),
                 Ftrace(Pmd("shared" + from, "FALLBACK")), pte, pte, pte});
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[0].why, FaultReasonCode::kPrivateWrite);
  EXPECT_EQ(all[1].why, FaultReasonCode::kNone);
  EXPECT_FALSE(all[1].not_tried);
  EXPECT_TRUE(all[2].not_tried);
  EXPECT_EQ(log.faults(), 3u);
}

// No access is made up of half a line, nor lost without a word.
TEST(AccessLog, CutAndBrokenLinesAreCounted) {
  const std::string pte =
      "dax_pte_fault_done: dev 254:0 ino 0xc shared F address 0x7ffff7400000 ";
  const std::string pmd =
      "dax_pmd_fault_done: dev 254:0 ino 0xc shared F address 0x7ffff7400000 "
      "vm_start 0x7ffff7400000 vm_end 0x7ffff7c00000 ";
  AccessLog log;
  const std::vector<LoggedAccess> all = Read(
      log,
      {"# tracer: nop", pte + "pgoff 0x1 NOPAGE", pte + "pgoff zz NOPAGE",
       pte + "pgoff 0x1ffffffffffffffff NOPAGE", pte + "pgoff 0x1", pte,
       // A place in bytes beyond 2^64.
       pte + "pgoff 0x10000000000000 NOPAGE", pmd + "pgoff 0x0 NOPAGE",
       pmd + "pgoff 0x0 max_pgoff 0x", "dax_pmd_fault_done:",
       "dax_pmd_fault_done: dev 25", "dax_pmd_load_hole: dev 254:0 ino 0xc",
       // Events that are not looked at, and processes of such names.
       "dax_pmd_fault: dev 254:0 ino 0xc", "dax_p-12 [000] sched_switch: x",
       "dax_p-12 [000] " + pte + "pgoff 0x2 NOPAGE"});
  EXPECT_EQ(all.size(), 2u);
  EXPECT_EQ(log.faults(), 2u);
  EXPECT_EQ(log.unread(), 10u);
}

TEST(AccessLog, LostEventsDoNotWrap) {
  AccessLog log;
  Read(log, {"[LOST 18446744073709551615 EVENTS]", "[LOST 2 EVENTS]"});
  EXPECT_EQ(log.lost(), UINT64_MAX);
}

TEST(AccessLog, Fio) {
  AccessLog v2;
  std::vector<LoggedAccess> all =
      Read(v2, {"fio version 2 iolog", "/srv/a b add", "/srv/a b open",
                "/srv/a b read 4096 8192", "/srv/a b write 2097152 4096",
                "/srv/a b wait 1000 0", "/srv/a b sync 0 0", "/srv/a b close"});
  ASSERT_EQ(all.size(), 2u);
  EXPECT_TRUE(v2.is_fio());
  EXPECT_EQ(all[0].file, "/srv/a b");
  EXPECT_EQ(all[0].offset, 4096u);
  EXPECT_EQ(all[0].length, 8192u);
  EXPECT_FALSE(all[0].write);
  EXPECT_TRUE(all[1].write);
  AccessLog v3;
  all = Read(v3, {"fio version 3 iolog", "0 /f add", "12 /f open",
                  "13 /f read 0 4096", "14 /f close"});
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].file, "/f");
  EXPECT_EQ(all[0].got, LoggedAccess::kUnknown);
}

TEST(AccessLog, FioErrorsHaveTheirLine) {
  const auto add = [](const LoggedAccess&) { FAIL(); };
  const struct {
    std::vector<std::string> lines;
    const char* said;
  } cases[] = {
      {{"fio version 4 iolog"}, "line 1: 'fio version 4 iolog': versions 2"},
      {{"fio version 2 iolog", "/f open", "/f read x 4096"},
       "line 3: '/f read"},
      {{"fio version 2 iolog", "/f eat 0 4096"}, "no action 'eat'"},
      {{"fio version 3 iolog", "/f read 0 4096"}, "does not begin with a time"},
      {{"fio version 2 iolog", "/f read 18446744073709551615 2"},
       "beyond 2^64"},
  };
  for (const auto& c : cases) {
    AccessLog log;
    absl::Status status;
    for (const std::string& line : c.lines) status = log.Line(line, add);
    EXPECT_THAT(status, HasErrno(EINVAL, HasSubstr(c.said)));
  }
}

// Every touch that a real kernel traced: what the log says that it got is what
// the page tables showed.
TEST(AccessLog, RealTraces) {
  for (const char* kernel : {"", ".5.10", ".6.12", ".7.2"}) {
    std::ifstream file(absl::StrCat("tests/conformance/corpus/fsdax.results",
                                    kernel, ".jsonl"));
    ASSERT_TRUE(file.is_open());
    int huge = 0, small = 0, signals = 0;
    for (std::string line; std::getline(file, line);) {
      const nlohmann::json result = nlohmann::json::parse(line);
      const nlohmann::json& maps =
          result["result"].value("maps", nlohmann::json::array());
      for (const nlohmann::json& map : maps) {
        for (const nlohmann::json& step :
             map.value("steps", nlohmann::json::array())) {
          const std::string op = step.value("op", "");
          if ((op != "r" && op != "w") || !step.contains("events")) continue;
          std::vector<std::string> lines = {"# tracer: nop"};
          for (const std::string event : step["events"]) {
            lines.push_back(Ftrace(event));
          }
          AccessLog log;
          const std::vector<LoggedAccess> all = Read(log, lines);
          if (all.empty()) continue;
          SCOPED_TRACE(absl::StrCat(kernel, " ", result["id"].dump(), " ",
                                    step.value("off", 0)));
          const LoggedAccess& last = all.back();
          const bool pmd = step.value("pmd", false);
          if (!step["sig"].is_null()) {
            ++signals;
            EXPECT_EQ(last.got, LoggedAccess::kSignal);
          } else if (last.got == LoggedAccess::kSmall) {
            ++small;
            // An older fault may have made the rest of the page.
            EXPECT_TRUE(!pmd || last.not_tried);
          } else {
            ++huge;
            EXPECT_TRUE(pmd);
            EXPECT_EQ(last.got == LoggedAccess::kHugeZero,
                      step.value("zero_page", false));
          }
          EXPECT_EQ(last.write, op == "w");
        }
      }
    }
    EXPECT_GT(huge, 50) << kernel;
    EXPECT_GT(small, 100) << kernel;
    EXPECT_GT(signals, 5) << kernel;
  }
}

// Rows are of reasons, not of accesses.
TEST(ReplayTable, CountsByOutcome) {
  SweptFile file{.path = "/mnt/f", .size = 8 << 20};
  DaxSweep& sweep = file.read;
  sweep.slot_bytes = 2 << 20;
  sweep.slots = 4;
  sweep.totals.resize(2);
  sweep.totals[0].outcome.order = 9;
  sweep.totals[1].outcome.reason.code = FaultReasonCode::kPfnExtent;
  // Huge and small in turn.
  sweep.blocks = {{.first = 0, .slots = 4, .repeat = 2, .nr_ranges = 2}};
  sweep.ranges = {{.first = 0, .slots = 1, .outcome = 0},
                  {.first = 1, .slots = 1, .outcome = 1}};
  EXPECT_EQ(RunAt(sweep, 3).outcome, 1u);
  EXPECT_EQ(RunAt(sweep, 2).outcome, 0u);
  ReplayTable table;
  for (uint64_t i = 0; i < 1000; ++i) {
    table.Add({.file = "f", .offset = (i % 4) << 21, .length = 4096}, &file);
  }
  // All of the file: each row once; and a byte beyond its end.
  table.Add({.file = "f", .offset = 0, .length = (8 << 20) + 1}, &file);
  EXPECT_EQ(table.accesses(), 1001u);
  const std::vector<ReplayRow> rows = table.Rows();
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[0].accesses, 501u);
  EXPECT_EQ(rows[1].accesses, 501u);
  EXPECT_EQ(rows[0].bytes, 500u * 4096 + (4 << 20));
  EXPECT_EQ(rows[2].here, "beyond the end");
  EXPECT_EQ(rows[2].bytes, 1u);
}

TEST(ReplayTable, FilesWithoutEndNeedNoMoreMemory) {
  ReplayTable table;
  constexpr uint64_t kMany = 2 * ReplayTable::kMaxRows;
  for (uint64_t i = 0; i < kMany; ++i) {
    table.Add({.file = absl::StrCat("f", i), .length = UINT64_MAX}, nullptr);
    table.Add({.file = "f0", .length = 1}, nullptr);
  }
  const std::vector<ReplayRow> rows = table.Rows();
  ASSERT_EQ(rows.size(), ReplayTable::kMaxRows + 1);
  EXPECT_EQ(rows[0].file, "f0");
  EXPECT_EQ(rows[0].accesses, kMany + 1);
  EXPECT_EQ(rows[0].bytes, UINT64_MAX);  // and more
  EXPECT_TRUE(rows[1].others);
  EXPECT_EQ(rows[1].file, "");
  EXPECT_EQ(rows[1].accesses, kMany - ReplayTable::kMaxRows);
  EXPECT_EQ(table.accesses(), 2 * kMany);
}

}  // namespace
}  // namespace dmdax
