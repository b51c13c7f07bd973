// SPDX-License-Identifier: Apache-2.0
//
// The files of a file system that is made anew: what gives them their blocks
// again, aligned, before their data is restored.
//
//   WholeFiles whole(machine);
//   const FreshFiles fresh =
//       FreshFilesOf(machine, mount, /*cured=*/nullptr, *bdev, whole,
//                    {&subject}, TypedIn::kSystem);
//   for (const CureStep& step : fresh.steps) std::cout << step.command << "\n";
//
// Threading: pure functions of a machine and a World.
#ifndef DMDAX_TOOLS_CHECK_FRESH_FILES_H_
#define DMDAX_TOOLS_CHECK_FRESH_FILES_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "block/block_device.h"
#include "state/session.h"
#include "state/world.pb.h"
#include "tools/check/cure.h"
#include "tools/check/cure_steps.h"
#include "tools/check/cured_size.h"
#include "tools/check/fs_anew.h"
#include "tools/check/stands_on.h"
#include "tools/check/subject.h"
#include "tools/check/whole_files.h"

namespace dmdax {

// For more files nobody types a line each: they share lines (FileLines).
inline constexpr size_t kMostFreshFiles = 32;
// For more than these nobody types lines at all.
inline constexpr size_t kMostListedFiles = 4096;

struct FreshFiles {
  std::vector<CureStep> steps;
  size_t left_out = 0;  // files that get none
  // The first few of those with holes, and how many there are.
  std::vector<std::string> with_holes;
  size_t nr_with_holes = 0;
  std::string no_room;  // the first of `first` that gets none for want of it
};

// Those of a mount of the machine: `first`, and all others that have blocks for
// all of their bytes and can have a page of 2 MiB; `most` of them.  `cured` is
// the mount with the options and flags that cures give it, or null; `bytes` is
// how large the device will be, or nothing: as large as it is.  No steps: a
// file system of that type has no way.
FreshFiles FreshFilesOf(const Session& machine, const proto::Mount& mount,
                        const proto::Mount* cured, BlockDevice& bdev,
                        WholeFiles& whole,
                        const std::vector<const Subject*>& first, TypedIn in,
                        std::optional<uint64_t> bytes = std::nullopt,
                        size_t most = kMostFreshFiles);

// Puts those of all file systems that the steps make anew in place of what they
// do to files there.
struct FreshFilesLeft {
  // Which files get none, and how they would; or "": all that could have pages
  // of 2 MiB get theirs.
  std::string remark;
  // Why the list ends at one of `first` in its middle, or nobody can restore
  // all, or "": what is made anew has no room for it.
  std::string refused;
};
FreshFilesLeft AllocateFreshFiles(const CuredMachine& with, StandsOn& stands_on,
                                  const std::vector<const Subject*>& first,
                                  CureSteps* steps);

// Whether the subject gets blocks for all of its bytes, or keeps its holes.
enum class FreshBlocks { kAsTheyAre, kWhole };

// Gives the files of the subject's mount the places that they get in a fresh
// file system of so many bytes, as FreshFilesOf() allocates them; if there is
// room for that.
void PlaceFilesAnew(const Session& session, const Subject& subject,
                    uint64_t device_bytes, FreshBlocks blocks,
                    proto::World& world);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CHECK_FRESH_FILES_H_
