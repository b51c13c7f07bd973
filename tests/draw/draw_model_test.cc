// SPDX-License-Identifier: Apache-2.0
//
// A picture's model says what a sweep, a table and a check say, however many
// parts there are.
#include "tools/draw/draw_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "dm/walk_budget.h"
#include "formats/world_format.h"
#include "tests/testing.h"
#include "tools/draw/draw_write.h"

namespace dmdax {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::SizeIs;

constexpr uint64_t kMiB = 1 << 20;

proto::World WorldOf(const std::string& text) {
  absl::StatusOr<ParsedWorld> parsed = ParseWorld(text, "test");
  EXPECT_THAT(parsed.status(), IsOk());
  return parsed->world;
}

constexpr char kHome[] = R"(
kernel: "v6_1"
pmem { name: "pmem0" base: 0x100000000 size: 0x10000000 data_offset: 0x200000 }
mapped_device {
  name: "home"
  table { target { length: 65536 linear { device: "/dev/pmem0" start: 2048 } }
          target { start: 65536 length: 65536
            linear { device: "/dev/pmem0" start: 131072 } }
  }
}
mount {
  path: "/mnt" device: "/dev/mapper/home" options: "dax=always"
  file { name: "f" size: 0x800000 extent { physical: 0x400000 length: 0x400000 } }
}
)";

const DrawNode& NodeOf(const DrawModel& model, const std::string& name) {
  for (const DrawNode& node : model.nodes) {
    if (node.name == name) return node;
  }
  ADD_FAILURE() << "no node " << name;
  return model.nodes[0];
}

// What must be so of any model.
void ExpectSound(const DrawModel& model) {
  for (const DrawEdge& edge : model.edges) {
    EXPECT_LT(model.nodes[static_cast<size_t>(edge.from)].level,
              model.nodes[static_cast<size_t>(edge.to)].level);
  }
  for (const DrawNode& node : model.nodes) {
    uint64_t bytes = 0;
    for (const DrawBlock& block : node.blocks) {
      uint64_t turn = 0;
      for (const DrawRange& r : block.ranges) turn += r.bytes;
      EXPECT_EQ(turn, block.repeat) << node.name;
      EXPECT_LE(block.repeat, block.bytes) << node.name;
      bytes += block.bytes;
    }
    EXPECT_EQ(bytes, node.size) << node.name;
    const std::array<double, kDrawKinds> kinds =
        KindsBetween(node, 0, node.size);
    EXPECT_EQ(std::accumulate(kinds.begin(), kinds.end(), 0.0),
              static_cast<double>(node.size))
        << node.name;
    if (!node.dax) continue;
    const PageShares& s = node.shares;
    const std::array<uint64_t, kDrawKinds> shares = {
        s.pud,  s.pmd,    s.pte, s.tail,
        s.hole, s.signal, 0,     node.not_asked.empty() ? 0 : node.size};
    for (size_t i = 0; i < kDrawKinds; ++i) {
      EXPECT_EQ(kinds[i], static_cast<double>(shares[i]))
          << node.name << " " << i;
    }
  }
}

TEST(DrawModelTest, LevelsAreWhatStandsOnWhat) {
  const proto::World world = WorldOf(kHome);
  absl::StatusOr<DrawModel> model = MakeDrawModel({world});
  ASSERT_THAT(model.status(), IsOk());
  ExpectSound(*model);
  EXPECT_EQ(model->levels, 3);
  EXPECT_THAT(model->nodes, ElementsAre(Field(&DrawNode::name, "/mnt/f"),
                                        Field(&DrawNode::name, "home"),
                                        Field(&DrawNode::name, "pmem0")));
  EXPECT_TRUE(model->nodes[0].subject);
  EXPECT_FALSE(model->nodes[1].subject);
}

