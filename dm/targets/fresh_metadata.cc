// SPDX-License-Identifier: Apache-2.0
#include "dm/targets/fresh_metadata.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "dm/bio_map.h"

namespace dmdax {

absl::Status RequireFreshMetadata(const DmDev& dev, sector_t start) {
  std::vector<char> block(kPageSize);
  absl::Status read = BioRead(*dev.bdev, start, absl::MakeSpan(block));
  if (!read.ok()) return read;
  if (std::any_of(block.begin(), block.end(), [](char c) { return c != 0; })) {
    return DmNotModelled(
        absl::StrCat("metadata that ", dev.bdev->name(), " has already"),
        "a reader of them");
  }
  return absl::OkStatus();
}

}  // namespace dmdax
