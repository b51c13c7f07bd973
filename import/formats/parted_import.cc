// SPDX-License-Identifier: Apache-2.0
//
// parted -s DISK unit s print, as sosreports have it: where partitions begin.
//
//   Disk /dev/pmem0: 1048576s
//   Number  Start  End      Size     File system  Name  Flags
//    1      2048s  526335s  524288s  ext4
#include <algorithm>

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

class Reader {
 public:
  Reader(const ImportInput& input, Facts* facts)
      : input_(input), facts_(*facts) {}

  absl::Status Run() {
    for (InputLines lines(input_); lines.Next();) {
      absl::Status s = Line(lines);
      if (!s.ok()) return s;
    }
    return absl::OkStatus();
  }

 private:
  absl::Status Line(const InputLines& lines) {
    absl::string_view line = lines.line();
    if (absl::StartsWith(line, "Model: ")) {
      disk_.clear();
      table_ = false;
      sector_bytes_ = 512;
      sector_place_ = {};
    } else if (absl::ConsumePrefix(&line, "Disk /dev/")) {
      const size_t colon = std::min(line.find(':'), line.size());
      disk_ = std::string(line.substr(0, colon));
      disk_place_ = lines.place();
      LineWords words(input_, lines.number(), lines.line(),
                      lines.line().size() - (line.size() - colon) + 1);
      absl::StatusOr<uint64_t> sectors =
          Sectors(words, "a size such as 1048576s");
      if (!sectors.ok()) return sectors.status();
      disk_sectors_ = *sectors;
    } else if (absl::ConsumePrefix(&line, "Sector size (logical/physical): ")) {
      uint32_t bytes;
      if (!absl::SimpleAtoi(line.substr(0, line.find('B')), &bytes) ||
          bytes < 512 || bytes % 512 != 0) {
        return lines.At(line).Error(
            absl::StrCat("512B/4096B is expected, not ", Quoted(line)));
      }
      sector_bytes_ = bytes;
      sector_place_ = lines.At(line);
    } else if (absl::StartsWith(line, "Number")) {
      table_ = true;
      return SayDisk();
    } else if (table_ && !disk_.empty()) {
      return Partition(lines);
    }
    return absl::OkStatus();
  }

  // The partitions of mapped devices are mapped devices.
  bool IsMapped() const { return absl::StrContains(disk_, "/"); }

  absl::StatusOr<SizeRange> Bytes(uint64_t sectors, const Place& place) const {
    if (sectors <= UINT64_MAX / sector_bytes_) {
      return SizeRange::Exactly(sectors * sector_bytes_);
    }
    return place.Error(absl::StrCat(sectors, " sectors of ", sector_bytes_,
                                    " bytes are more than there can be"));
  }

  absl::Status SayDisk() {
    if (disk_.empty() || IsMapped()) return absl::OkStatus();
    absl::StatusOr<SizeRange> size = Bytes(disk_sectors_, disk_place_);
    if (!size.ok()) return size.status();
    Disk& disk = facts_.DiskNamed(disk_, disk_place_);
    absl::Status s = Facts::SaySize(disk.size, *size, disk_place_, disk_);
    if (!s.ok() || sector_place_.input == nullptr) return s;
    return Facts::Say(disk.queue["logical_block_size"], sector_bytes_,
                      sector_place_, disk_, "logical_block_size");
  }

  absl::Status Partition(const InputLines& lines) {
    LineWords words = lines.Words();
    absl::StatusOr<uint64_t> number = words.Number("a partition's number");
    if (!number.ok()) return number.status();
    absl::StatusOr<uint64_t> start = Sectors(words, "a start such as 2048s");
    if (!start.ok()) return start.status();
    absl::StatusOr<uint64_t> end = Sectors(words, "an end such as 526335s");
    if (!end.ok()) return end.status();
    absl::StatusOr<uint64_t> length = Sectors(words, "a size such as 524288s");
    if (!length.ok()) return length.status();
    if (*end < *start || *end - *start != *length - 1) {
      return words.place().Error(absl::StrCat(
          "the size ", *length, " is not that of ", *start, " to ", *end));
    }
    if (IsMapped()) return absl::OkStatus();
    const bool digit_last =
        absl::ascii_isdigit(static_cast<unsigned char>(disk_.back()));
    const std::string name =
        absl::StrCat(disk_, digit_last ? "p" : "", *number);
    const Place at = lines.place();
    absl::StatusOr<SizeRange> first = Bytes(*start, at);
    absl::StatusOr<SizeRange> size = Bytes(*length, at);
    if (!first.ok() || !size.ok()) {
      return first.ok() ? size.status() : first.status();
    }
    Disk& part = facts_.DiskNamed(name, at);
    absl::Status s =
        Facts::Say(part.type, std::string("part"), at, name, "type");
    if (s.ok()) s = Facts::Say(part.parent, disk_, at, name, "disk");
    if (s.ok()) {
      s = Facts::Say(part.start, first->least / 512, at, name, "start");
    }
    if (!s.ok()) return s;
    // Of an extended partition the kernel shows no more than its first sectors.
    if (words.Word() == "extended") {
      const uint64_t shown = std::max(sector_bytes_, uint64_t{1024});
      size = SizeRange::Exactly(std::min(size->least, shown));
    }
    return Facts::SaySize(part.size, *size, at, name);
  }

  const ImportInput& input_;
  Facts& facts_;
  std::string disk_;
  Place disk_place_;
  uint64_t disk_sectors_ = 0;
  uint64_t sector_bytes_ = 512;  // logical ones, which "s" counts
  Place sector_place_;           // where it is said
  bool table_ = false;
};

absl::Status Read(const ImportInput& input, Facts* facts) {
  return Reader(input, facts).Run();
}

}  // namespace

extern const ImportFormat kPartedImport = {
    "parted", "parted -s DISK unit s print", Detect, Read};

}  // namespace dmdax
