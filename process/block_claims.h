// SPDX-License-Identifier: Apache-2.0
//
// Which blocks a file claims, and whether they can be its own.
//
//   UsedBlocks used;
//   absl::Status s = ClaimBlocks(
//       {.name = "f", .extents = {{.length = 8192},
//                                 {.logical = 8192, .length = 4096}}},
//       files, used);
//   // extent[1].physical: physical 0 to 4095 are also those of extent[0], ...
//
// Threading: pure functions.
#ifndef DMDAX_PROCESS_BLOCK_CLAIMS_H_
#define DMDAX_PROCESS_BLOCK_CLAIMS_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "iomap/used_blocks.h"
#include "process/file_options.h"

namespace dmdax {

struct MountedFile;
using MountedFiles =
    std::map<std::string, std::unique_ptr<MountedFile>, std::less<>>;

// Adds the blocks of `file` to those in use, which are the blocks of `files`.
// EINVAL, as FieldError(), for blocks that are in use, unless both extents are
// marked shared; `used` then has a part of the file's and must be made again.
// A file may be promised, at the same offset, a block that it has already.
absl::Status ClaimBlocks(const FileOptions& file, const MountedFiles& files,
                         UsedBlocks& used);

// Adds them whoever has them.
void KeepBlocks(const std::vector<FileExtent>& extents,
                const std::vector<FileExtent>& allocate, UsedBlocks& used);

}  // namespace dmdax

#endif  // DMDAX_PROCESS_BLOCK_CLAIMS_H_