TEST(DrawModelTest, EachPartOfALevelLandsSomewhere) {
  const proto::World world = WorldOf(kHome);
  const DrawModel model = *MakeDrawModel({world});
  const DrawNode& file = NodeOf(model, "/mnt/f");
  ASSERT_THAT(file.rows, SizeIs(1));
  EXPECT_EQ(file.rows[0].what, "extent");
  EXPECT_EQ(file.rows[0].legs[0].start, 4 * kMiB);
  const DrawNode& home = NodeOf(model, "home");
  ASSERT_THAT(home.rows, SizeIs(2));
  EXPECT_EQ(home.rows[1].start, 32 * kMiB);
  EXPECT_EQ(home.rows[1].legs[0].start, 64 * kMiB);
  EXPECT_EQ(home.rows[1].legs[0].node, 2);
  const DrawNode& pmem = NodeOf(model, "pmem0");
  ASSERT_THAT(pmem.memory, SizeIs(1));
  EXPECT_EQ(pmem.memory[0].phys, 0x100200000u);
}

TEST(DrawModelTest, AReasonHasTheCureThatCheckFound) {
  const proto::World world = WorldOf(kHome);
  const DrawModel model = *MakeDrawModel({world});
  const DrawNode& file = NodeOf(model, "/mnt/f");
  EXPECT_FALSE(file.holds);
  ASSERT_THAT(file.obstacles, SizeIs(2));  // the row's start, and a hole
  const DrawReason& reason =
      model.reasons[static_cast<size_t>(file.obstacles[0])];
  EXPECT_EQ(reason.name, "pfn_target");
  ASSERT_GE(reason.cure, 0);
  EXPECT_THAT(model.cures[static_cast<size_t>(reason.cure)].commands,
              testing::Contains(HasSubstr("dmsetup create home")));
  // The same level is to blame on the device's own strip.
  const DrawNode& home = NodeOf(model, "home");
  const int why = home.blocks[0].ranges[0].reason;
  ASSERT_GE(why, 0);
  EXPECT_EQ(model.reasons[static_cast<size_t>(why)].cure, reason.cure);
}

TEST(DrawModelTest, EachFileWithAHoleHasItsOwnCure) {
  proto::World world = WorldOf(kHome);
  proto::File* other = world.mutable_mount(0)->add_file();
  other->set_name("other");
  other->set_size(4 * kMiB);
  const DrawModel model = *MakeDrawModel({world});
  for (const char* name : {"/mnt/f", "/mnt/other"}) {
    const DrawNode& node = NodeOf(model, name);
    const auto at = std::find_if(
        node.obstacles.begin(), node.obstacles.end(), [&](int reason) {
          return model.reasons[static_cast<size_t>(reason)].name == "hole";
        });
    ASSERT_NE(at, node.obstacles.end());
    const DrawReason& hole = model.reasons[static_cast<size_t>(*at)];
    ASSERT_GE(hole.cure, 0);
    EXPECT_THAT(
        model.cures[static_cast<size_t>(hole.cure)].commands,
        testing::Contains(testing::HasSubstr(absl::StrCat(" ", name, " ||"))));
  }
}

TEST(DrawModelTest, AStripesRepetitionsAreKeptAsSuch) {
  // 64 TiB on two legs, with chunks of 3 MiB: each third 2 MiB crosses one.
  const proto::World world = WorldOf(R"(
kernel: "v6_12"
pmem { name: "pmem0" base: 0x10000000000 size: 0x300000000000 }
pmem { name: "pmem1" base: 0x400000000000 size: 0x300000000000 }
mapped_device {
  name: "wide"
  table { target { length: 103079215104 striped { chunk: 6144
    stripe { device: "/dev/pmem0" start: 0 }
    stripe { device: "/dev/pmem1" start: 0 } } } }
})");
  absl::StatusOr<DrawModel> model = MakeDrawModel({world});
  ASSERT_THAT(model.status(), IsOk());
  ExpectSound(*model);
  const DrawNode& wide = NodeOf(*model, "wide");
  ASSERT_THAT(wide.blocks, SizeIs(testing::Le(3)));
  EXPECT_THAT(wide.blocks, Each(Field(&DrawBlock::mixed, false)));
  EXPECT_LT(wide.blocks[0].repeat, 64 * kMiB);
  EXPECT_GT(wide.all_ranges, uint64_t{1} << 20);
  ASSERT_THAT(wide.rows, SizeIs(1));
  EXPECT_EQ(wide.rows[0].chunk, 3 * kMiB);
}

