// SPDX-License-Identifier: Apache-2.0
//
// /etc/fstab: what will be mounted at the next boot.
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "import/formats/input_lines.h"
#include "import/formats/octal_blanks.h"
#include "import/import_format.h"

namespace dmdax {
namespace {

std::vector<absl::string_view> SplitLine(absl::string_view line) {
  return absl::StrSplit(line, absl::ByAnyChar(" \t"), absl::SkipEmpty());
}

// "UUID=1234 /data xfs defaults 0 0"; the numbers may be left away.
bool IsFstab(const std::vector<absl::string_view>& w) {
  return w.size() >= 4 && w.size() <= 6 &&
         (absl::StartsWith(w[1], "/") || w[1] == "none" || w[1] == "swap");
}

// A line with a device's path looks like one of /proc/mounts.
bool Detect(const ImportInput& input) {
  const std::vector<absl::string_view> words = SplitLine(FirstLine(input.text));
  if (!IsFstab(words)) return false;
  const absl::string_view path = input.path;
  return path.substr(path.rfind('/') + 1) == "fstab" ||
         absl::StrContains(words[0], "UUID=") ||
         absl::StrContains(words[0], "LABEL=");
}

absl::Status Read(const ImportInput& input, Facts* facts) {
  for (InputLines lines(input); lines.Next();) {
    const std::vector<absl::string_view> w = SplitLine(lines.line());
    if (w[0][0] == '#') continue;
    if (!IsFstab(w)) {
      absl::Status s = facts->SkipLine(lines.place().Error(
          absl::StrCat("'device path type options' is expected, not ",
                       Quoted(lines.line()))));
      if (!s.ok()) return s;
      continue;
    }
    facts->fstab.push_back({.place = lines.place(),
                            .source = WithOctalBlanks(w[0]),
                            .path = WithOctalBlanks(w[1]),
                            .type = std::string(w[2]),
                            .options = OptionsWithOctalBlanks(w[3])});
  }
  return absl::OkStatus();
}

}  // namespace

extern const ImportFormat kFstabImport = {"fstab", "/etc/fstab", Detect, Read,
                                          LastLine::kAny};

}  // namespace dmdax
