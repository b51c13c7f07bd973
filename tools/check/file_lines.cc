// SPDX-License-Identifier: Apache-2.0
#include "tools/check/file_lines.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/one_line.h"

namespace dmdax {
namespace {

// A terminal cuts a line at 4096 bytes, and the loop has some of them.
constexpr size_t kMostWords = 3000;

}  // namespace

std::string FileLines::Line(const std::string& words, DaxFlag flag) const {
  const std::string blocks =
      options_.fs == "xfs"
          ? "xfs_io -f -c 'extsize 2m' \"/$file\" && fallocate -l "
            "$(((size + 2097151) / 2097152 * 2097152)) \"/$file\""
          : "for i in $(seq 0 $(((size - 1) / 2097152))); do fallocate -o "
            "$((2 * i))MiB -l 2MiB \"/$file\" || exit; done";
  return absl::StrCat(
      options_.fs == "xfs" ? ""
                           : absl::StrCat("cat /proc/fs/ext4/", options_.disk,
                                          "/mb_groups > /dev/null && "),
      // A shell of its own, for `exit` to end no other.
      "printf '%s\\n'", words,
      " | (while IFS=/ read -r size file; do mkdir -p \"/${file%/*}\" && ",
      blocks, " && truncate -s $size \"/$file\"",
      flag == DaxFlag::kSet ? " && xfs_io -c 'chattr +x' \"/$file\"" : "",
      " || exit; done)");
}

void FileLines::End(DaxFlag flag) {
  std::string& words = words_[flag == DaxFlag::kSet];
  if (words.empty()) return;
  steps_.push_back({CureStage::kFile,
                    absl::StrCat(options_.at, "/ ",
                                 absl::Dec(steps_.size(), absl::kZeroPad6)),
                    Line(std::exchange(words, ""), flag), options_.at});
}

void FileLines::Add(const std::string& path, uint64_t size, DaxFlag flag) {
  std::string& words = words_[flag == DaxFlag::kSet];
  const std::string word = ShellWord(absl::StrCat(size, path));
  if (words.size() + word.size() > kMostWords) End(flag);
  absl::StrAppend(&words, " ", word);
}

std::vector<CureStep> FileLines::Steps() {
  End(DaxFlag::kNone);
  End(DaxFlag::kSet);
  return std::exchange(steps_, {});
}

}  // namespace dmdax
