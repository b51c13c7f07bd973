// SPDX-License-Identifier: Apache-2.0
#include "run/notify/mount_info.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/errno_status.h"

namespace dmdax::run {

bool IsMountInfo(absl::string_view path) {
  return absl::StartsWith(path, "/proc/") && absl::EndsWith(path, "/mountinfo");
}

std::string WithoutDisks(absl::string_view text) {
  constexpr size_t kNumber = 2;  // "36 35 98:0 ...", the third word
  std::vector<std::string> lines;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    std::vector<std::string> words = absl::StrSplit(line, ' ');
    // File systems without a disk have major 0.
    if (words.size() > kNumber && !absl::StartsWith(words[kNumber], "0:")) {
      words[kNumber] =
          absl::StrCat("0", words[kNumber].substr(words[kNumber].find(':')));
    }
    lines.push_back(absl::StrJoin(words, " "));
  }
  return absl::StrJoin(lines, "\n");
}

absl::StatusOr<Fd> OpenMountInfo(const std::string& path) {
  std::ifstream in(path);
  if (!in) return ErrnoError(errno, path);
  const std::string text =
      WithoutDisks(std::string(std::istreambuf_iterator<char>(in), {}));
  Fd out(memfd_create("mountinfo", MFD_CLOEXEC));
  if (!out.ok() ||
      write(out.get(), text.data(), text.size()) !=
          static_cast<ssize_t>(text.size()) ||
      lseek(out.get(), 0, SEEK_SET) != 0) {
    return ErrnoError(errno, "no file of memory");
  }
  return out;
}

}  // namespace dmdax::run
