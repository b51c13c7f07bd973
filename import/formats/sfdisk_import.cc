// SPDX-License-Identifier: Apache-2.0
//
// sfdisk -d DISK: where partitions begin.
//
//   label: gpt
//   device: /dev/pmem0
//   unit: sectors
//   sector-size: 512
//
//   /dev/pmem0p1 : start=        2048, size=   524288, type=0FC6...
#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "import/formats/boot_part.h"
#include "import/formats/input_lines.h"
#include "import/import_format.h"

namespace dmdax {
namespace {

bool Detect(const ImportInput& input) {
  const absl::string_view head = absl::string_view(input.text).substr(0, 4096);
  return absl::StrContains(head, "device: /dev/") &&
         absl::StrContains(head, "unit: sectors") &&
         absl::StrContains(absl::string_view(input.text), "start=");
}

class Reader {
 public:
  explicit Reader(Facts* facts) : facts_(*facts) {}

  absl::Status Line(const InputLines& lines) {
    absl::string_view line = absl::StripAsciiWhitespace(lines.line());
    if (absl::ConsumePrefix(&line, "device: ")) {
      disk_ = std::string(absl::StripPrefix(line, "/dev/"));
      sector_bytes_ = 512;
      return absl::OkStatus();
    }
    if (absl::ConsumePrefix(&line, "sector-size: ")) {
      if (absl::SimpleAtoi(line, &sector_bytes_) && sector_bytes_ >= 512 &&
          sector_bytes_ <= 65536 && sector_bytes_ % 512 == 0) {
        return absl::OkStatus();
      }
      return lines.At(line).Error(
          absl::StrCat("512 or 4096 is expected, not ", Quoted(line)));
    }
    const size_t colon = line.find(" : ");
    if (colon == line.npos || !absl::ConsumePrefix(&line, "/dev/")) {
      return absl::OkStatus();
    }
    return Partition(lines, line);
  }

 private:
  // "pmem0p1 : start= 2048, size= 524288, type=83"
  absl::Status Partition(const InputLines& lines, absl::string_view line) {
    const size_t colon = line.find(" : ");
    const std::string name(line.substr(0, colon));
    // The partitions of mapped devices are mapped devices.
    if (absl::StrContains(name, "/")) return absl::OkStatus();
    const Place at = lines.place();
    Disk& part = facts_.DiskNamed(name, at);
    absl::Status s =
        Facts::Say(part.type, std::string("part"), at, name, "type");
    if (s.ok()) s = Facts::Say(part.parent, disk_, at, name, "disk");
    bool extended = false;
    std::optional<uint64_t> start, size;
    for (absl::string_view word : absl::StrSplit(line.substr(colon + 3), ',')) {
      word = absl::StripAsciiWhitespace(word);
      // Of an extended one the kernel shows no more than its first sectors.
      extended |= word == "type=5" || word == "type=f" || word == "type=85";
      absl::string_view type = word;
      if (absl::ConsumePrefix(&type, "type=") && !BootPart(type).empty()) {
        facts_.uses.push_back({.device = absl::StrCat("/dev/", name),
                               .type = std::string(BootPart(type))});
      }
      for (auto& [key, value] :
           {std::pair("start=", &start), std::pair("size=", &size)}) {
        absl::string_view text = word;
        if (!absl::ConsumePrefix(&text, key)) continue;
        uint64_t n;
        text = absl::StripLeadingAsciiWhitespace(text);
        constexpr uint64_t kMost = uint64_t{1} << 54;
        if (!absl::SimpleAtoi(text, &n) || n > kMost) {
          return lines.At(word).Error(absl::StrCat(
              "a number of sectors is expected, not ", Quoted(text)));
        }
        *value = n * (sector_bytes_ / 512);
      }
    }
    if (s.ok() && start) s = Facts::Say(part.start, *start, at, name, "start");
    if (!s.ok() || !size) return s;
    if (extended) {
      *size = std::min(*size, std::max(sector_bytes_, uint64_t{1024}) / 512);
    }
    return Facts::SaySize(part.size, SizeRange::Exactly(*size * 512), at, name);
  }

  Facts& facts_;
  std::string disk_;
  uint64_t sector_bytes_ = 512;  // what the numbers count
};

absl::Status Read(const ImportInput& input, Facts* facts) {
  Reader reader(facts);
  for (InputLines lines(input); lines.Next();) {
    if (absl::Status s = reader.Line(lines); !s.ok()) return s;
  }
  return absl::OkStatus();
}

}  // namespace

extern const ImportFormat kSfdiskImport = {"sfdisk", "sfdisk -d DISK", Detect,
                                           Read};

}  // namespace dmdax
