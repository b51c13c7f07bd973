// SPDX-License-Identifier: Apache-2.0
#include "import/block_units.h"

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/units.h"
#include "fs/dax_words.h"
#include "import/build_world.h"
#include "import/guess.h"
#include "iomap/file_extents.h"

namespace dmdax {
namespace {

bool IsBlockSize(uint64_t bytes) { return bytes >= 512 && bytes <= 65536; }

// The first extent that is no blocks of that size; null: all are.
const FileExtent* FirstOdd(const ExtentList& list, uint64_t block) {
  const auto odd = absl::c_find_if(list.extents, [&](const FileExtent& e) {
    return (e.type == IOMAP_MAPPED || e.type == IOMAP_UNWRITTEN) &&
           (e.physical % block != 0 || e.logical % block != 0);
  });
  return odd == list.extents.end() ? nullptr : &*odd;
}

}  // namespace

BlockUnits::BlockUnits(const Facts& facts) {
  for (const UseFact& use : facts.uses) {
    // Of others blkid tells the size of a sector.
    if (!absl::StartsWith(use.type, "ext") || !IsBlockSize(use.block_size)) {
      continue;
    }
    said_[CanonicalName(facts, use.device)] = {use.block_size, "blkid"};
  }
  for (const XfsFact& xfs : facts.xfs) {
    if (!IsBlockSize(xfs.block_size)) continue;
    said_[CanonicalDevice(facts, xfs.source)] = {xfs.block_size,
                                                 xfs.place.ToString()};
  }
}

std::string BlockUnits::Add(const FileFact& file, const proto::Mount& mount) {
  const uint64_t unit = file.list.s_blocksize;
  const auto said = said_.find(mount.device());
  if (said != said_.end()) {
    const FileExtent* odd = FirstOdd(file.list, said->second.bytes);
    if (odd == nullptr) return "";
    return absl::StrCat("an extent is at byte ", odd->physical, " for byte ",
                        odd->logical, " of the file; ", said->second.by,
                        " says that blocks have ", said->second.bytes,
                        " bytes");
  }
  if (!IsBlockSize(unit)) return "";
  Seen& seen = seen_[mount.path()];
  seen.has_4096 |= unit == kPageSize;
  seen.odd |= FirstOdd(file.list, kPageSize) != nullptr;
  const bool other = unit != kPageSize;
  if (other && (seen.unit == 0 || unit < seen.unit)) {
    seen.unit = unit;
    seen.place = file.place;
  }
  return "";
}

void BlockUnits::Settle(Facts* facts, proto::World* world) const {
  for (proto::Mount& mount : *world->mutable_mount()) {
    const auto at = seen_.find(mount.path());
    if (at == seen_.end() || at->second.unit == 0) continue;
    const Seen& seen = at->second;
    const bool small = seen.unit < kPageSize;
    // No kernel gives DAX to a file system with smaller blocks.
    if (small && !seen.odd && !DaxForAll(mount.options()).empty()) continue;
    mount.set_block_size(static_cast<uint32_t>(seen.unit));
    if (!small || seen.odd || !MayHavePmem(*facts, *world, mount.device())) {
      continue;
    }
    facts->Guess(
        seen.place,
        MakeGuess(proto::Guess::NO_DAX, mount.path(),
                  absl::StrCat("no input says whether blocks of ", mount.path(),
                               " have ", seen.unit,
                               " bytes, or filefrag was told to count so (-b, "
                               "-k)",
                               seen.has_4096 ? ", as another of its lists "
                                               "counts in 4096"
                                             : ""),
                  "the former",
                  mount.type() == "xfs"
                      ? absl::StrCat("xfs_info ", mount.path())
                      : absl::StrCat("blkid, or filefrag -v without them")));
  }
}

}  // namespace dmdax
