// SPDX-License-Identifier: Apache-2.0
#include "tools/check/free_runs.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "absl/strings/str_cat.h"
#include "formats/world_format.h"
#include "process/mount_point.h"
#include "state/world_load.h"
#include "tests/testing.h"
#include "tools/check/world_rows.h"

namespace dmdax {
namespace {

constexpr uint64_t kPage = 4096;
constexpr uint64_t kPieces = 64;

// Files of a few pages anywhere, as far as they do not overlap.
std::string RandomFiles(unsigned seed) {
  std::mt19937 random(seed);
  std::string text = absl::StrCat(
      "pmem { name: \"pmem0\" base: 0x100000000 size: ", kPieces * kPmdBytes,
      " }\nmount { path: \"/mnt\" device: \"/dev/pmem0\" options: \"dax\"\n");
  uint64_t at = 0;
  for (int i = 0;; ++i) {
    at += kPage * (random() % 3 == 0 ? random() % 2000 : random() % 3);
    const uint64_t length = kPage * (1 + random() % 600);
    if (at + length > kPieces * kPmdBytes) return text + "}\n";
    absl::StrAppend(&text, "file { name: \"f", i, "\" extent { physical: ", at,
                    " length: ", length, " } }\n");
    at += length;
  }
}

bool IsFree(const UsedBlocks& used, uint64_t piece) {
  return !used.Refuses(BlockSharing::kOwned, piece * kPmdBytes, kPmdBytes);
}

TEST(FreeRunsTest, AreThePiecesThatNobodyHas) {
  for (unsigned seed = 0; seed < 50; ++seed) {
    absl::StatusOr<ParsedWorld> world =
        ParseWorld(RandomFiles(seed), "w.textproto");
    ASSERT_THAT(world, IsOk());
    absl::StatusOr<Session> session = LoadWorld(world->world);
    ASSERT_THAT(session, IsOk());
    absl::StatusOr<MountPoint*> mount = session->user->FindMount("/mnt");
    ASSERT_THAT(mount, IsOk());
    const UsedBlocks& used = (*mount)->used();
    FreeRuns runs(*session);
    const FreeRuns::OfMount* found = runs.Of("/mnt");
    ASSERT_NE(found, nullptr);
    EXPECT_EQ(runs.Of("/mnt"), found);  // the same, not made again
    auto run = found->begin();
    for (uint64_t piece = 0; piece < kPieces; ++piece) {
      const uint64_t pos = piece * kPmdBytes;
      while (run->end <= pos) ++run;
      EXPECT_EQ(run->begin <= pos, IsFree(used, piece)) << seed << ' ' << piece;
      uint64_t next = piece;
      while (!IsFree(used, next)) ++next;
      EXPECT_EQ(NextFreePiece(used, pos), next * kPmdBytes);
      // Not what is left of the piece.
      EXPECT_GE(NextFreePiece(used, pos + kPage), pos + kPmdBytes);
    }
    EXPECT_EQ(runs.Of("/srv"), nullptr);
  }
}

}  // namespace
}  // namespace dmdax
