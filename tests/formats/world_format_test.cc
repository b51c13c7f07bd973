// SPDX-License-Identifier: Apache-2.0
#include "formats/world_format.h"

#include <google/protobuf/text_format.h>
#include <google/protobuf/util/message_differencer.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "state/world_load.h"
#include "tests/formats/golden.h"

namespace dmdax {
namespace {

using google::protobuf::TextFormat;
using google::protobuf::util::MessageDifferencer;

constexpr char kWorld[] = R"(
  kernel: "v6_12" dm_major: 250
  pmem { name: "pmem0" base: 0x100000000 size: 0x20000000 memory: true
         badblocks { sector: 8 count: 1 } }
  block { name: "sda" sectors: 18446744073709551615 queue { rotational: true } }
  mapped_device {
    name: "a \"b\"" minor: 0
    table { readonly: true
      target { length: 16 striped { chunk: 8 stripe { device: "x" }
                                    stripe { device: "y" start: 9 } } }
      target { start: 16 length: 1 raw { type: "foo" params: "1  \t2" } } }
    inactive_table {}
    geometry { cylinders: 1 }
  }
  node { path: "/dev/disk/m\303\244pper" dev: "259:0" })";

proto::World World() {
  proto::World world;
  EXPECT_TRUE(TextFormat::ParseFromString(kWorld, &world));
  return world;
}

TEST(WorldFormat, EveryFormatIsFoundByItsName) {
  for (const Format* format : kFormats) {
    EXPECT_EQ(FindFormat(format->name), format) << format->name;
  }
  EXPECT_EQ(FindFormat(""), nullptr);
}

TEST(WorldFormat, EveryFormatComesBack) {
  for (const Format* format : kFormats) {
    if (format == &kDmsetupFormat) continue;  // it has tables only
    absl::StatusOr<std::string> bytes = PrintWorld(World(), *format);
    ASSERT_TRUE(bytes.ok()) << bytes.status();
    absl::StatusOr<ParsedWorld> parsed = ParseWorld(*bytes, "w");
    ASSERT_TRUE(parsed.ok()) << format->name << parsed.status();
    EXPECT_EQ(parsed->format, format);
    EXPECT_TRUE(MessageDifferencer::Equals(parsed->world, World()))
        << format->name << ": " << parsed->world.DebugString();
    EXPECT_EQ(*PrintWorld(parsed->world, *format), *bytes);
  }
}

TEST(WorldFormat, EveryFormatOfATableBecomesEveryOther) {
  const std::string text =
      "0 8 linear /dev/pmem0 0\n8 8 foo a  b #\n16 32 striped 1 8 259:0 1\n"
      "48 8 zero\n";
  for (const Format* format : kFormats) {
    absl::StatusOr<ParsedTable> table = ParseTable(text, "t");
    ASSERT_TRUE(table.ok()) << table.status();
    ASSERT_EQ(table->format, &kDmsetupFormat);
    absl::StatusOr<std::string> bytes = PrintTable(table->table, *format);
    ASSERT_TRUE(bytes.ok()) << bytes.status();
    absl::StatusOr<ParsedTable> again = ParseTable(*bytes, "t");
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_EQ(again->format, format);
    EXPECT_EQ(*PrintTable(again->table, kDmsetupFormat), text);
    EXPECT_EQ(*PrintTable(again->table, *format), *bytes);
  }
}

TEST(WorldFormat, ToldApartByContent) {
  const std::string bom = "\xef\xbb\xbf";
  EXPECT_EQ(DetectTableFormat("").name, "dmsetup");
  EXPECT_EQ(DetectTableFormat("# target { }\n 0 8 zero").name, "dmsetup");
  EXPECT_EQ(DetectTableFormat("-1 8 zero").name, "dmsetup");
  EXPECT_EQ(DetectTableFormat("zero 0 8").name, "dmsetup");
  EXPECT_EQ(DetectTableFormat("# 0 8 zero\ntarget {").name, "textproto");
  EXPECT_EQ(DetectTableFormat("target 5").name, "textproto");
  EXPECT_EQ(DetectTableFormat("targets:").name, "textproto");
  EXPECT_EQ(DetectTableFormat("\n {").name, "json");
  EXPECT_EQ(DetectTableFormat(bom + "{}").name, "json");
  EXPECT_EQ(DetectTableFormat(std::string("\x08\x01", 2)).name, "binary");
  EXPECT_EQ(DetectTableFormat("0 8 zero \x01").name, "dmsetup");
  EXPECT_EQ(DetectWorldFormat("").name, "textproto");
  EXPECT_EQ(DetectWorldFormat(bom + "kernel: \"v6_1\"").name, "textproto");
  EXPECT_EQ(DetectWorldFormat("[1]").name, "json");
  EXPECT_EQ(DetectWorldFormat("\n\x04v6_1").name, "binary");
  EXPECT_EQ(DetectWorldFormat("\n\x05v6_1").name, "binary");
  EXPECT_EQ(DetectWorldFormat("\xff\xfe").name, "binary");
  // Binary without a control character, and text that looks like it.
  EXPECT_EQ(DetectWorldFormat("\n\t/dev/dm-6").name, "binary");
  EXPECT_EQ(DetectWorldFormat("\n\t123456789").name, "binary");
  EXPECT_EQ(DetectWorldFormat("\n\tkernel: 'a'").name, "textproto");
  EXPECT_EQ(DetectWorldFormat("\n\tpmem {   }").name, "textproto");
  EXPECT_EQ(DetectWorldFormat("0 8 zero").name, "dmsetup");
}

TEST(WorldFormat, AByteOrderMarkDoesNotCount) {
  EXPECT_TRUE(ParseWorld("\xef\xbb\xbfkernel: \"v6_1\"", "w").ok());
  EXPECT_TRUE(ParseWorld("\xef\xbb\xbf{\"kernel\": \"v6_1\"}", "w").ok());
}

TEST(WorldFormat, WhatCanNotBeSaidIsRefused) {
  proto::Table table;
  table.set_readonly(true);
  EXPECT_FALSE(PrintTable(table, kDmsetupFormat).ok());
  EXPECT_FALSE(PrintWorld(World(), kDmsetupFormat).ok());
  // 0xa0 is white space to the kernel, so dmsetup can give it; UTF-8 has no
  // such character, so a message can not.
  EXPECT_EQ(ParseTable("0 8 zero\n8 8 linear a\xa0"
                       "0\n",
                       "t")
                .status()
                .message(),
            "t:2:1: the row is not UTF-8, which a message can not carry");
  proto::World world;
  world.add_node()->set_path("\xff");
  EXPECT_EQ(PrintWorld(world, kJsonFormat).status().message(),
            "node[0].path is not UTF-8: json can not say it");
}

TEST(WorldFormat, BinaryErrorsNameTheByte) {
  const auto why = [](const std::string& bytes) {
    return std::string(ParseWorld(bytes, "w").status().message());
  };
  EXPECT_EQ(why(std::string("\x0a\x05v6_1", 6)),
            "w: byte 0: not a binary World: World.kernel has 5 bytes, but "
            "only 4 follow");
  EXPECT_EQ(why(std::string("\x10\x01\x0a", 3)),
            "w: byte 2: not a binary World: World is cut off after 1 bytes of "
            "a field");
  EXPECT_EQ(why(std::string("\x10\x01\xf8\x07\x01", 5)),
            "w: byte 2: not a binary World: World has no field 127");
  EXPECT_EQ(why(std::string("\x10\x01\x08\x01", 4)),
            "w: byte 2: not a binary World: World.kernel can not have wire "
            "type 0");
  EXPECT_EQ(why(std::string("\x10\x01\x0a\x01\xff", 5)),
            "w: byte 2: not a binary World: World.kernel is not UTF-8");
}

// Protobuf's parser takes the last one, so that a file of two machines would be
// one machine with the other's kernel.
TEST(WorldFormat, BinaryHasOneOfAField) {
  const auto why = [](const std::string& bytes) {
    return std::string(ParseWorld(bytes, "w").status().message());
  };
  EXPECT_EQ(why("\n\4v6_1\n\5v6_12"),
            "w: byte 6: not a binary World: World.kernel is given twice, first "
            "at byte 0");
  proto::World world;
  world.add_mapped_device()->set_name("a");
  world.add_mapped_device()->set_name("b");
  proto::Table& table = *world.mutable_mapped_device(0)->mutable_table();
  table.add_target()->set_length(8);
  table.add_target()->set_length(8);
  table.mutable_target(0)->mutable_zero();
  const std::string bytes = world.SerializeAsString();
  EXPECT_EQ(why(bytes), "");
  // A device of its own is one more; a message in a message is none.
  EXPECT_EQ(why(bytes + bytes), "");
  std::string twice = table.target(0).SerializeAsString();
  table.mutable_target(1)->mutable_linear();
  proto::Target linear;
  linear.mutable_linear();
  twice += linear.SerializeAsString();
  const std::string words = std::string(
      ParseTable(
          absl::StrCat("\022", std::string(1, static_cast<char>(twice.size())),
                       twice),
          "t")
          .status()
          .message());
  EXPECT_EQ(words,
            "t: byte 6: not a binary Table: Target.linear is given beside "
            "zero, of which there is one alone, at byte 4");
  EXPECT_FALSE(ParseWorld(R"({"mapped_device": [{"name": "a", "table": {
                              "target": [{"length": 8, "zero": {},
                                          "linear": {}}]}}]})",
                          "w")
                   .ok());
}

