// SPDX-License-Identifier: Apache-2.0
//
// /proc/partitions: numbers, sizes and names of block devices.
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "import/formats/input_lines.h"
#include "import/import_format.h"

namespace dmdax {
namespace {

bool Detect(const ImportInput& input) {
  const absl::string_view line = FirstLine(input.text);
  return absl::StartsWith(line, "major minor") &&
         absl::StrContains(line, "#blocks");
}

absl::Status ReadLine(const InputLines& lines, Facts* facts) {
  LineWords words = lines.Words();
  uint64_t number[3];
  constexpr const char* kWhat[] = {"a major number", "a minor number",
                                   "a number of KiB"};
  for (size_t i = 0; i < 3; ++i) {
    absl::StatusOr<uint64_t> n = words.Number(kWhat[i]);
    if (!n.ok()) return n.status();
    number[i] = *n;
  }
  const std::string name(words.Word());
  if (name.empty()) return words.Expected("a device's name");
  if (number[0] >= 4096 || number[1] >= (1u << 20) ||
      number[2] >= (uint64_t{1} << 53)) {
    return lines.place().Error("a number is out of range");
  }
  const DevT dev{static_cast<uint32_t>(number[0]),
                 static_cast<uint32_t>(number[1])};
  // Rounded down to KiB.
  const SizeRange size{number[2] * 1024, number[2] * 1024 + 512};
  absl::Status s;
  if (absl::StartsWith(name, "dm-")) {
    // Its dm name is for others to say.
    KernelDm& dm = facts->KernelDmNamed(name, lines.place());
    s = Facts::Say(dm.dev, dev, lines.place(), name, "number");
    if (s.ok()) s = Facts::SaySize(dm.size, size, lines.place(), name);
  } else if (!absl::StartsWith(name, "ram")) {
    Disk& disk = facts->DiskNamed(name, lines.place());
    s = Facts::Say(disk.dev, dev, lines.place(), name, "number");
    if (s.ok()) s = Facts::SaySize(disk.size, size, lines.place(), name);
  }
  return s;
}

absl::Status Read(const ImportInput& input, Facts* facts) {
  InputLines lines(input);
  if (!lines.Next()) return absl::OkStatus();
  while (lines.Next()) {
    absl::Status s = facts->SkipLine(ReadLine(lines, facts));
    if (!s.ok()) return s;
  }
  return absl::OkStatus();
}

}  // namespace

extern const ImportFormat kPartitionsImport = {"partitions", "/proc/partitions",
                                               Detect, Read};

}  // namespace dmdax
