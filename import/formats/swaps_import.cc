// SPDX-License-Identifier: Apache-2.0
//
// /proc/swaps, and what swapon --show prints: swap that is in use.
//
//   Filename     Type        Size     Used  Priority
//   /dev/dm-2    partition   2097148  0     -2
#include <cstdint>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "import/formats/input_lines.h"
#include "import/formats/octal_blanks.h"
#include "import/import_format.h"

namespace dmdax {
namespace {

bool Detect(const ImportInput& input) {
  const absl::string_view line = FirstLine(input.text);
  return (absl::StartsWith(line, "Filename") &&
          absl::StrContains(line, "Priority")) ||
         (absl::StartsWith(line, "NAME") && absl::StrContains(line, "TYPE") &&
          absl::StrContains(line, "PRIO"));
}

absl::Status Read(const ImportInput& input, Facts* facts) {
  InputLines lines(input);
  if (!lines.Next()) return absl::OkStatus();
  while (lines.Next()) {
    LineWords words = lines.Words();
    const std::string device = WithOctalBlanks(words.Word());
    const absl::string_view type = words.Word();
    if (type == "file") {  // it is on a file system
      facts->swap_files.push_back(device);
      continue;
    }
    if (type != "partition") {
      absl::Status s = facts->SkipLine(
          words.Expected("'partition' or 'file', the kind of the swap,"));
      if (!s.ok()) return s;
      continue;
    }
    UseFact use{.device = device, .type = "swap", .active = true};
    words.Word();  // its size
    words.Word();  // what is used of it
    // Those that the kernel chooses are below 0.
    uint32_t priority = 0;
    if (absl::SimpleAtoi(words.Word(), &priority)) use.priority = priority;
    facts->uses.push_back(std::move(use));
  }
  return absl::OkStatus();
}

}  // namespace

extern const ImportFormat kSwapsImport = {"swaps", "/proc/swaps", Detect, Read};

}  // namespace dmdax