// Wherever a number of ten bytes begins among others.
TEST(WorldFormat, PackedNumbersFit64Bits) {
  for (int before = 0; before < 24; ++before) {
    proto::World world;
    world.set_kernel("v6_1");
    proto::PackedTable& packed =
        *world.add_mapped_device()->mutable_table()->mutable_packed();
    for (int i = 0; i < before; ++i) packed.add_length(8);
    packed.add_length(~uint64_t{0});
    packed.add_length(300);
    std::string bytes = world.SerializeAsString();
    EXPECT_TRUE(ParseWorld(bytes, "w").ok());
    const size_t tenth = bytes.find(std::string(9, '\xff')) + 9;
    ASSERT_EQ(bytes[tenth], 1);
    bytes[tenth] = 2;
    EXPECT_TRUE(absl::EndsWith(ParseWorld(bytes, "w").status().message(),
                               "PackedTable.length has numbers that are cut "
                               "off"))
        << before;
    // An eleventh byte.
    bytes[tenth] = '\x81';
    EXPECT_FALSE(ParseWorld(bytes, "w").ok()) << before;
  }
}

TEST(WorldFormat, SourceFindsEveryField) {
  const std::string text =
      "# world\n"
      "kernel: \"v6_1\"\n"
      "mapped_device { name: \"target\" }\n"
      "mapped_device {\n"
      "  name: \"a\" \"b\"\n"
      "  table <\n"
      "\ttarget { start: 0 length: 8 zero {} }\n"
      "    target: [{ start: 8 }, { start: 9 striped { stripe { device: 'x' }\n"
      "                                stripe { device: '{' start: -0 } } }]\n"
      "    target { start: 10 }\n"
      "  >\n"
      "}\n";
  absl::StatusOr<ParsedWorld> w = ParseWorld(text, "w");
  // `start: -0` is an error; positions are found all the same.
  SourceMap map;
  if (w.ok()) map = w->source;
  ASSERT_FALSE(w.ok());
  const std::string good = [&] {
    std::string t = text;
    t.replace(t.find("-0"), 2, " 0");
    return t;
  }();
  w = ParseWorld(good, "w");
  ASSERT_TRUE(w.ok()) << w.status();
  const auto at = [&](const std::string& path) {
    return w->source.Locate(path);
  };
  EXPECT_EQ(at("kernel"), "w:2:1: ");
  EXPECT_EQ(at("mapped_device[0].name"), "w:3:17: ");
  EXPECT_EQ(at("mapped_device[1]"), "w:4:1: ");
  EXPECT_EQ(at("mapped_device[1].name"), "w:5:3: ");
  EXPECT_EQ(at("mapped_device[1].table"), "w:6:3: ");
  EXPECT_EQ(at("mapped_device[1].table.target[0]"), "w:7:2: ");
  EXPECT_EQ(at("mapped_device[1].table.target[0].length"), "w:7:20: ");
  EXPECT_EQ(at("mapped_device[1].table.target[1]"), "w:8:14: ");
  EXPECT_EQ(at("mapped_device[1].table.target[2].striped.stripe[1].start"),
            "w:9:54: ");
  EXPECT_EQ(at("mapped_device[1].table.target[3]"), "w:10:5: ");
  // What was not written: as far as it was.
  EXPECT_EQ(at("mapped_device[1].table.target[3].length"), "w:10:5: ");
  EXPECT_EQ(at("pmem[0]"), "w:1:1: ");
}

TEST(WorldFormat, SourceOfATable) {
  absl::StatusOr<ParsedTable> t =
      ParseTable("# c\n\n0 8 zero\n  8 8 zero", "t");
  ASSERT_TRUE(t.ok());
  EXPECT_EQ(t->source.Locate("target[0]"), "t:3:1: ");
  EXPECT_EQ(t->source.Locate("target[1].length"), "t:4:3: ");
  EXPECT_EQ(t->source.Locate("target[2]"), "t: ");
  t = ParseTable("{\"target\": [{},\n {}]}", "t");
  ASSERT_TRUE(t.ok());
  EXPECT_EQ(t->source.Locate("target[1]"), "t:2:2: ");
}

TEST(WorldFormat, GoldenErrors) {
  for (const GoldenCase& c : ReadGolden("world_errors.golden")) {
    absl::StatusOr<ParsedWorld> w = ParseWorld(c.input, "w");
    absl::Status s = w.status();
    if (s.ok()) s = LoadWorld(w->world, w->source).status();
    EXPECT_EQ(std::string(s.message()) + "\n", c.expected) << c.name;
  }
}

}  // namespace
}  // namespace dmdax
