// SPDX-License-Identifier: Apache-2.0
//
// PlaceFile: extents for a file of which only the size is known, as good for
// huge pages as a file system could have made them, or as bad.
//
//   absl::StatusOr<std::vector<FileExtent>> best =
//       PlaceFile(64 << 20, Placement::kAligned, {.end = 1 << 30}, used);
//   // one extent, at 2 MiB
//   absl::StatusOr<std::vector<FileExtent>> worst =
//       PlaceFile(64 << 20, Placement::kWorst, {.end = 1 << 30}, used);
//   // one extent, a block past 2 MiB: no 2 MiB of the file is aligned
//
// Of the gaps between other files the best one has whole 2 MiB at boundaries.
// The truth about a real file is what filefrag says.
// Mirrors: nothing.  Threading: pure function.
#ifndef DMDAX_PROCESS_PLACE_FILE_H_
#define DMDAX_PROCESS_PLACE_FILE_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "iomap/file_extents.h"
#include "iomap/used_blocks.h"

namespace dmdax {

enum class Placement { kAligned, kWorst };

// Where on the device the blocks may be, in bytes.
struct PlaceRoom {
  uint64_t start = 2 << 20;  // what lies before is the file system's
  uint64_t end = 0;
  uint64_t block_size = 4096;
};

// Blocks that nobody has, for the whole file.  ENOSPC: there are not so many.
absl::StatusOr<std::vector<FileExtent>> PlaceFile(uint64_t size,
                                                  Placement placement,
                                                  const PlaceRoom& room,
                                                  const UsedBlocks& used);

}  // namespace dmdax

#endif  // DMDAX_PROCESS_PLACE_FILE_H_
