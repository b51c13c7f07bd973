// SPDX-License-Identifier: Apache-2.0
//
// What a look says stands in the way is all that is lost, byte for byte, and
// none of it is missing from a check: held over random machines.
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "formats/world_format.h"
#include "state/world_load.h"
#include "tests/testing.h"
#include "tools/check/dax_check.h"
#include "tools/check/look.h"

namespace dmdax {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;

// One pmem or two, a volume on them, and files of pieces that lie anywhere.
class RandomWorld {
 public:
  explicit RandomWorld(unsigned seed) : random_(seed) {}

  std::string Text() {
    std::string text = absl::StrCat(
        "kernel: \"", Of({"v4_14", "v5_10", "v6_1", "v6_12"}), "\"\n",
        "pmem { name: \"pmem0\" base: ", Of({"0x100000000", "0x100100000"}),
        " size: 0x8000000",
        Below(4) == 0 ? " badblocks { sector: 40960 count: 8 }" : "", " }\n",
        "pmem { name: \"pmem1\" base: 0x200000000 size: 0x8000000 }\n");
    const std::string start = Of({"0", "8", "2048", "4096"});
    absl::StrAppend(&text, "mapped_device { name: \"v\" table { target { ");
    if (Below(2) == 0) {
      absl::StrAppend(&text, "length: 131072 linear { device: \"/dev/pmem0\"",
                      " start: ", start, " }");
    } else {
      absl::StrAppend(
          &text, "length: 131072 striped { chunk: ", Of({"128", "384", "4096"}),
          " stripe { device: \"/dev/pmem0\" start: ", start,
          " } stripe { device: \"/dev/pmem1\" start: 4096 } }");
    }
    absl::StrAppend(&text, " } } }\nmount { path: \"/m\" device: \"",
                    Of({"/dev/mapper/v", "/dev/pmem1"}), "\" type: \"",
                    Of({"ext4", "xfs", "ext2"}), "\" options: \"dax\"\n");
    uint64_t free = 8 * kMiB;
    for (int file = 0; file < 3; ++file) {
      absl::StrAppend(&text, "file { name: \"f", file, "\" ");
      AddExtents(&text, &free);
      absl::StrAppend(&text, "}\n");
    }
    return absl::StrCat(text, "}\n");
  }

 private:
  uint64_t Below(uint64_t n) { return random_() % n; }
  std::string Of(const std::vector<std::string>& words) {
    return words[Below(words.size())];
  }

  void AddExtents(std::string* text, uint64_t* free) {
    uint64_t logical = 0;
    for (uint64_t n = 1 + Below(4); n > 0; --n) {
      // Pieces that are huge pages, or not, or begin where none can.
      if (Below(3) == 0) logical += (1 + Below(600)) * 4096;
      const uint64_t length =
          Below(2) == 0 ? 2 * kMiB * (1 + Below(2)) : (1 + Below(700)) * 4096;
      if (Below(2) == 0) {
        *free = (*free + 2 * kMiB - 1) / (2 * kMiB) * (2 * kMiB);
      }
      absl::StrAppend(text, "extent { logical: ", logical, " physical: ", *free,
                      " length: ", length,
                      Below(4) == 0 ? " type: UNWRITTEN" : "", " } ");
      logical += length;
      *free += length + Below(3) * 4096;
    }
    if (Below(3) == 0)
      absl::StrAppend(text, "size: ", logical + Below(3) * kMiB);
  }

  std::mt19937_64 random_;
};

// What is short of the wish.
uint64_t Lost(const PageShares& s, Wish wish) {
  switch (wish) {
    case Wish::kDax:
      return s.signal;
    case Wish::kSync:
      return 0;
    case Wish::kPmd:
      return s.pte + s.hole + s.signal;
    case Wish::kPud:
      return s.pmd + s.pte + s.hole + s.signal;
  }
  return 0;
}

// 1 if the kernel takes the world.
int CheckOne(const std::string& text) {
  SCOPED_TRACE(text);
  absl::StatusOr<ParsedWorld> world = ParseWorld(text, "w.textproto");
  EXPECT_TRUE(world.ok()) << world.status();
  if (!world.ok()) return 0;
  absl::StatusOr<Session> session = LoadWorld(world->world);
  if (!session.ok()) return 0;
  for (Wish wish : {Wish::kDax, Wish::kPmd, Wish::kPud}) {
    const std::vector<std::string> names = DefaultSubjects(*session).names;
    const std::vector<DaxCheck> checks =
        DaxChecker(world->world, "").Check(names, wish);
    for (size_t i = 0; i < names.size(); ++i) {
      SCOPED_TRACE(names[i]);
      const Look look = LookAt(*session, {names[i], wish});
      EXPECT_TRUE(look.error.ok()) << look.error;
      uint64_t sum = 0;
      for (const Obstacle& o : look.obstacles) {
        sum += o.bytes;
        bool told = false;
        for (const Obstacle& of : checks[i].obstacles) {
          told |= of.name == o.name && of.device == o.device;
        }
        EXPECT_TRUE(told) << o.name << " of " << o.device << " is not told";
      }
      EXPECT_EQ(sum, look.dax ? Lost(look.shares, wish) : look.shares.total);
    }
  }
  return 1;
}

TEST(ObstacleSumTest, IsAllThatIsLost) {
  constexpr unsigned kSeeds = 120;
  int taken = 0;
  for (unsigned seed = 1; seed <= kSeeds && !testing::Test::HasFailure();
       ++seed) {
    taken += CheckOne(RandomWorld(seed).Text());
  }
  // The others are refused: a volume without whole pages, mounted with dax.
  EXPECT_GT(taken, 50);
}

}  // namespace
}  // namespace dmdax
