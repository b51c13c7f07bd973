// SPDX-License-Identifier: Apache-2.0
#include "state/packed_table.h"

#include <google/protobuf/util/message_differencer.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "formats/world_format.h"
#include "gtest/gtest.h"
#include "state/world_load.h"

namespace dmdax {
namespace {

using google::protobuf::util::MessageDifferencer;

proto::Table TableOf(const std::string& text) {
  absl::StatusOr<ParsedTable> t = ParseTable(text, "t");
  EXPECT_TRUE(t.ok()) << t.status();
  return t.ok() ? t->table : proto::Table();
}

constexpr char kRows[] =
    "0 8 linear /dev/pmem0 0\n8 16 linear 259:1 2048\n"
    "24 8 linear /dev/pmem0 8\n";

TEST(PackedTable, LosesNothing) {
  const proto::Table readable = TableOf(kRows);
  proto::Table table = readable;
  ASSERT_TRUE(PackTable(&table));
  EXPECT_EQ(table.target_size(), 0);
  EXPECT_EQ(table.packed().device_name_size(), 2);
  for (const Format* format :
       {&kTextprotoFormat, &kJsonFormat, &kBinaryFormat}) {
    const std::string printed = *PrintTable(table, *format);
    absl::StatusOr<ParsedTable> again = ParseTable(printed, "t");
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_EQ(again->format, format);
    EXPECT_TRUE(MessageDifferencer::Equals(again->table, table));
  }
  EXPECT_EQ(*PrintTable(table, kDmsetupFormat), kRows);
  ASSERT_TRUE(UnpackTable(&table).ok());
  EXPECT_TRUE(MessageDifferencer::Equals(table, readable));
}

TEST(PackedTable, OnlyAdjoiningLinearRowsArePacked) {
  for (const char* text :
       {"0 8 zero\n", "8 8 linear a 0\n", "0 8 linear a 0\n9 8 linear a 8\n",
        "0 8 linear a 0\n8 8 linear a 08\n"}) {
    const proto::Table readable = TableOf(text);
    proto::Table table = readable;
    EXPECT_FALSE(PackTable(&table)) << text;
    EXPECT_TRUE(MessageDifferencer::Equals(table, readable)) << text;
  }
}

std::string World(const std::string& table) {
  return absl::StrCat(
      "pmem { name: 'pmem0' base: 0x100000000 size: 0x20000000 }\n"
      "mapped_device { name: 'd'\ntable { ",
      table, " } }\n");
}

std::string LoadError(const std::string& table) {
  absl::StatusOr<ParsedWorld> w = ParseWorld(World(table), "w");
  EXPECT_TRUE(w.ok()) << w.status();
  if (!w.ok()) return "";
  return std::string(LoadWorld(w->world, w->source).status().message());
}

TEST(PackedTable, LoadsAsItsRowsDo) {
  const std::string packed = World(
      "packed { device_name: '/dev/pmem0' length: [8, 16] device: [0, 0] "
      "start: [800, 16] }");
  absl::StatusOr<ParsedWorld> w = ParseWorld(packed, "w");
  ASSERT_TRUE(w.ok()) << w.status();
  absl::StatusOr<Session> session = LoadWorld(w->world, w->source);
  ASSERT_TRUE(session.ok()) << session.status();
  ASSERT_TRUE(UnpackWorld(&w->world).ok());
  absl::StatusOr<Session> rows = LoadWorld(w->world, w->source);
  ASSERT_TRUE(rows.ok()) << rows.status();
  EXPECT_TRUE(MessageDifferencer::Equals(DescribeWorld(*session),
                                         DescribeWorld(*rows)));
  EXPECT_NE(session->ctl->FindDevice("d")->compiled(), nullptr);
}

TEST(PackedTable, ErrorsSayTheRow) {
  EXPECT_EQ(LoadError("packed { length: [8, 8] device: 0 start: [0, 0] }"),
            "w:3:9: mapped device 'd': 2 rows have a length, but 1 a device");
  EXPECT_EQ(LoadError("packed { device_name: 'a' length: [8, 8]\n"
                      "device: [0,\n  1] start: [0, 0] }"),
            "w:5:3: mapped device 'd': target 1: device 1, but there are 1 "
            "names");
  EXPECT_TRUE(absl::StrContains(
      LoadError("target { length: 8 zero {} } packed { }"), "not both"));
  // What the kernel refuses.
  EXPECT_EQ(LoadError("packed { device_name: '/dev/pmem0' length: [8, 0]\n"
                      "device: [0,\n  0] start: [0, 0] }"),
            "w:5:3: mapped device 'd': target 1: Invalid argument: "
            "device-mapper: table: 254:0: zero-length target; device-mapper: "
            "ioctl: error adding target to table");
  EXPECT_TRUE(absl::StrContains(
      LoadError("packed { device_name: '' length: 8\n device: 0 start: 0 }"),
      "Invalid argument count"));
  EXPECT_TRUE(
      absl::StrContains(LoadError("packed { }"), "no targets specified"));
}

TEST(PackedTable, BinaryColumnsAreChecked) {
  const auto error = [](const std::string& columns) {
    const std::string bytes = absl::StrCat(
        "\x1a", std::string(1, static_cast<char>(columns.size())), columns);
    return ParseTable(bytes, "t").status().ToString();
  };
  EXPECT_EQ(error(std::string("\x12\x01\x08", 3)), "OK");
  EXPECT_TRUE(absl::StrContains(error(std::string("\x12\x02\x08\x88", 4)),
                                "PackedTable.length has numbers that are cut"));
  EXPECT_TRUE(absl::StrContains(
      error("\x12\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"), "cut off"));
  EXPECT_EQ(error("\x12\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), "OK");
  EXPECT_TRUE(
      absl::StrContains(error(std::string("\x12\x7f\x08", 3)), "cut off"));
}

}  // namespace
}  // namespace dmdax
