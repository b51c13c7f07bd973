// SPDX-License-Identifier: Apache-2.0
#include "fs/dax_words.h"

#include <algorithm>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_join.h"
#include "fs/mount_words.h"

namespace dmdax {

MountWordKind KindOfMountWord(absl::string_view word) {
  if (word == "dax" || absl::StartsWith(word, "dax=")) {
    return MountWordKind::kDax;
  }
  if (absl::StartsWith(word, "data=")) return MountWordKind::kData;
  return word == "ro" || word == "rw" ? MountWordKind::kReadOnly
                                      : MountWordKind::kOther;
}

std::string MountWordsOf(absl::string_view options,
                         std::initializer_list<MountWordKind> kinds) {
  std::vector<absl::string_view> kept = MountWords(options);
  std::erase_if(kept, [&](absl::string_view word) {
    return std::find(kinds.begin(), kinds.end(), KindOfMountWord(word)) ==
           kinds.end();
  });
  return absl::StrJoin(kept, ",");
}

std::string DaxForAll(absl::string_view options) {
  // The last counts.
  std::string dax;
  for (absl::string_view word : MountWords(options)) {
    if (KindOfMountWord(word) == MountWordKind::kDax) dax = std::string(word);
  }
  return dax == "dax" || dax == "dax=always" ? dax : "";
}

}  // namespace dmdax
