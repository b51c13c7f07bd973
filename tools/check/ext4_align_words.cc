// SPDX-License-Identifier: Apache-2.0
#include "tools/check/ext4_align_words.h"

#include "absl/strings/str_cat.h"

namespace dmdax {

std::string Ext4AlignWords(uint64_t bytes) {
  constexpr uint64_t kBlock = 4096, kGroup = 32768;
  constexpr uint64_t kSmall = uint64_t{512} << 20;
  // No group has more than 32768 inodes, of 256 bytes: that are 2048 blocks,
  // and a few.
  constexpr uint64_t kMostMetadata = 4096;
  const uint64_t blocks = bytes / kBlock, rest = blocks % kGroup;
  const bool groups_shrink =
      bytes < kSmall && blocks > kGroup && rest != 0 && rest < kMostMetadata;
  return absl::StrCat(" -E stride=512,stripe_width=512",
                      groups_shrink ? " -i 16384" : "");
}

}  // namespace dmdax
