// SPDX-License-Identifier: Apache-2.0
//
// blkid: /dev/mapper/vg-home: LABEL="home" UUID="..." TYPE="ext4"
#include <optional>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "import/formats/input_lines.h"
#include "import/import_format.h"

namespace dmdax {
namespace {

bool Detect(const ImportInput& input) {
  const absl::string_view line = FirstLine(input.text);
  const size_t colon = line.find(": ");
  return absl::StartsWith(line, "/dev/") && colon != line.npos &&
         absl::StrContains(line.substr(colon), "=\"");
}

// The value of KEY="value" at the beginning of `text`, of which it is taken; a
// backslash is before a quote that is part of it.  Nothing: there is no end.
std::optional<std::string> TakeValue(absl::string_view* text) {
  std::string value;
  for (size_t i = 0; i < text->size(); ++i) {
    const char c = (*text)[i];
    if (c == '"') {
      text->remove_prefix(i + 1);
      return value;
    }
    const bool escapes = c == '\\' && i + 1 < text->size() &&
                         ((*text)[i + 1] == '"' || (*text)[i + 1] == '\\');
    value.push_back(escapes ? (*text)[++i] : c);
  }
  return std::nullopt;
}

absl::Status ReadLine(const InputLines& lines, Facts* facts) {
  absl::string_view rest = lines.line();
  const size_t colon = rest.find(": ");
  if (colon == rest.npos) {
    return lines.place().Error(absl::StrCat(
        "/dev/NAME: KEY=\"value\" is expected, not ", Quoted(rest)));
  }
  UseFact use{.device = std::string(rest.substr(0, colon))};
  std::string uuid;
  uint32_t block_size = 0;
  rest.remove_prefix(colon + 2);
  while (!(rest = absl::StripLeadingAsciiWhitespace(rest)).empty()) {
    const absl::string_view pair = rest;
    const size_t equals = rest.find("=\"");
    const absl::string_view key = rest.substr(0, equals);
    if (equals != rest.npos) rest.remove_prefix(equals + 2);
    const std::optional<std::string> value =
        equals == rest.npos ? std::nullopt : TakeValue(&rest);
    if (!value) {
      return lines.At(pair).Error(
          absl::StrCat("KEY=\"value\" is expected, not ", Quoted(pair)));
    }
    if (key == "TYPE") use.type = *value;
    if (key == "LABEL") use.label = *value;
    if (key == "UUID") uuid = *value;
    if (key == "BLOCK_SIZE" && !absl::SimpleAtoi(*value, &block_size)) {
      return lines.At(pair).Error(
          absl::StrCat("a size in bytes is expected, not ", Quoted(*value)));
    }
  }
  if (use.type == "LVM2_member" && !uuid.empty()) {
    facts->pvs.push_back({lines.place(), use.device, std::move(uuid)});
  }
  // Of xfs it is the size of a sector.
  for (absl::string_view ext : {"ext2", "ext3", "ext4"}) {
    if (use.type == ext) use.block_size = block_size;
  }
  // A partition table has a PTTYPE alone.
  if (!use.type.empty()) facts->uses.push_back(std::move(use));
  return absl::OkStatus();
}

absl::Status Read(const ImportInput& input, Facts* facts) {
  for (InputLines lines(input); lines.Next();) {
    absl::Status s = facts->SkipLine(ReadLine(lines, facts));
    if (!s.ok()) return s;
  }
  return absl::OkStatus();
}

}  // namespace

extern const ImportFormat kBlkidImport = {"blkid", "blkid", Detect, Read};

}  // namespace dmdax
