// SPDX-License-Identifier: Apache-2.0
//
// Input of somebody who means harm: a clear error each, in bounded memory and
// time, and never a signal.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/hostile/child.h"

namespace dmdax::hostile {
namespace {

using testing::AnyOf;
using testing::HasSubstr;

constexpr char kPmem[] =
    "pmem { name: \"pmem0\" base: 0x100000000 size: 0x40000000 }\n";
constexpr size_t kHuge = kSanitized ? 4 << 20 : 32 << 20;

class HostileTest : public testing::Test {
 protected:
  // It must fail by itself and say why in a few lines.
  void ExpectRefused(const ChildResult& r, const std::string& why = "") {
    EXPECT_EQ(r.signal, 0) << r.err;
    EXPECT_THAT(r.rc, AnyOf(1, 2)) << r.err;
    EXPECT_NE(r.err, "");
    EXPECT_LT(r.err_bytes, 8192u) << "a long complaint";
    EXPECT_THAT(r.err, HasSubstr(why));
  }
  // A right command line: it may fail or not, but by itself, and with words
  // if it does.
  void ExpectSane(const ChildResult& r) {
    EXPECT_EQ(r.signal, 0) << r.err;
    EXPECT_THAT(r.rc, AnyOf(0, 1)) << r.err;
    if (r.rc != 0) {
      EXPECT_NE(r.out + r.err, "");
    }
  }
  void LoadPmem() {
    const ChildResult r = scratch_.Run({"machine", "load", "-"}, kPmem);
    ASSERT_EQ(r.rc, 0) << r.err;
  }