// `rows` rows of 1 MiB and 3 MiB, so that none but some gets a huge page.
std::string ManyRows(int rows) {
  std::string text =
      "kernel: \"v6_1\"\n"
      "pmem { name: \"pmem0\" base: 0x100000000 size: 0x4000000000 }\n"
      "mapped_device { name: \"many\" table {\n";
  uint64_t start = 0, at = 0;
  for (int i = 0; i < rows; ++i) {
    const uint64_t length = i % 3 == 0 ? 2048 : 4096;
    absl::StrAppend(&text, "target { start: ", start, " length: ", length,
                    " linear { device: \"/dev/pmem0\" start: ", at, " } }\n");
    start += length;
    at += length + 4096 * static_cast<uint64_t>(i % 2);
  }
  return text + "} }\n";
}

TEST(DrawModelTest, FewRowsAreExact) {
  const proto::World world = WorldOf(ManyRows(1000));
  const DrawModel model = *MakeDrawModel({world});
  ExpectSound(model);
  const DrawNode& many = NodeOf(model, "many");
  EXPECT_THAT(many.rows, SizeIs(1000));
  EXPECT_THAT(many.blocks, Each(Field(&DrawBlock::mixed, false)));
}

TEST(DrawModelTest, ManyRowsAreSummarisedAndNothingIsLost) {
  const proto::World world = WorldOf(ManyRows(5000));
  const DrawModel model = *MakeDrawModel({.world = world, .most_parts = 600});
  ExpectSound(model);
  const DrawNode& many = NodeOf(model, "many");
  EXPECT_EQ(many.all_rows, 5000u);
  EXPECT_LE(many.rows.size(), 300u);
  EXPECT_LE(many.blocks.size(), 300u);
  uint64_t rows = 0, at = 0;
  for (const DrawRow& row : many.rows) {
    EXPECT_EQ(row.start, at);
    at += row.bytes;
    rows += row.rows;
  }
  EXPECT_EQ(rows, 5000u);
  EXPECT_EQ(at, many.size);
  EXPECT_THAT(model.reasons, SizeIs(testing::Le(600)));
}

TEST(DrawModelTest, WhatHasNoRoomIsCounted) {
  std::string text = kHome;
  for (int i = 0; i < 50; ++i) {
    absl::StrAppend(&text, "mapped_device { name: \"v", i,
                    "\" table { target { length: 8 linear { device: "
                    "\"/dev/pmem0\" start: ",
                    262144 + 8 * i, " } } } }\n");
  }
  const proto::World world = WorldOf(text);
  const DrawModel model = *MakeDrawModel({.world = world, .most_nodes = 20});
  ExpectSound(model);
  EXPECT_LE(model.nodes.size(), 20u);
  EXPECT_EQ(model.left_out, 51u - 10u);
}

// A World of a few kilobytes may have more pages than can be asked in a day.
TEST(DrawModelTest, WhatHasTooManyPagesIsDrawnWithoutThemAndSaysSo) {
  const proto::World world = WorldOf(kHome);
  const WalkBudget spent(0);
  absl::StatusOr<DrawModel> model = MakeDrawModel({world});
  ASSERT_THAT(model.status(), IsOk());
  ExpectSound(*model);
  for (const DrawNode& node : model->nodes) {
    EXPECT_TRUE(node.dax) << node.name;
    EXPECT_THAT(node.not_asked, HasSubstr("a limit of dmdax")) << node.name;
    EXPECT_THAT(DrawNotKnown(node), ElementsAre(node.not_asked));
    EXPECT_EQ(DrawSharesText(node), "not known");
    ASSERT_THAT(node.blocks, SizeIs(1));
    EXPECT_EQ(node.blocks[0].ranges[0].kind, DrawKind::kNotAsked);
  }
  // Where they land needs no page.
  EXPECT_THAT(NodeOf(*model, "home").rows, SizeIs(2));
}

