// SPDX-License-Identifier: Apache-2.0
//
// The tables made of vgcfgbackup's text against those that LVM2 2.03.16 loaded
// from it on Linux 6.1: lvm/<case>.vg, .table (dmsetup table) and .info
// (dmsetup info -c), recorded in the oracle's guest.
#include "import/lvm/lvm_tables.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "import/facts.h"
#include "import/import_format.h"
#include "tests/import/import_testing.h"

namespace dmdax {
namespace {

std::string ReadFile(const std::string& name) {
  std::ifstream file("tests/import/lvm/" + name);
  EXPECT_TRUE(file) << name;
  return {std::istreambuf_iterator<char>(file), {}};
}

struct Case {
  std::vector<LvmDevice> devices;
  std::map<std::string, std::string> numbers;  // of paths
  std::map<std::string, std::string> uuids;    // by dm name
};

Case LoadCase(const std::string& name) {
  Case out;
  ImportInput input{name, name, ReadFile(name + ".vg")};
  Facts facts;
  EXPECT_EQ(DetectImport(input), &kLvmMetadataImport);
  absl::Status s = kLvmMetadataImport.read(input, &facts);
  EXPECT_TRUE(s.ok()) << s;
  std::vector<std::string> notes;
  if (!facts.groups.empty()) out.devices = LvmTables(facts.groups[0], &notes);
  EXPECT_THAT(notes, testing::IsEmpty());
  // The guest's pmem0 is 259:0, and so on.
  for (int i = 0; i < 6; ++i) {
    out.numbers[absl::StrCat("/dev/pmem", i)] = absl::StrCat("259:", i);
  }
  ImportInput info{name, name, ReadFile(name + ".info")};
  s = kDmsetupInfoImport.read(info, &facts);
  EXPECT_TRUE(s.ok()) << s;
  for (const auto& [dm_name, m] : facts.mapped) {
    out.numbers["/dev/mapper/" + dm_name] = m.dev->value.ToString();
    if (m.uuid) out.uuids[dm_name] = m.uuid->value;
  }
  return out;
}

// As dmsetup table prints it: by name, with numbers.
std::vector<std::string> Printed(const Case& c) {
  std::vector<std::string> lines;
  for (const LvmDevice& d : c.devices) {
    for (const DmTargetSpec& row : d.rows) {
      std::vector<std::string> words =
          absl::StrSplit(row.params, ' ', absl::SkipEmpty());
      for (std::string& word : words) {
        auto it = c.numbers.find(word);
        if (it != c.numbers.end()) word = it->second;
      }
      words.insert(words.begin(), {absl::StrCat(d.name, ":"),
                                   absl::StrCat(row.sector_start.value()),
                                   absl::StrCat(row.length), row.target_type});
      lines.push_back(absl::StrJoin(words, " "));
    }
  }
  std::sort(lines.begin(), lines.end());
  return lines;
}

std::vector<std::string> Recorded(const std::string& name) {
  std::vector<std::string> lines =
      absl::StrSplit(ReadFile(name + ".table"), '\n', absl::SkipEmpty());
  std::sort(lines.begin(), lines.end());
  return lines;
}

class LvmTablesTest : public testing::TestWithParam<const char*> {};

TEST_P(LvmTablesTest, AsLvmLoadsThem) {
  const Case c = LoadCase(GetParam());
  EXPECT_THAT(Printed(c), testing::ElementsAreArray(Recorded(GetParam())));
}

TEST_P(LvmTablesTest, Uuids) {
  const Case c = LoadCase(GetParam());
  for (const LvmDevice& d : c.devices) {
    auto it = c.uuids.find(d.name);
    ASSERT_NE(it, c.uuids.end()) << d.name;
    EXPECT_EQ(d.uuid, it->second) << d.name;
  }
}

// Devices that others stand on come first.
TEST_P(LvmTablesTest, Order) {
  std::set<std::string> seen;
  for (const LvmDevice& d : LoadCase(GetParam()).devices) {
    for (const DmTargetSpec& row : d.rows) {
      for (absl::string_view word : absl::StrSplit(row.params, ' ')) {
        if (!absl::StartsWith(word, "/dev/mapper/")) continue;
        EXPECT_TRUE(seen.contains(std::string(word))) << d.name << word;
      }
    }
    seen.insert("/dev/mapper/" + d.name);
  }
}

INSTANTIATE_TEST_SUITE_P(Recorded, LvmTablesTest,
                         testing::Values("linear", "linear2", "striped",
                                         "mirror", "raid0", "raid1", "raid5",
                                         "raid6", "snap", "thin", "thinc",
                                         "thinext", "cache", "cachewb",
                                         "writecache", "wcset", "zero"),
                         [](const auto& p) { return p.param; });

// LVM 2.03.16 loads "mq" for a cache volume whose metadata says "smq"; the
// kernel has both names for one policy.
TEST(LvmTables, CacheVolume) {
  std::vector<std::string> recorded = Recorded("cachevol");
  for (std::string& line : recorded) {
    absl::StrReplaceAll({{" mq ", " smq "}}, &line);
  }
  EXPECT_THAT(Printed(LoadCase("cachevol")),
              testing::ElementsAreArray(recorded));
}

// The kernel prints what integrity's journal got, which no input says.
TEST(LvmTables, Integrity) {
  for (const std::string& line : Printed(LoadCase("integ"))) {
    if (!absl::StrContains(line, " integrity ")) continue;
    const std::vector<std::string> words = absl::StrSplit(line, ' ');
    EXPECT_THAT(Recorded("integ"),
                testing::Contains(testing::HasSubstr(
                    absl::StrJoin(words.begin(), words.begin() + 8, " "))));
    EXPECT_THAT(line, testing::HasSubstr("block_size:4096"));
    EXPECT_THAT(line, testing::HasSubstr("internal_hash:crc32c"));
  }
}

TEST(LvmTables, Names) {
  EXPECT_EQ(LvmDmName("my-vg", "a-b"), "my--vg-a--b");
  EXPECT_EQ(LvmDmName("vg", "o", "real"), "vg-o-real");
}

std::string Group(const std::string& volumes) {
  return absl::StrCat(
      "contents = \"Text Format Volume Group\"\nvg {\n id = \"a\"\n"
      " extent_size = 8192\n physical_volumes {\n  pv0 {\n"
      "   device = \"/dev/pmem0\"\n   dev_size = 1048576\n"
      "   pe_start = 2048\n   pe_count = 127\n  }\n }\n logical_volumes {\n",
      volumes, " }\n}\n");
}

std::string Volume(const std::string& name, const std::string& segment) {
  return absl::StrCat(name,
                      " {\n status = [\"READ\", \"WRITE\", \"VISIBLE\"]\n",
                      "segment1 {\n start_extent = 0\n extent_count = 8\n",
                      segment, "\n}\n}\n");
}

TEST(LvmTables, WhatHasNoTableIsNoted) {
  const Imported m = Import(
      {{"vg", Group(Volume("a", "type = \"striped\"\nstripes = [\"pv0\", 0]") +
                    Volume("b", "type = \"writeback9\"") +
                    Volume("c", "type = \"striped\"\nstripes = [\"pv9\", 0]") +
                    Volume("d", "type = \"raid1\"\nraids = [\"e\"]"))}});
  ASSERT_EQ(m.world.mapped_device_size(), 1);
  EXPECT_EQ(m.world.mapped_device(0).name(), "vg-a");
  EXPECT_THAT(Notes(m), testing::HasSubstr("'writeback9' has no table"));
  EXPECT_THAT(Notes(m), testing::HasSubstr("no volume 'pv9'"));
  EXPECT_THAT(Notes(m), testing::HasSubstr("no volume 'e'"));
}

// Volumes that stand on each other in a circle, and very many of them.
TEST(LvmTables, CirclesEnd) {
  std::string volumes;
  for (int i = 0; i < 300; ++i) {
    volumes += Volume(absl::StrCat("v", i),
                      absl::StrCat("type = \"striped\"\nstripes = [\"v",
                                   (i + 1) % 300, "\", 0]"));
  }
  Import({{"vg", Group(volumes + Volume("a",
                                        "type = \"striped\"\n"
                                        "stripes = [\"pv0\", 0]"))}});
}

TEST(LvmConfig, Errors) {
  for (const auto& [text, error] :
       std::vector<std::pair<const char*, const char*>>{
           {"vg { extent_size = }", "vg:1:20: a value is expected, not '}'"},
           {"vg { extent_size 3 }", "vg:1:18: '=' or '{' is expected"},
           {"vg {\n a = [1,\n 2",
            "vg:4:1: ',' or ']' is expected, not the end"},
           {"vg { a = \"x }", "'\"' is expected, not the end"},
           {"vg {", "'}' is expected, not the end"},
           {"vg { }", "vg:1:1: 'extent_size =' is expected in here"},
           {"", "vg:1:1: a volume group is expected"}}) {
    EXPECT_THAT(ErrorOf({{"vg", text}}, "vgcfgbackup"),
                testing::HasSubstr(error));
  }
  std::string deep;
  for (int i = 0; i < 100000; ++i) deep += "a {";
  EXPECT_THAT(ErrorOf({{"vg", deep}}, "vgcfgbackup"),
              testing::HasSubstr("nested too deep"));
}

}  // namespace
}  // namespace dmdax
