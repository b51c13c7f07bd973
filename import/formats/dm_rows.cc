// SPDX-License-Identifier: Apache-2.0
#include "import/formats/dm_rows.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "formats/mangle.h"

namespace dmdax {
namespace {

std::string Unescaped(absl::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) ++i;
    out.push_back(text[i]);
  }
  return out;
}

absl::Status ReadDevice(const ImportInput& input, PlaceFinder& places,
                        absl::string_view device, NamesOf names, Facts* facts) {
  const std::vector<absl::string_view> fields = SplitEscaped(device, ',');
  const Place here = places.At(device);
  constexpr size_t kFields = 5;  // and more rows
  if (fields.size() < kFields) {
    return here.Error(absl::StrCat("name,uuid,minor,flags,row is expected; ",
                                   fields.size(), " of these five are in ",
                                   Quoted(device)));
  }
  std::string name(absl::StripAsciiWhitespace(Unescaped(fields[0])));
  if (names == NamesOf::kDmsetup) name = NameBehindShown(name);
  if (name.empty()) return here.Error("the name of a device is expected");
  Mapped& mapped = facts->MappedNamed(name, here);
  const std::string uuid(absl::StripAsciiWhitespace(Unescaped(fields[1])));
  mapped.says_uuid = true;
  if (!uuid.empty()) {
    absl::Status s = Facts::Say(mapped.uuid, uuid, here, name, "uuid");
    if (!s.ok()) return s;
  }
  const absl::string_view minor = absl::StripAsciiWhitespace(fields[2]);
  if (!minor.empty()) {
    uint32_t number;
    if (!absl::SimpleAtoi(minor, &number)) {
      return places.At(fields[2]).Error(
          absl::StrCat("a minor is expected, not ", Quoted(minor)));
    }
    // The major is not said: see Mapped::minor.
    absl::Status s = Facts::Say(mapped.minor, number, here, name, "minor");
    if (!s.ok()) return s;
  }
  const absl::string_view flags = absl::StripAsciiWhitespace(fields[3]);
  if (!flags.empty() && flags != "ro" && flags != "rw") {
    return places.At(fields[3]).Error(
        absl::StrCat("ro or rw is expected, not ", Quoted(flags)));
  }
  mapped.read_only |= flags == "ro";
  std::vector<DmTargetSpec> rows;
  for (size_t i = kFields - 1; i < fields.size(); ++i) {
    if (absl::StripAsciiWhitespace(fields[i]).empty()) continue;
    const std::string row = Unescaped(fields[i]);
    const Place place = places.At(fields[i]);
    LineWords words(input, place.line, row);
    absl::StatusOr<DmTargetSpec> spec = ReadDmRow(words);
    // The row's own columns are not those of the list.
    if (!spec.ok()) {
      const std::string what(spec.status().message());
      const size_t cut = what.find(": ");
      return place.Error(cut == what.npos ? what : what.substr(cut + 2));
    }
    rows.push_back(*std::move(spec));
  }
  return facts->SayTable(mapped, std::move(rows), here);
}

}  // namespace

std::vector<absl::string_view> SplitEscaped(absl::string_view text,
                                            char separator) {
  std::vector<absl::string_view> parts;
  size_t begin = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == separator) {
      parts.push_back(text.substr(begin, i - begin));
      begin = i + 1;
    }
  }
  parts.push_back(text.substr(begin));
  return parts;
}

absl::StatusOr<DmTargetSpec> ReadDmRow(LineWords& words) {
  DmTargetSpec row;
  absl::StatusOr<uint64_t> start = words.Number("a start in sectors");
  if (!start.ok()) return start.status();
  absl::StatusOr<uint64_t> length = words.Number("a length in sectors");
  if (!length.ok()) return length.status();
  row.sector_start = sector_t(*start);
  row.length = *length;
  row.target_type = std::string(words.Word());
  if (row.target_type.empty()) return words.Expected("a target's type");
  row.params = std::string(words.Rest());
  return WithoutKey(std::move(row));
}

absl::Status ReadConciseDevices(const ImportInput& input,
                                absl::string_view text, NamesOf names,
                                Facts* facts) {
  PlaceFinder places(input);
  for (absl::string_view device : SplitEscaped(text, ';')) {
    if (absl::StripAsciiWhitespace(device).empty()) continue;
    absl::Status s =
        facts->SkipLine(ReadDevice(input, places, device, names, facts));
    if (!s.ok()) return s;
  }
  return absl::OkStatus();
}

std::string NameBehindShown(absl::string_view shown) {
  // What dmsetup --manglename none shows stays as it is.
  constexpr size_t kEscape = 4;
  absl::StatusOr<std::string> name =
      Mangle(shown, "name", kEscape * shown.size(), MangleMode::kAuto);
  return name.ok() ? *std::move(name) : std::string(shown);
}

DmTargetSpec WithoutKey(DmTargetSpec row) {
  if (row.target_type != "crypt") return row;
  // <cipher> <key> <iv offset> <dev> <start> ...; a key is hexadecimal, or
  // ":<size>:<type>:<description>" of one in the kernel's keyring.
  std::vector<std::string> words = absl::StrSplit(row.params, ' ');
  if (words.size() < 2) return row;
  std::string& key = words[1];
  uint32_t size;
  const std::vector<std::string> parts = absl::StrSplit(key, ':');
  if (parts.size() >= 3 && parts[0].empty() &&
      absl::SimpleAtoi(parts[1], &size) && size <= 512) {
    key = std::string(size_t{2} * size, '0');
  } else if (!key.empty() && key != "-") {
    key = std::string(key.size(), '0');
  }
  row.params = absl::StrJoin(words, " ");
  return row;
}

}  // namespace dmdax
