// SPDX-License-Identifier: Apache-2.0
//
// uname -r, uname -a, /proc/version: the kernel's release.
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "import/formats/input_lines.h"
#include "import/import_format.h"

namespace dmdax {
namespace {

bool IsRelease(absl::string_view word) {
  // 6.1.0-56-amd64, 5.14.0-427.el9.x86_64, 6.12
  size_t dots = 0;
  size_t digits = 0;
  for (char c : word) {
    if (absl::ascii_isdigit(static_cast<unsigned char>(c))) {
      ++digits;
    } else if (c == '.' && digits > 0) {
      ++dots;
      digits = 0;
    } else {
      break;
    }
  }
  return dots >= 1 && (digits > 0 || dots >= 2);
}

// The release in a line, or "".
absl::string_view ReleaseIn(absl::string_view line) {
  const std::vector<absl::string_view> words =
      absl::StrSplit(line, ' ', absl::SkipEmpty());
  if (words.size() == 1 && IsRelease(words[0])) return words[0];
  if (words.size() > 2 && words[0] == "Linux" &&
      (words[1] == "version" || words.size() > 3) && IsRelease(words[2])) {
    return words[2];
  }
  return "";
}

bool Detect(const ImportInput& input) {
  const absl::string_view line = FirstLine(input.text);
  return line.size() < 1024 && !ReleaseIn(line).empty();
}

absl::Status Read(const ImportInput& input, Facts* facts) {
  InputLines lines(input);
  if (!lines.Next()) return absl::OkStatus();
  const absl::string_view release = ReleaseIn(lines.line());
  if (release.empty()) {
    return lines.place().Error("a kernel's release is expected");
  }
  absl::Status s = Facts::Say(facts->kernel, std::string(release),
                              lines.At(release), "the kernel", "release");
  while (s.ok() && lines.Next()) {
    const absl::string_view other = ReleaseIn(lines.line());
    if (other.empty()) continue;
    s = Facts::Say(facts->kernel, std::string(other), lines.At(other),
                   "the kernel", "release");
  }
  return s;
}

}  // namespace

extern const ImportFormat kKernelImport = {"uname", "uname -r", Detect, Read,
                                           LastLine::kAny};

}  // namespace dmdax
