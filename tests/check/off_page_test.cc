// SPDX-License-Identifier: Apache-2.0
//
// Of random stacks, whose rows begin anywhere: what is told to be apart is
// where direct_access and a bio end on different sectors, page by page.
#include "tools/check/off_page.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "dax/dax_device.h"
#include "dm/bio_map.h"
#include "formats/world_format.h"
#include "state/find_device.h"
#include "state/world_load.h"
#include "tests/testing.h"

namespace dmdax {
namespace {

class RandomStack {
 public:
  explicit RandomStack(unsigned seed) : random_(seed) {}

  std::string Text() {
    return absl::StrCat(
        "kernel: \"v6_1\"\n"
        "pmem { name: \"pmem0\" base: 0x100000000 size: 0x1000000 }\n"
        "pmem { name: \"pmem1\" base: 0x200000000 size: 0x1000000 }\n"
        "block { name: \"pmem1p1\" partition_of: \"pmem1\" start: ",
        8 * Below(9), " sectors: 30720 }\n",
        Device("low", {"/dev/pmem0", "/dev/pmem1p1"}, /*most=*/16384),
        Device("up", {"/dev/mapper/low", "/dev/pmem0", "/dev/mapper/low"},
               /*most=*/1024));
  }

 private:
  uint64_t Below(uint64_t n) { return random_() % n; }

  // Every third begins within a page.
  uint64_t Start() { return 8 * Below(64) + (Below(3) == 0 ? Below(8) : 0); }

  std::string Device(const std::string& name,
                     const std::vector<std::string>& below, uint64_t most) {
    std::string text =
        absl::StrCat("mapped_device { name: \"", name, "\" table {\n");
    uint64_t at = 0;
    for (uint64_t rows = 1 + Below(3); rows > 0; --rows) {
      const bool striped = Below(2) == 0;
      const uint64_t chunk = 8 * (1 + Below(4));
      const uint64_t length =
          striped ? 2 * chunk * (1 + Below(most / 4 / (2 * chunk)))
                  : 8 * (1 + Below(most / 32));
      absl::StrAppend(&text, "target { start: ", at, " length: ", length);
      const auto leg = [&](absl::string_view as) {
        absl::StrAppend(&text, " ", as, " { device: \"",
                        below[Below(below.size())], "\" start: ", Start(),
                        " }");
      };
      if (striped) {
        absl::StrAppend(&text, " striped { chunk: ", chunk);
        leg("stripe");
        leg("stripe");
        absl::StrAppend(&text, " }");
      } else {
        leg("linear");
      }
      absl::StrAppend(&text, " }\n");
      at += length;
    }
    return absl::StrCat(text, "} }\n");
  }

  std::mt19937_64 random_;
};

// Whether DAX has a page elsewhere than the bio of its first sector ends.
bool IsElsewhere(const Session& session, BlockDevice& bdev, uint64_t page) {
  const DaxAccess dax =
      DaxDirectAccess(bdev.host_dax_dev(), pgoff_t(page), 1,
                      DaxAccessMode::kAccess, /*trace=*/nullptr);
  EXPECT_EQ(dax.ret, 1) << "page " << page;
  const BioRoute route =
      RouteBio(bdev, sector_t(page * kPageSectors), ReqOp::kRead);
  EXPECT_EQ(route.err, 0);
  const BioHop& end = route.hops.back();
  const PmemDevice* const pmem =
      session.machine->FindPmem(end.bdev->whole().name());
  EXPECT_NE(pmem, nullptr);
  if (pmem == nullptr) return false;
  const uint64_t sector = end.sector.value() + end.bdev->start_sect().value();
  return PfnPhys(dax.pfn) != pmem->options().base + sector * kSectorSize;
}

TEST(OffPageTest, IsWhereDaxAndABioPart) {
  int worlds = 0, with = 0;
  for (unsigned seed = 0; seed < 300; ++seed) {
    const std::string text = RandomStack(seed).Text();
    SCOPED_TRACE(text);
    absl::StatusOr<ParsedWorld> world = ParseWorld(text, "w.textproto");
    ASSERT_THAT(world, IsOk());
    absl::StatusOr<Session> session = LoadWorld(world->world);
    // Some rows reach beyond what they stand on.
    if (!session.ok()) continue;
    absl::StatusOr<BlockDevice*> up = FindDevice(*session, "/dev/mapper/up");
    ASSERT_THAT(up, IsOk());
    ++worlds;
    uint64_t apart = 0;
    const uint64_t pages = (*up)->nr_sectors() / kPageSectors;
    for (uint64_t page = 0; page < pages; ++page) {
      apart += IsElsewhere(*session, **up, page) ? 1 : 0;
    }
    const OffPage found = OffPageOf(*session, **up, {{0, (*up)->nr_sectors()}});
    EXPECT_EQ(found.sectors, apart * kPageSectors);
    EXPECT_EQ(found.row.has_value(), apart != 0);
    with += apart == 0 ? 0 : 1;
    // A part of it has its part.
    const OffPage first = OffPageOf(*session, **up, {{0, kPageSectors}});
    EXPECT_EQ(first.sectors != 0, IsElsewhere(*session, **up, 0));
  }
  EXPECT_GT(worlds, 100);
  EXPECT_GT(with, 50);
  EXPECT_GT(worlds - with, 20);
}

}  // namespace
}  // namespace dmdax
