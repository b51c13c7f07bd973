// SPDX-License-Identifier: Apache-2.0
//
// lsblk -P: NAME="pmem0" MAJ:MIN="259:0" ..., as sosreports have it with -O.
#include <map>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "import/formats/input_lines.h"
#include "import/formats/lsblk_row.h"
#include "import/import_format.h"

namespace dmdax {
namespace {

bool Detect(const ImportInput& input) {
  const absl::string_view line = FirstLine(input.text);
  return absl::StrContains(line, "=\"") &&
         (absl::StartsWith(line, "NAME=\"") ||
          absl::StrContains(line, " NAME=\"")) &&
         (absl::StrContains(line, "MAJ:MIN=\"") ||
          absl::StrContains(line, "MAJ_MIN=\"") ||
          absl::StrContains(line, "TYPE=\""));
}

struct Pair {
  std::string value;
  Place place;
};

// "\x20" is a blank.
std::string Unescape(absl::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    uint32_t code;
    if (i + 3 < text.size() && text[i] == '\\' && text[i + 1] == 'x' &&
        absl::SimpleHexAtoi(text.substr(i + 2, 2), &code)) {
      out.push_back(static_cast<char>(code));
      i += 3;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

// Keys as JSON has them: "maj:min", "log-sec".
absl::StatusOr<std::map<std::string, Pair, std::less<>>> ReadPairs(
    const InputLines& lines) {
  std::map<std::string, Pair, std::less<>> pairs;
  absl::string_view rest = lines.line();
  while (!(rest = absl::StripLeadingAsciiWhitespace(rest)).empty()) {
    const size_t equals = rest.find("=\"");
    const size_t end =
        equals == rest.npos ? rest.npos : rest.find('"', equals + 2);
    if (end == rest.npos) {
      return lines.At(rest).Error(
          absl::StrCat("COLUMN=\"value\" is expected, not ", Quoted(rest)));
    }
    std::string key = absl::AsciiStrToLower(rest.substr(0, equals));
    // Newer versions make the keys names of shell variables.
    if (key == "maj_min") key = "maj:min";
    absl::StrReplaceAll({{"_", "-"}}, &key);
    const absl::string_view value = rest.substr(equals + 2, end - equals - 2);
    pairs[key] = {Unescape(value), lines.At(value)};
    rest.remove_prefix(end + 1);
  }
  return pairs;
}

absl::Status Read(const ImportInput& input, Facts* facts) {
  for (InputLines lines(input); lines.Next();) {
    auto pairs = ReadPairs(lines);
    if (!pairs.ok()) {
      absl::Status s = facts->SkipLine(pairs.status());
      if (!s.ok()) return s;
      continue;
    }
    LsblkRow row;
    row.text = [&](absl::string_view key) {
      auto it = pairs->find(key);
      return it == pairs->end() ? std::string() : it->second.value;
    };
    row.place = [&](absl::string_view key) {
      auto it = pairs->find(key);
      return it == pairs->end() ? lines.place() : it->second.place;
    };
    // Several are separated by a newline, which is printed as \x0a.
    row.mountpoints = absl::StrSplit(row.text("mountpoints"), '\n');
    if (row.mountpoints[0].empty()) {
      row.mountpoints = {row.text("mountpoint")};
    }
    absl::Status s = facts->SkipLine(SayLsblkRow(row, facts));
    if (!s.ok()) return s;
  }
  return absl::OkStatus();
}

}  // namespace

extern const ImportFormat kLsblkPairsImport = {"lsblk-pairs", "lsblk -P -O -b",
                                               Detect, Read};

}  // namespace dmdax
