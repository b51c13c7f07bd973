// SPDX-License-Identifier: Apache-2.0
#include "import/pmem_badblocks.h"

#include <algorithm>
#include <cstdint>
#include <map>

#include "absl/strings/str_cat.h"
#include "import/guess.h"

namespace dmdax {

void AddBadBlocks(const Disk& disk, const Namespace* space, Facts* facts,
                  proto::Pmem* pmem) {
  std::map<uint64_t, uint64_t> ranges = disk.badblocks;
  if (ranges.empty() && space != nullptr) ranges = space->badblocks;
  const uint64_t sectors = pmem->size() / 512;
  for (const auto& [start, count] : ranges) {
    if (start >= sectors) continue;
    proto::BadBlocks* bad = pmem->add_badblocks();
    bad->set_sector(start);
    bad->set_count(std::min(count, sectors - start));
  }
  if (!ranges.empty() || space == nullptr || space->nr_badblocks == 0) return;
  facts->Guess(
      space->place,
      MakeGuess(proto::Guess::DAX, disk.name,
                absl::StrCat("no input says where the ", space->nr_badblocks,
                             " bad blocks of ", space->name, " are"),
                "no bad block",
                absl::StrCat("ndctl list -NM, /sys/block/", disk.name,
                             "/badblocks")));
}

}  // namespace dmdax
