// SPDX-License-Identifier: Apache-2.0
//
// dmsetup table --concise: name,uuid,minor,flags,row[,row...][;...].
#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "import/formats/dm_rows.h"
#include "import/formats/input_lines.h"
#include "import/import_format.h"

namespace dmdax {
namespace {

bool Detect(const ImportInput& input) {
  // name,uuid,minor,flags,start length type.
  const absl::string_view line = FirstLine(input.text);
  const std::vector<absl::string_view> fields = SplitEscaped(line, ',');
  if (fields.size() < 5) return false;
  const absl::string_view flags = absl::StripAsciiWhitespace(fields[3]);
  if (!flags.empty() && flags != "ro" && flags != "rw") return false;
  const absl::string_view row = absl::StripAsciiWhitespace(fields[4]);
  const std::vector<absl::string_view> words =
      absl::StrSplit(row, ' ', absl::SkipEmpty());
  return words.size() >= 3 &&
         absl::ascii_isdigit(static_cast<unsigned char>(words[0][0]));
}

absl::Status Read(const ImportInput& input, Facts* facts) {
  facts->live_tables = true;
  return ReadConciseDevices(input, input.text, NamesOf::kDmsetup, facts);
}

}  // namespace

extern const ImportFormat kDmsetupConciseImport = {
    "concise", "dmsetup table --concise", Detect, Read};

}  // namespace dmdax