  Scratch scratch_;
};

// --- long ---

TEST_F(HostileTest, AHugeLineOfATable) {
  LoadPmem();
  const std::string x(kHuge, 'x'), less(kHuge / 10, 'x');
  for (const std::string& line :
       {absl::StrCat("0 8 linear ", x, " 0\n"), absl::StrCat("0 8 ", x, "\n"),
        absl::StrCat(less, "\n"), less,
        absl::StrCat("0 8 striped ", std::string(kHuge / 10, '1'), " 8\n")}) {
    ExpectRefused(scratch_.Run({"create", "d0"}, line));
  }
  EXPECT_EQ(scratch_.Run({"ls"}).out, "No devices found\n");
}

TEST_F(HostileTest, HugeNumbersAndSpace) {
  const std::string digits(kHuge, '9');
  ExpectRefused(scratch_.Run({"create", "d0"}, digits + " 8 zero\n"));
  ExpectRefused(
      scratch_.Run({"create", "d0"}, std::string(kHuge, ' ') + "x\n"));
  LoadPmem();
  ExpectRefused(scratch_.Run({"translate", "pmem0", "-"}, digits),
                "<stdin>:1:1");
  EXPECT_EQ(
      scratch_.Run({"translate", "pmem0", "-"}, std::string(kHuge, ' ') + "7\n")
          .rc,
      0);
}

TEST_F(HostileTest, AHugeLineOfAMessage) {
  const std::string x(kHuge, 'x');
  const std::string path = scratch_.File("w");
  for (const std::string& text :
       {absl::StrCat("kernel: \"", x, "\"\n"), absl::StrCat("kernel: ", x),
        absl::StrCat("{\"kernel\": \"", x, "\"}"), absl::StrCat("{\"", x, "\""),
        absl::StrCat("pmem { name: \"", x, "\" size: 4096 }")}) {
    scratch_.Put("w", text);
    ExpectRefused(scratch_.Run({"--world", path, "table"}));
  }
}

TEST_F(HostileTest, DeepNesting) {
  constexpr int kDepth = 1000000;
  std::string open, json, groups;
  for (int i = 0; i < kDepth; ++i) {
    open += "pmem {";
    json += "{\"pmem\":[";
    groups += '\x13';  // start of group 2
  }
  for (const std::string& text : {open, json, groups, std::string(kDepth, '{'),
                                  std::string(kDepth, '[')}) {
    scratch_.Put("w", text);
    ExpectRefused(scratch_.Run({"--world", scratch_.File("w"), "table"}));
  }
}

// --- many ---

TEST_F(HostileTest, AMillionTargets) {
  LoadPmem();
  constexpr uint64_t kRows = kSanitized ? 20000 : 1000000;
  std::string table;
  for (uint64_t i = 0; i < kRows; ++i) {
    absl::StrAppend(&table, i * 8, " 8 linear /dev/pmem0 ", i % 1024 * 8, "\n");
  }
  ChildResult r = scratch_.Run({"create", "d0"}, table);
  ASSERT_EQ(r.rc, 0) << r.err << r.signal;
  r = scratch_.Run(
      {"translate", "d0", "0", absl::StrCat(kRows - 1), absl::StrCat(kRows)});
  EXPECT_THAT(r.out, HasSubstr("0 pfn 0x100000 phys 0x100000000 pages 1\n"));
  EXPECT_THAT(r.out, HasSubstr(absl::StrCat(kRows - 1, " pfn 0x1")));
  EXPECT_THAT(r.out, HasSubstr(absl::StrCat(kRows, " -EIO\n")));
}

TEST_F(HostileTest, MoreTargetsThanATableHolds) {
  if (kSanitized) GTEST_SKIP() << "too slow";
  std::string table;
  for (uint64_t i = 0; i <= 1048576; ++i) {
    absl::StrAppend(&table, i, " 1 zero\n");
  }
  ExpectRefused(scratch_.Run({"create", "d0"}, table),
                "Value too large for defined data type");
  EXPECT_EQ(scratch_.Run({"ls"}).out, "No devices found\n");
}

TEST_F(HostileTest, HundredsOfDevicesOnTopOfEachOther) {
  // More than the 256 levels of a compiled map and the 256 that the chain then
  // follows.
  constexpr int kDepth = 600;
  const std::string top = absl::StrCat("d", kDepth - 1);
  std::string world = kPmem;
  for (int i = 0; i < kDepth; ++i) {
    absl::StrAppend(
        &world, "mapped_device { name: \"d", i,
        "\" table { target { length: 8 linear { device: \"",
        i == 0 ? "/dev/pmem0" : absl::StrCat("/dev/mapper/d", i - 1),
        "\" } } } }\n");
  }
  const std::string path = scratch_.Put("w", world);
  EXPECT_EQ(scratch_.Run({"--world", path, "translate", "d9", "0"}).out,
            "0 pfn 0x100000 phys 0x100000000 pages 1\n");
  for (const char* kernel : {"5.10", "6.1"}) {
    const ChildResult r = scratch_.Run(
        {"--world", path, "--kernel", kernel, "translate", top, "0"});
    ExpectSane(r);
    EXPECT_EQ(r.rc, 1) << kernel;
  }
  EXPECT_EQ(scratch_.Run({"machine", "load", path}).rc, 0);
  EXPECT_EQ(scratch_.Run({"remove_all"}).rc, 0);
}

// --- large numbers ---

// Two devices at each level stand on both of the level below: 2^40 ways down.
TEST_F(HostileTest, ManyWaysDown) {
  constexpr int kLevels = 40;
  for (const char* kernel : {"v5_10", "v6_1"}) {
    std::string world = absl::StrCat("kernel: \"", kernel, "\"\n", kPmem);
    std::string below[] = {"pmem0", "pmem0"};
    for (int level = 0; level < kLevels; ++level) {
      const std::string rows = absl::StrCat(
          "table { target { length: 1024 linear { device: \"/dev/", below[0],
          "\" } } target { start: 1024 length: 1024 linear { device: \"/dev/",
          below[1], "\" } } }");
      for (const char* side : {"a", "b"}) {
        absl::StrAppend(&world, "mapped_device { name: \"", side, level, "\" ",
                        rows, " }\n");
      }
      below[0] = absl::StrCat("mapper/a", level);
      below[1] = absl::StrCat("mapper/b", level);
    }
    const ChildResult load =
        scratch_.Run({"machine", "load", "--replace", "-"}, world);
    ASSERT_EQ(load.rc, 0) << load.err;
    const std::string top = absl::StrCat("a", kLevels - 1);
    for (const std::vector<std::string>& command :
         std::vector<std::vector<std::string>>{{"translate", top, "3"},
                                               {"explain", top, "3"},
                                               {"map", top, "1030"},
                                               {"info", "-c", "-o", "all"},
                                               {"sweep", top}}) {
      ExpectSane(scratch_.Run(command));
    }
    // It is drawn once for each way.
    const ChildResult tree = scratch_.Run({"ls", "--tree"});
    EXPECT_EQ(tree.signal, 0);
    EXPECT_EQ(tree.rc, 1);
    EXPECT_THAT(tree.err, HasSubstr("once for each way"));
  }
}

TEST_F(HostileTest, StartPlusLengthPast2To64) {
  LoadPmem();
  for (const char* row :
       {"18446744073709551615 2 zero", "0 18446744073709551615 zero",
        "0 18446744073709551616 zero", "-1 1 zero", "0 -1 zero",
        "99999999999999999999999 8 zero",
        "0 8 linear /dev/pmem0 18446744073709551615",
        "0 8 linear /dev/pmem0 18446744073709551608",
        "0 16 striped 2 8 /dev/pmem0 18446744073709551608 /dev/pmem0 0"}) {
    ExpectRefused(scratch_.Run({"create", "d0"}, absl::StrCat(row, "\n")));
  }
  const ChildResult r =
      scratch_.Run({"translate", "pmem0", "18446744073709551615",
                    "2305843009213693952", "--nr", "4503599627370496"});
  ExpectSane(r);
  EXPECT_EQ(r.out,
            "18446744073709551615 -ERANGE\n2305843009213693952 -ERANGE\n");
  for (const char* world :
       {"pmem { name: \"p\" base: 0xfffffffffffff000 size: 0x2000 }",
        "pmem { name: \"p\" base: 0 size: 0xfffffffffffff000 }",
        "block { name: \"b\" sectors: 18446744073709551615 }",
        "pmem { name: \"p\" size: 4096 badblocks { sector: "
        "18446744073709551615 count: 2 } }",
        "mapped_device { name: \"d\" minor: 4294967295 }",
        "dm_major: 4294967295 mapped_device { name: \"d\" }"}) {
    ExpectRefused(scratch_.Run({"--world", "-", "table"}, world));
  }
}

// --- odd bytes ---

TEST_F(HostileTest, NulBytes) {
  LoadPmem();
  const std::string nul(1, '\0');
  // dmsetup reads lines as C strings, and takes none for a device without a
  // table.
  for (const auto& [table, row] :
       {std::pair("0 8 zero" + nul + " 1\n", "0 8 zero "),
        {nul, ""},
        {"# comment\n" + nul + "0 8 zero\n", ""}}) {
    const ChildResult r = scratch_.Run({"create", "d0"}, table);
    EXPECT_EQ(r.rc, 0);
    EXPECT_THAT(r.err, HasSubstr("dmsetup ends the line at this NUL"));
    EXPECT_EQ(scratch_.Run({"table", "d0"}).out, absl::StrCat(row, "\n"));
    EXPECT_EQ(scratch_.Run({"remove", "d0"}).rc, 0);
  }
  for (const std::string& table :
       {"0 8" + nul + " zero\n", "0 8 linear /dev/pmem0" + nul + " 0\n"}) {
    ExpectRefused(scratch_.Run({"create", "d0"}, table));
  }
  ExpectRefused(scratch_.Run({"translate", "pmem0", "-"}, "0 " + nul + " 1"));
  for (const std::string& world :
       {"kernel: \"v6_1" + nul + "\"", "{\"kernel\": \"v6_1" + nul + "\"}",
        nul + nul, std::string("kernel: \"v6_1\\000\"")}) {
    ExpectRefused(scratch_.Run({"--world", "-", "table"}, world));
  }
}

TEST_F(HostileTest, NamesOfAnyBytesAreKept) {
  for (const char* name : {"\xff\xfe", "\x01", "%s%n", "a\nb", "-", ".."}) {
    const ChildResult r = scratch_.Run(
        {"create", "--manglename", "none", "--notable", "--", name});
    EXPECT_EQ(r.rc, 0) << name << ": " << r.err;
    const ChildResult info =
        scratch_.Run({"info", "-c", "--noheadings", "-o", "name",
                      "--manglename", "none", "--", name});
    EXPECT_EQ(info.rc, 0) << info.err;
    EXPECT_EQ(info.out, absl::StrCat(name, "\n"));
  }
  // The state can be read.
  const ChildResult ls = scratch_.Run({"ls", "--manglename", "none"});
  EXPECT_EQ(ls.rc, 0) << ls.err;
  EXPECT_EQ(scratch_.Run({"remove_all"}).rc, 0);
}

TEST_F(HostileTest, TruncatedMessages) {
  const std::string text =
      absl::StrCat(kPmem,
                   "mapped_device { name: \"d0\" table { target { length: 2048 "
                   "linear { device: \"/dev/pmem0\" start: 8 } } } }");
  for (const char* form : {"textproto", "json", "binary"}) {
    ASSERT_EQ(scratch_.Run({"convert", "--as-world", "--to", form}, text).rc,
              0);
    const std::string whole = ReadFile(scratch_.File(".out"));
    for (size_t n = 0; n < whole.size(); n += kSanitized ? 17 : 3) {
      ExpectSane(scratch_.Run({"--world", "-", "table"}, whole.substr(0, n)));
    }
  }
}

TEST_F(HostileTest, RandomMessages) {
  LoadPmem();
  std::mt19937 random(2);
  for (int i = 0; i < (kSanitized ? 50 : 150); ++i) {
    std::string bytes(1 + random() % 200, 0);
    // Small numbers make more valid tags than plain noise does.
    const unsigned range = i % 2 ? 256 : 32;
    for (char& c : bytes) c = static_cast<char>(random() % range);
    ExpectSane(scratch_.Run({"--world", "-", "table"}, bytes));
    ExpectSane(scratch_.Run({"create", "d0"}, bytes));
    ExpectSane(scratch_.Run({"convert", "--to", "dmsetup"}, bytes));
  }
  EXPECT_EQ(scratch_.Run({"ls"}).rc, 0);
}

TEST_F(HostileTest, BitFlipsInAState) {
  LoadPmem();
  ASSERT_EQ(
      scratch_.Run({"create", "d0", "--table", "0 2048 linear /dev/pmem0 8"})
          .rc,
      0);
  const std::string file = scratch_.state() + "/state.db-wal";
  const std::string good = ReadFile(file);
  std::mt19937 random(3);
  for (int i = 0; i < (kSanitized ? 50 : 150); ++i) {
    std::string bad = good;
    bad[random() % bad.size()] ^= static_cast<char>(1u << random() % 8);
    scratch_.Put("state.d/state.db-wal", bad);
    ExpectSane(scratch_.Run({"table"}));
    ExpectSane(scratch_.Run({"translate", "d0", "0"}));
  }
}

}  // namespace
}  // namespace dmdax::hostile
