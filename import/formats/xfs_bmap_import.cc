// SPDX-License-Identifier: Apache-2.0
//
// xfs_bmap -v and xfs_io's fiemap -v of any number of files.
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "import/formats/extents_sections.h"
#include "import/formats/input_lines.h"
#include "import/import_format.h"

namespace dmdax {
namespace {

// "/mnt/f:", also "/mnt/f: no extents".
bool Begins(absl::string_view line) {
  line = absl::StripTrailingAsciiWhitespace(line);
  return !line.empty() &&
         !absl::ascii_isspace(static_cast<unsigned char>(line[0])) &&
         !absl::ascii_isdigit(static_cast<unsigned char>(line[0])) &&
         (absl::EndsWith(line, ":") || absl::EndsWith(line, ": no extents"));
}

bool Detect(const ImportInput& input) {
  const absl::string_view line = FirstLine(input.text);
  if (!Begins(line)) return false;
  const absl::string_view head =
      absl::string_view(input.text).substr(0, line.size() + 1024);
  return absl::EndsWith(line, ": no extents") ||
         absl::StrContains(head, "AG-OFFSET") ||
         absl::StrContains(head, "BLOCK-RANGE") ||
         absl::StrContains(head, "0: [0..");
}

absl::StatusOr<ExtentList> Parse(absl::string_view piece) {
  const bool fiemap = absl::StrContains(piece, "BLOCK-RANGE") &&
                      !absl::StrContains(piece, "AG-OFFSET");
  absl::StatusOr<ExtentList> list =
      fiemap ? ParseXfsIoFiemap(piece) : ParseXfsBmap(piece);
  constexpr uint64_t kXfsSuperMagic = 0x58465342;
  if (list.ok()) list->s_magic = kXfsSuperMagic;
  return list;
}

absl::Status Read(const ImportInput& input, Facts* facts) {
  return ReadExtentSections(input, Begins, Parse, facts);
}

}  // namespace

extern const ImportFormat kXfsBmapImport = {"xfs_bmap", "xfs_bmap -v", Detect,
                                            Read};

}  // namespace dmdax
