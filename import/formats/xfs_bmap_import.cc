// SPDX-License-Identifier: Apache-2.0
//
// xfs_bmap -v and xfs_io's fiemap -v of any number of files.
#include <cerrno>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
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

bool IsFiemap(absl::string_view text) {
  return absl::StrContains(text, "BLOCK-RANGE") &&
         !absl::StrContains(text, "AG-OFFSET");
}

absl::Status Read(const ImportInput& input, Facts* facts) {
  // Of a file without extents xfs_bmap says so, and fiemap nothing.
  const bool may_be_silent = IsFiemap(input.text);
  const auto parse = [&](absl::string_view piece) {
    absl::StatusOr<ExtentList> list =
        IsFiemap(piece) ? ParseXfsIoFiemap(piece) : ParseXfsBmap(piece);
    if (!list.ok()) return list;
    const absl::string_view first = FirstLine(piece);
    if (!may_be_silent && !list->file.empty() &&
        !absl::EndsWith(absl::StripTrailingAsciiWhitespace(first),
                        ": no extents") &&
        FirstLine(piece.substr(static_cast<size_t>(first.data() + first.size() -
                                                   piece.data())))
            .empty()) {
      return absl::StatusOr<ExtentList>(ErrnoError(
          EINVAL, absl::StrCat("line 1, column 1: ", Quoted(list->file),
                               " has neither rows nor 'no extents' behind "
                               "it: is it cut?")));
    }
    constexpr uint64_t kXfsSuperMagic = 0x58465342;
    list->s_magic = kXfsSuperMagic;
    return list;
  };
  return ReadExtentSections(input, Begins, parse, facts);
}

}  // namespace

extern const ImportFormat kXfsBmapImport = {"xfs_bmap", "xfs_bmap -v", Detect,
                                            Read};

}  // namespace dmdax
