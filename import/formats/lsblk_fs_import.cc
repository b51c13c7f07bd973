// SPDX-License-Identifier: Apache-2.0
//
// lsblk -f: what lies on devices, in columns for people.  Sosreports have it.
//
//   NAME     FSTYPE      FSVER LABEL UUID FSAVAIL FSUSE% MOUNTPOINTS
//   pmem0    LVM2_member LVM2 001    abc
//   └─vg-swap swap        1           def                 [SWAP]
//
// Of a row with a letter where a column begins nobody knows which one it has.
#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "import/formats/input_lines.h"
#include "import/import_format.h"

namespace dmdax {
namespace {

constexpr size_t kNone = absl::string_view::npos;

// Where the columns that are read begin, and end.  They are flush left.
struct Columns {
  size_t type = kNone, type_end = kNone;
  size_t label = kNone, label_end = kNone;
  size_t uuid = kNone, uuid_end = kNone;
  size_t mounts = kNone;
};

Columns ColumnsOf(absl::string_view header) {
  Columns columns;
  std::vector<size_t*> ends;
  for (size_t at = 0; at < header.size();) {
    if (header[at] == ' ') {
      ++at;
      continue;
    }
    const size_t end = std::min(header.find(' ', at), header.size());
    const absl::string_view word = header.substr(at, end - at);
    for (size_t* before : ends) *before = at;
    ends.clear();
    if (word == "FSTYPE") {
      columns.type = at;
      ends.push_back(&columns.type_end);
    } else if (word == "LABEL") {
      columns.label = at;
      ends.push_back(&columns.label_end);
    } else if (word == "UUID") {
      columns.uuid = at;
      ends.push_back(&columns.uuid_end);
    } else if (word == "MOUNTPOINT" || word == "MOUNTPOINTS") {
      columns.mounts = at;
    }
    at = end;
  }
  return columns;
}

bool Detect(const ImportInput& input) {
  const absl::string_view line = FirstLine(input.text);
  return absl::StartsWith(line, "NAME ") && ColumnsOf(line).type != kNone &&
         absl::StrContains(line, " UUID");
}

// A row, of which each letter is one byte: of others the first is kept.
std::string Letters(absl::string_view line) {
  std::string letters;
  for (char c : line) {
    if ((static_cast<unsigned char>(c) & 0xc0) != 0x80) letters.push_back(c);
  }
  return letters;
}

// What is between two columns.
std::string Cell(absl::string_view row, size_t begin, size_t end) {
  if (begin == kNone || begin >= row.size()) return "";
  return std::string(absl::StripAsciiWhitespace(
      row.substr(begin, end == kNone ? kNone : end - begin)));
}

// The name at the beginning of a line, behind the branches of the tree.
absl::string_view NameAt(absl::string_view line) {
  const auto is_branch = [](absl::string_view text) {
    const auto c = static_cast<unsigned char>(text[0]);
    return c >= 0x80 || c == ' ' || c == '|' || c == '`' ||
           (c == '-' && text.size() > 1);
  };
  while (!line.empty() && is_branch(line)) line.remove_prefix(1);
  return line.substr(0, line.find(' '));
}

bool Fits(absl::string_view row, const Columns& columns) {
  for (size_t begin :
       {columns.type, columns.label, columns.uuid, columns.mounts}) {
    if (begin != kNone && begin < row.size() && row[begin - 1] != ' ') {
      return false;
    }
  }
  return true;
}

absl::Status Read(const ImportInput& input, Facts* facts) {
  InputLines lines(input);
  if (!lines.Next()) return absl::OkStatus();
  const Columns columns = ColumnsOf(lines.line());
  while (lines.Next()) {
    const std::string row = Letters(lines.line());
    // Each mount beyond the first has a line with nothing but branches there.
    const std::string named = Cell(row, 0, columns.type);
    if (NameAt(named).empty()) continue;
    const std::string name(NameAt(lines.line()));
    if (!Fits(row, columns)) {
      absl::Status s = facts->SkipLine(lines.place().Error(
          "columns below those of the first line are expected"));
      if (!s.ok()) return s;
      continue;
    }
    const std::string mount = Cell(row, columns.mounts, kNone);
    if (absl::StartsWith(mount, "/")) continue;
    const bool swap = mount == "[SWAP]";
    const std::string type = Cell(row, columns.type, columns.type_end);
    if (type.empty() && !swap) continue;
    if (const std::string uuid = Cell(row, columns.uuid, columns.uuid_end);
        type == "LVM2_member" && !uuid.empty()) {
      facts->pvs.push_back({lines.place(), name, uuid});
    }
    facts->uses.push_back({.device = name,
                           .type = swap ? "swap" : type,
                           .label = Cell(row, columns.label, columns.label_end),
                           .active = swap});
  }
  return absl::OkStatus();
}

}  // namespace

extern const ImportFormat kLsblkFsImport = {"lsblk-f", "lsblk -f", Detect,
                                            Read};

}  // namespace dmdax
