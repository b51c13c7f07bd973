// SPDX-License-Identifier: Apache-2.0
//
// parted -s DISK unit s print, as sosreports have it: where partitions begin.
//
//   Disk /dev/pmem0: 1048576s
//   Number  Start  End      Size     File system  Name  Flags
//    1      2048s  526335s  524288s  ext4
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "import/formats/input_lines.h"
#include "import/import_format.h"

namespace dmdax {
namespace {

bool Detect(const ImportInput& input) {
  const absl::string_view head = absl::string_view(input.text).substr(0, 4096);
  return (absl::StartsWith(head, "Model: ") ||
          absl::StrContains(head, "\nModel: ")) &&
         absl::StrContains(head, "\nDisk /dev/") &&
         absl::StrContains(head, "Number");
}

absl::StatusOr<uint64_t> Sectors(LineWords& words, absl::string_view what) {
  absl::string_view word = words.Word();
  uint64_t n;
  if (absl::ConsumeSuffix(&word, "s") && absl::SimpleAtoi(word, &n)) return n;
  return words.Expected(what);
}

absl::Status Read(const ImportInput& input, Facts* facts) {
  std::string disk;
  bool table = false;
  for (InputLines lines(input); lines.Next();) {
    absl::string_view line = lines.line();
    if (absl::ConsumePrefix(&line, "Disk /dev/")) {
      disk = std::string(line.substr(0, line.find(':')));
      continue;
    }
    if (absl::StartsWith(line, "Number")) {
      table = true;
      continue;
    }
    if (!table || disk.empty()) continue;
    LineWords words = lines.Words();
    absl::StatusOr<uint64_t> number = words.Number("a partition's number");
    if (!number.ok()) return number.status();
    absl::StatusOr<uint64_t> start = Sectors(words, "a start such as 2048s");
    if (!start.ok()) return start.status();
    const bool digit_last =
        absl::ascii_isdigit(static_cast<unsigned char>(disk.back()));
    const std::string name = absl::StrCat(disk, digit_last ? "p" : "", *number);
    // The partitions of mapped devices are mapped devices.
    if (absl::StrContains(disk, "/")) continue;
    Disk& part = facts->DiskNamed(name, lines.place());
    absl::Status s =
        Facts::Say(part.type, std::string("part"), lines.place(), name, "type");
    if (s.ok()) {
      s = Facts::Say(part.parent, disk, lines.place(), name, "disk");
    }
    if (s.ok())
      s = Facts::Say(part.start, *start, lines.place(), name, "start");
    if (!s.ok()) return s;
  }
  return absl::OkStatus();
}

}  // namespace

extern const ImportFormat kPartedImport = {
    "parted", "parted -s DISK unit s print", Detect, Read};

}  // namespace dmdax
