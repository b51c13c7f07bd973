// SPDX-License-Identifier: Apache-2.0
//
// dmsetup table, of all devices ("name: 0 8 linear 259:0 0") or of one.
#include <algorithm>
#include <map>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "import/formats/dm_rows.h"
#include "import/formats/input_lines.h"
#include "import/import_format.h"

namespace dmdax {
namespace {

bool AllDigits(absl::string_view word) {
  return !word.empty() && std::all_of(word.begin(), word.end(), [](char c) {
    return absl::ascii_isdigit(static_cast<unsigned char>(c));
  });
}

// The first word, which is taken off.
absl::string_view TakeWord(absl::string_view* text) {
  text->remove_prefix(std::min(text->find_first_not_of(" \t"), text->size()));
  const absl::string_view word = text->substr(0, text->find_first_of(" \t"));
  text->remove_prefix(word.size());
  return word;
}

bool LooksLikeRow(absl::string_view text) {
  if (!AllDigits(TakeWord(&text)) || !AllDigits(TakeWord(&text))) return false;
  const absl::string_view type = TakeWord(&text);
  return !type.empty() && !AllDigits(type);
}

// Where the row begins behind "name: "; npos if this is no such line.  dmsetup
// prints a name as it is, with blanks and colons: what looks like a row begins
// behind the last colon that it can.
size_t RowAfterName(absl::string_view line) {
  for (size_t colon = line.rfind(": "); colon != line.npos && colon > 0;
       colon = line.rfind(": ", colon - 1)) {
    if (LooksLikeRow(line.substr(colon + 1))) return colon + 1;
  }
  // A row that makes no sense, or a device without a table.
  const size_t blank = line.find_first_of(" \t");
  const size_t end = blank == line.npos ? line.size() : blank;
  if (end >= 2 && line[end - 1] == ':') return end;
  const absl::string_view text = absl::StripTrailingAsciiWhitespace(line);
  if (text.size() >= 2 && text.back() == ':') return text.size();
  return line.npos;
}

bool Detect(const ImportInput& input) {
  const absl::string_view line = FirstLine(input.text);
  if (absl::StartsWith(line, "No devices found")) return true;
  if (LooksLikeRow(line)) return true;
  const size_t row = RowAfterName(line);
  return row != line.npos && LooksLikeRow(line.substr(row));
}

// dmsetup status has the same form: linear has nothing behind it, striped a
// device where tables have the chunk.
bool IsStatus(const DmTargetSpec& row) {
  if (row.target_type == "linear") return row.params.empty();
  const std::vector<absl::string_view> words =
      absl::StrSplit(row.params, ' ', absl::SkipEmpty());
  return row.target_type == "striped" && words.size() > 1 &&
         !AllDigits(words[1]);
}

// "home" for "tables/home.table".
std::string NameFromPath(absl::string_view path) {
  path = path.substr(path.rfind('/') + 1);
  const size_t dot = path.rfind('.');
  if (dot != path.npos && dot != 0) path = path.substr(0, dot);
  return path.empty() || path == "-" ? "dm" : std::string(path);
}

// Which device's table a line has, and where its row begins.
struct TableLine {
  std::string name;
  size_t row_at = 0;
  bool nameless = false;
};

TableLine ParseTableLine(const ImportInput& input, absl::string_view line) {
  const size_t row_at = RowAfterName(line);
  if (row_at == line.npos) return {NameFromPath(input.path), 0, true};
  return {NameBehindShown(line.substr(0, row_at - 1)), row_at};
}

struct Table {
  std::vector<DmTargetSpec> rows;
  Place place;
  bool odd = false;  // a line of it is left out
};

// The tables that may have a row in the line that is left out.
void MarkCut(const ImportInput& input, std::map<std::string, Table>* tables) {
  const TableLine at = ParseTableLine(input, input.cut);
  if (!at.nameless) {
    Table& table = (*tables)[at.name];
    if (table.place.input == nullptr) table.place = Place{&input};
    table.odd = true;
    return;
  }
  for (auto& [name, table] : *tables) {
    // The name may be cut too.
    table.odd |= name == at.name || absl::StartsWith(name, input.cut) ||
                 absl::StrCat(name, ":") == input.cut;
  }
}

absl::Status Read(const ImportInput& input, Facts* facts) {
  std::map<std::string, Table> tables;
  for (InputLines lines(input); lines.Next();) {
    absl::string_view line = lines.line();
    if (line[0] == '#') continue;
    if (absl::StartsWith(line, "No devices found")) {
      facts->live_tables = true;
      continue;
    }
    const TableLine at = ParseTableLine(input, line);
    if (at.nameless && tables.empty()) {
      facts->Note(lines.place(),
                  absl::StrCat("a table without a name: called '", at.name,
                               "' as the file is"));
    }
    Table& table = tables[at.name];
    if (table.place.input == nullptr) table.place = lines.place();
    LineWords words(input, lines.number(), line, at.row_at);
    if (words.Done()) continue;  // a device without a table
    absl::StatusOr<DmTargetSpec> row = ReadDmRow(words);
    if (!row.ok()) {
      absl::Status s = facts->SkipLine(row.status());
      if (!s.ok()) return s;
      table.odd = true;
      continue;
    }
    if (IsStatus(*row)) {
      facts->Note(Place{&input},
                  "dmsetup status says nothing of tables: not used");
      return absl::OkStatus();
    }
    table.rows.push_back(*std::move(row));
  }
  facts->live_tables = true;
  if (!input.cut.empty()) MarkCut(input, &tables);
  for (auto& [name, table] : tables) {
    Mapped& mapped = facts->MappedNamed(name, table.place);
    // One that lacks a row is another one.
    if (table.odd) {
      mapped.odd_table = input.cut.empty()
                             ? "a line of its table makes no sense"
                             : "a line of its table makes no sense, or is cut";
      continue;
    }
    absl::Status s =
        facts->SayTable(mapped, std::move(table.rows), table.place);
    if (!s.ok()) return s;
  }
  return absl::OkStatus();
}

}  // namespace

extern const ImportFormat kDmsetupTableImport = {"table", "dmsetup table",
                                                 Detect, Read};

}  // namespace dmdax
