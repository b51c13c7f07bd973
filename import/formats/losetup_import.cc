// SPDX-License-Identifier: Apache-2.0
//
// losetup -a: the files that loop devices have their bytes in.
//
//   /dev/loop0: [64768]:131 (/srv/db/disk.img), offset 1048576
//   /dev/loop1: []: (/srv/old.img (deleted))
#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "import/formats/input_lines.h"
#include "import/import_format.h"

namespace dmdax {
namespace {

bool IsLoop(absl::string_view line) {
  return absl::StartsWith(line, "/dev/loop") && absl::StrContains(line, ": [");
}

bool Detect(const ImportInput& input) { return IsLoop(FirstLine(input.text)); }

// What is between the first parenthesis and the last.
std::string FileOf(absl::string_view line) {
  const size_t begin = line.find(" (");
  const size_t end = line.rfind(')');
  if (begin == line.npos || end == line.npos || end < begin + 2) return "";
  absl::string_view file = line.substr(begin + 2, end - begin - 2);
  absl::ConsumeSuffix(&file, " (deleted)");
  return std::string(file);
}

absl::Status Read(const ImportInput& input, Facts* facts) {
  for (InputLines lines(input); lines.Next();) {
    LineWords words = lines.Words();
    const absl::string_view line = lines.line();
    const std::string file = IsLoop(line) ? FileOf(line) : "";
    if (file.empty()) {
      absl::Status s = facts->SkipLine(
          words.Expected("'/dev/loop0: [64768]:131 (/path/of/file)'"));
      if (!s.ok()) return s;
      continue;
    }
    facts->loops.push_back({std::string(line.substr(0, line.find(':'))), file});
  }
  return absl::OkStatus();
}

}  // namespace

extern const ImportFormat kLosetupImport = {"losetup", "losetup -a", Detect,
                                            Read};

}  // namespace dmdax
