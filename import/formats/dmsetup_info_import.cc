// SPDX-License-Identifier: Apache-2.0
//
// dmsetup info -c (also --noheadings, --separator, other columns), and
// dmsetup ls: names, numbers, uuids.
#include <algorithm>
#include <cstddef>
#include <map>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "import/formats/dm_rows.h"
#include "import/formats/input_lines.h"
#include "import/import_format.h"

namespace dmdax {
namespace {

using Columns = std::vector<absl::string_view>;

// What --noheadings has: name:254:0:L--w:0:1:0:uuid.
constexpr absl::string_view kDefault[] = {"Name", "Maj",  "Min",   "Stat",
                                          "Open", "Targ", "Event", "UUID"};

bool IsStat(absl::string_view word) {
  return word.size() == 4 && (word[0] == 'L' || word[0] == '-') &&
         (word[1] == 'I' || word[1] == '-') &&
         (word[2] == 's' || word[2] == '-') &&
         (word[3] == 'w' || word[3] == 'r');
}

bool IsHeading(absl::string_view line) {
  return absl::StrContains(line, "Name") && absl::StrContains(line, "Maj") &&
         absl::StrContains(line, "Min");
}

// "vg-home	(254:0)" or "(254, 0)".
bool IsLs(absl::string_view line) {
  const size_t open = line.rfind('(');
  return open != line.npos && open > 1 &&
         absl::ascii_isspace(static_cast<unsigned char>(line[open - 1])) &&
         absl::EndsWith(absl::StripTrailingAsciiWhitespace(line), ")") &&
         open + 1 < line.size() &&
         absl::ascii_isdigit(static_cast<unsigned char>(line[open + 1]));
}

// The character between the columns of a heading; ' ' for any blanks.
char SeparatorOf(absl::string_view heading) {
  for (char c : heading) {
    if (!absl::ascii_isalpha(static_cast<unsigned char>(c)) && c != '#') {
      return absl::ascii_isspace(static_cast<unsigned char>(c)) ? ' ' : c;
    }
  }
  return ' ';
}

Columns Split(absl::string_view line, char separator) {
  if (separator == ' ') {
    return absl::StrSplit(line, absl::ByAnyChar(" \t"), absl::SkipEmpty());
  }
  Columns columns = absl::StrSplit(line, separator);
  for (absl::string_view& c : columns) c = absl::StripAsciiWhitespace(c);
  return columns;
}

bool Detect(const ImportInput& input) {
  const absl::string_view line = FirstLine(input.text);
  if (IsHeading(line)) return true;
  const Columns fields = Split(line, ':');
  if (fields.size() >= 7 && IsStat(fields[3])) return true;
  if (!IsLs(line)) return false;
  // dmsetup ls --tree goes on with branches.
  for (const char* branch : {" `-", " |-", "\u2514", "\u251c"}) {
    if (absl::StrContains(input.text, branch)) return false;
  }
  return true;
}

absl::Status SayDevice(const InputLines& lines,
                       const std::map<absl::string_view, absl::string_view>& at,
                       Facts* facts) {
  const auto field = [&](absl::string_view name) {
    auto it = at.find(name);
    return it == at.end() ? absl::string_view() : it->second;
  };
  const std::string name = NameBehindShown(field("Name"));
  if (name.empty()) return lines.place().Error("a device's name is expected");
  DevT dev;
  for (auto [key, slot] :
       {std::pair("Maj", &dev.major_nr), std::pair("Min", &dev.minor_nr)}) {
    if (!absl::SimpleAtoi(field(key), slot)) {
      return lines.At(field(key).empty() ? lines.line() : field(key))
          .Error(absl::StrCat("a number is expected in the column ", key,
                              ", not ", Quoted(field(key))));
    }
  }
  Mapped& mapped = facts->MappedNamed(name, lines.place());
  absl::Status s = Facts::Say(mapped.dev, dev, lines.place(), name, "number");
  if (s.ok()) {
    s = Facts::Say(facts->dm_major, dev.major_nr, lines.place(),
                   "device-mapper", "major");
  }
  const absl::string_view uuid = field("UUID");
  mapped.says_uuid |= at.contains("UUID");
  if (s.ok() && !uuid.empty()) {
    s = Facts::Say(mapped.uuid, std::string(uuid), lines.place(), name, "uuid");
  }
  if (uint64_t rows = 0; s.ok() && absl::SimpleAtoi(field("Targ"), &rows)) {
    s = Facts::Say(mapped.nr_rows, rows, lines.place(), name, "number of rows");
  }
  // Of two inputs the one that saw more.
  if (uint32_t open = 0; absl::SimpleAtoi(field("Open"), &open)) {
    mapped.open = std::max(mapped.open, open);
  }
  const absl::string_view stat = field("Stat");
  if (IsStat(stat)) {
    mapped.no_live_table = stat[0] == '-';
    mapped.suspended = stat[2] == 's';
    mapped.read_only |= stat[3] == 'r';
  }
  return s;
}

absl::Status ReadLs(const InputLines& lines, Facts* facts) {
  const absl::string_view line = lines.line();
  const size_t open = line.rfind('(');
  std::string number(absl::StripTrailingAsciiWhitespace(line.substr(open + 1)));
  std::replace(number.begin(), number.end(), ',', ':');
  const std::vector<absl::string_view> parts = absl::StrSplit(
      absl::string_view(number).substr(0, number.size() - 1), ':');
  if (parts.size() != 2) {
    return lines.At(line.substr(open)).Error("(major:minor) is expected");
  }
  return SayDevice(lines,
                   {{"Name", absl::StripAsciiWhitespace(line.substr(0, open))},
                    {"Maj", absl::StripAsciiWhitespace(parts[0])},
                    {"Min", absl::StripAsciiWhitespace(parts[1])}},
                   facts);
}

// A name may have blanks, which part the columns: all that is before the
// numbers.
void JoinName(const Columns& heading, absl::string_view line, Columns* fields) {
  if (heading.size() < 4 || heading[0] != "Name" || heading[1] != "Maj" ||
      heading[2] != "Min" || heading[3] != "Stat") {
    return;
  }
  const auto is_number = [](absl::string_view word) {
    uint32_t number;
    return absl::SimpleAtoi(word, &number);
  };
  for (size_t i = fields->size(); i-- > 4;) {
    const Columns& f = *fields;
    if (!IsStat(f[i]) || !is_number(f[i - 1]) || !is_number(f[i - 2])) continue;
    const absl::string_view name = absl::StripAsciiWhitespace(
        line.substr(0, static_cast<size_t>(f[i - 2].data() - line.data())));
    fields->erase(fields->begin(),
                  fields->begin() + static_cast<std::ptrdiff_t>(i) - 3);
    fields->front() = name;
    return;
  }
}

absl::Status ReadRow(const InputLines& lines, const Columns& heading,
                     char separator, Facts* facts) {
  const absl::string_view line = lines.line();
  if (IsLs(line)) return ReadLs(lines, facts);
  Columns fields = Split(line, separator);
  if (separator == ' ') JoinName(heading, line, &fields);
  // A device without a uuid leaves the last column out.
  if (fields.size() != heading.size() &&
      !(fields.size() + 1 == heading.size() && heading.back() == "UUID")) {
    return lines.place().Error(absl::StrCat(heading.size(),
                                            " columns are expected, not ",
                                            fields.size(), ": ", Quoted(line)));
  }
  std::map<absl::string_view, absl::string_view> at;
  for (size_t i = 0; i < heading.size(); ++i) {
    at[heading[i]] = i < fields.size() ? fields[i] : "";
  }
  return SayDevice(lines, at, facts);
}

absl::Status Read(const ImportInput& input, Facts* facts) {
  Columns heading(std::begin(kDefault), std::end(kDefault));
  char separator = ':';
  for (InputLines lines(input); lines.Next();) {
    const absl::string_view line = lines.line();
    if (absl::StartsWith(line, "No devices found")) continue;
    if (IsHeading(line)) {
      separator = SeparatorOf(absl::StripLeadingAsciiWhitespace(line));
      heading = Split(line, separator);
      continue;
    }
    absl::Status s = facts->SkipLine(ReadRow(lines, heading, separator, facts));
    if (!s.ok()) return s;
  }
  return absl::OkStatus();
}

}  // namespace

extern const ImportFormat kDmsetupInfoImport = {"info", "dmsetup info -c",
                                                Detect, Read};

}  // namespace dmdax
