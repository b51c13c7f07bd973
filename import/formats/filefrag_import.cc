// SPDX-License-Identifier: Apache-2.0
//
// filefrag -v of any number of files.
#include "absl/strings/match.h"
#include "import/formats/extents_sections.h"
#include "import/formats/input_lines.h"
#include "import/import_format.h"

namespace dmdax {
namespace {

bool Begins(absl::string_view line) {
  return absl::StartsWith(line, "File size of ");
}

bool Detect(const ImportInput& input) {
  const absl::string_view line = FirstLine(input.text);
  return Begins(line) || absl::StartsWith(line, "Filesystem type is: ");
}

absl::Status Read(const ImportInput& input, Facts* facts) {
  // It stands once for all files of a file system, in front of the first.
  uint64_t magic = 0;
  const size_t before = facts->files.size();
  uint64_t next_magic = 0;
  const auto parse = [&](absl::string_view piece) {
    absl::StatusOr<ExtentList> list = ParseFilefrag(piece);
    if (!list.ok()) return list;
    // What stands behind a file's lines is of the next one.
    if (next_magic != 0) magic = next_magic;
    next_magic = list->s_magic;
    if (list->file.empty()) {
      magic = list->s_magic;
      next_magic = 0;
    }
    list->s_magic = magic;
    return list;
  };
  absl::Status s = ReadExtentSections(input, Begins, parse, facts);
  if (s.ok() && facts->files.size() == before) {
    return Place{&input, 1, 1}.Error("'File size of FILE is ...' is expected");
  }
  return s;
}

}  // namespace

extern const ImportFormat kFilefragImport = {"filefrag", "filefrag -v", Detect,
                                             Read};

}  // namespace dmdax
