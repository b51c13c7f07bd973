// SPDX-License-Identifier: Apache-2.0
#include "formats/table_text.h"

#include <google/protobuf/text_format.h>

#include <cstdio>
#include <cstring>
#include <random>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "dm/dm_split_args.h"
#include "gtest/gtest.h"
#include "state/target_spec.h"
#include "tests/formats/golden.h"

namespace dmdax {
namespace {

std::string Describe(const TableText& text) {
  if (!text.ok()) {
    return absl::StrCat(text.error.line, ":", text.error.column, ": ",
                        text.error.cause, "\n", text.error.dmsetup, "\n");
  }
  std::string out;
  google::protobuf::TextFormat::Printer printer;
  printer.SetSingleLineMode(true);
  for (const TableRow& row : text.rows) {
    std::string target;
    printer.PrintToString(TargetFromSpec(row.spec), &target);
    absl::StrAppend(&out, "target { ", target, "}\n");
  }
  return absl::StrCat(out, "text:\n", *PrintTableText(text.Specs()));
}

TEST(TableText, Golden) {
  for (const GoldenCase& c : ReadGolden("table_text.golden")) {
    EXPECT_EQ(Describe(ParseTableText(c.input, "t")), c.expected) << c.name;
  }
}

// dmsetup's own way to read a line, with the C library's scanf.
bool DmsetupParses(std::string line, DmTargetSpec* spec, bool* skipped) {
  const char* kSpace = " \t\n\v\f\r";
  line.erase(line.find_last_not_of(kSpace) + 1);
  line.erase(0, std::min(line.find_first_not_of(kSpace), line.size()));
  *skipped = line.empty() || line[0] == '#';
  if (*skipped) return true;
  unsigned long long start, size;
  char type[4096];
  int n = 0;
  if (std::sscanf(line.c_str(), "%llu %llu %4095s %n", &start, &size, type,
                  &n) < 3) {
    return false;
  }
  std::string params = line.substr(static_cast<size_t>(n));
  params.erase(std::min(params.find('#'), params.size()));
  *spec = {sector_t(start), size, type, params};
  return strlen(type) <= kMaxTypeName;
}

TEST(TableText, AgreesWithScanf) {
  std::mt19937_64 random(1);
  const std::string alphabet = "00123899  \t--++x#linear\\\v\r.:/";
  int parsed = 0;
  for (int i = 0; i < 200000; ++i) {
    std::string line = i % 2 == 0 ? "" : "0 8 ";
    for (uint64_t n = random() % 24; n > 0; --n) {
      line += alphabet[random() % alphabet.size()];
    }
    DmTargetSpec spec;
    bool skipped = false;
    const bool good = DmsetupParses(line, &spec, &skipped);
    const TableText text = ParseTableText(line, "");
    ASSERT_EQ(text.ok(), good) << "'" << line << "'";
    ASSERT_EQ(text.rows.size(), good && !skipped ? 1u : 0u) << line;
    if (text.rows.empty()) continue;
    ++parsed;
    const DmTargetSpec& row = text.rows[0].spec;
    ASSERT_EQ(row.sector_start, spec.sector_start) << line;
    ASSERT_EQ(row.length, spec.length) << line;
    ASSERT_EQ(row.target_type, spec.target_type) << line;
    ASSERT_EQ(row.params, spec.params) << line;
    // What was read can be said again, and is then read the same.
    absl::StatusOr<std::string> printed = PrintTableText(text.Specs());
    ASSERT_TRUE(printed.ok()) << printed.status();
    const TableText again = ParseTableText(*printed, "");
    ASSERT_EQ(again.rows.size(), 1u) << *printed;
    ASSERT_EQ(again.rows[0].spec.params, row.params) << *printed;
    ASSERT_EQ(*PrintTableText(again.Specs()), *printed);
    // And a message loses nothing.
    ASSERT_EQ(SpecFromTarget(TargetFromSpec(row)).params, row.params);
    ASSERT_EQ(SpecFromTarget(TargetFromSpec(row)).target_type, row.target_type);
  }
  EXPECT_GT(parsed, 50000);
}

TEST(TableText, RowsKnowWhereTheyAre) {
  const TableText text = ParseTableText("\n# c\n 0 8 zero\n\t8 8 zero", "");
  ASSERT_EQ(text.rows.size(), 2u);
  EXPECT_EQ(text.rows[0].line, 3u);
  EXPECT_EQ(text.rows[0].column, 2u);
  EXPECT_EQ(text.rows[1].line, 4u);
  EXPECT_EQ(text.rows[1].column, 2u);
}

TEST(TableText, WhatTextCanNotSayIsRefused) {
  for (const char* params : {"a#b", "a\nb", " a", "#"}) {
    const absl::Status s =
        PrintTableText({{{sector_t{0}, 8, "linear", params}}}).status();
    EXPECT_TRUE(absl::StartsWith(s.message(), "target 0: ")) << s;
  }
  const std::string nul("a\0b", 3);
  EXPECT_FALSE(PrintTableText({{{sector_t{0}, 8, "linear", nul}}}).ok());
  for (const char* type : {"", "a b", "abcdefghijklmnop"}) {
    EXPECT_FALSE(PrintTableText({{{sector_t{0}, 8, type, ""}}}).ok()) << type;
  }
}

TEST(TableText, ATypedDeviceIsOneWord) {
  for (const std::string& device :
       {std::string("/dev/a b"), std::string("a\\b"), std::string("a\tb\\"),
        std::string("/dev/m\xc3\xa0p")}) {
    proto::Target target;
    target.set_length(8);
    target.mutable_linear()->set_device(device);
    const DmTargetSpec spec = SpecFromTarget(target);
    const std::vector<std::string> argv = DmSplitArgs(spec.params).value();
    ASSERT_EQ(argv.size(), 2u) << device;
    EXPECT_EQ(argv[0], device);
    EXPECT_EQ(TargetFromSpec(spec).linear().device(), device);
  }
}

}  // namespace
}  // namespace dmdax