TEST(DrawModelTest, TheLegsOfRowsHaveABudgetToo) {
  std::string text =
      "pmem { name: \"pmem0\" base: 0x100000000 size: 0x4000000000 }\n"
      "mapped_device { name: \"s\" table {\n";
  constexpr int kRows = 20, kLegs = 100;
  for (int row = 0; row < kRows; ++row) {
    absl::StrAppend(&text, "target { start: ", row * kLegs * 8,
                    " length: ", kLegs * 8, " striped { chunk: 8\n");
    for (int leg = 0; leg < kLegs; ++leg) {
      absl::StrAppend(&text, "stripe { device: \"/dev/pmem0\" start: ",
                      (row * kLegs + leg) * 8, " }\n");
    }
    absl::StrAppend(&text, "} }\n");
  }
  const proto::World world = WorldOf(text + "} }\n");
  const auto legs = [&](size_t most) {
    const DrawModel model =
        *MakeDrawModel({.world = world, .most_parts = most});
    ExpectSound(model);
    size_t count = 0;
    for (const DrawRow& row : NodeOf(model, "s").rows) count += row.legs.size();
    return count;
  };
  EXPECT_EQ(legs(8000), kRows * kLegs);
  // A row that is not summarised keeps all of its legs.
  EXPECT_LE(legs(200), 100u);
}

TEST(DrawModelTest, WhatIsNotDaxSaysWhere) {
  const proto::World world = WorldOf(R"(
kernel: "v6_1"
pmem { name: "pmem0" base: 0x100000000 size: 0x10000000 }
block { name: "sda" sectors: 2097152 dev: "8:0" }
mapped_device {
  name: "half"
  table { target { length: 8192 linear { device: "/dev/pmem0" } }
          target { start: 8192 length: 8192
            linear { device: "/dev/sda" } } }
})");
  const DrawModel model = *MakeDrawModel({world});
  ExpectSound(model);
  const DrawNode& half = NodeOf(model, "half");
  EXPECT_FALSE(half.dax);
  ASSERT_THAT(half.blocks, SizeIs(1));
  EXPECT_EQ(half.blocks[0].ranges[0].kind, DrawKind::kNotDax);
  const int why = half.blocks[0].ranges[0].reason;
  EXPECT_THAT(model.reasons[static_cast<size_t>(why)].level, HasSubstr("sda"));
  EXPECT_THAT(half.rows, SizeIs(2));
}

TEST(DrawModelTest, WhatNobodyKnowsIsSaidAsCheckSaysIt) {
  const proto::World world = WorldOf(R"(
      pmem { name: "pmem0" base: 0x100000000 size: 0x10000000 }
      block { name: "pmem0p1" partition_of: "pmem0" start: 4096 sectors: 65536 }
      guess { name: "pmem0p1" what: "no input says where pmem0p1 begins"
              taken: "sector 4096" ask: "lsblk -o +START" decides: DAX }
      left_out { name: "vg-db" why: "no input has its table" })");
  const DrawModel model = *MakeDrawModel({world});
  std::vector<std::string> said;
  for (const DrawNode& node : model.nodes) {
    for (const std::string& what : node.not_known) {
      said.push_back(absl::StrCat(node.name, ": ", what));
    }
  }
  EXPECT_THAT(said, testing::UnorderedElementsAre(
                        "pmem0p1: no input says where pmem0p1 begins: sector "
                        "4096 taken; to add: lsblk -o +START",
                        "vg-db: it is left out: no input has its table"));
  ExpectSound(model);
}

TEST(DrawModelTest, NamesAreSubjectsAsCheckHasThem) {
  const proto::World world = WorldOf(kHome);
  absl::StatusOr<DrawModel> model =
      MakeDrawModel({.world = world, .names = {"home"}});
  ASSERT_THAT(model.status(), IsOk());
  EXPECT_EQ(model->levels, 2);
  EXPECT_FALSE(MakeDrawModel({.world = world, .names = {"none"}}).ok());
  const proto::World empty;
  EXPECT_THAT(MakeDrawModel({empty}).status().message(),
              HasSubstr("nothing to draw"));
}

}  // namespace
}  // namespace dmdax
