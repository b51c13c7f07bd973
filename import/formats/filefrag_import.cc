// SPDX-License-Identifier: Apache-2.0
//
// filefrag -v of any number of files.
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "import/formats/extents_sections.h"
#include "import/formats/input_lines.h"
#include "import/import_format.h"

namespace dmdax {
namespace {

bool Begins(absl::string_view line) {
  return absl::StartsWith(line, "File size of ");
}

// "f is 4096 (1 block of 4096 bytes)": where a name ends.
bool EndsName(absl::string_view line) {
  line = absl::StripAsciiWhitespace(line);
  return absl::EndsWith(line, ")") && absl::StrContains(line, " is ") &&
         (absl::StrContains(line, " bytes)") ||
          absl::StrContains(line, ", blocksize "));
}

// What a name begins with that has a line break; "": it has none.  filefrag
// prints it as it is.
absl::string_view BrokenName(absl::string_view piece) {
  absl::string_view name;
  for (absl::string_view line : absl::StrSplit(piece, '\n')) {
    if (!name.empty()) {
      if (EndsName(line)) return name;
    } else if (absl::ConsumePrefix(&line, "File size of ")) {
      if (EndsName(line)) return "";
      name = line;
    }
  }
  return "";
}

// What it says of a file that it cannot ask for, with the name in front, where
// both of its outputs were kept.
constexpr absl::string_view kComplaints[] = {"FIBMAP/FIEMAP unsupported",
                                             "FIBMAP requires root privileges",
                                             "Permission denied",
                                             "No such file or directory",
                                             "Operation not supported",
                                             "Operation not permitted",
                                             "Inappropriate ioctl for device",
                                             "Is a directory"};

// The text without such lines; their files are left out.
std::string WithoutComplaints(absl::string_view piece, Facts* facts,
                              bool* has_any) {
  std::vector<std::string> lines = absl::StrSplit(piece, '\n');
  for (std::string& line : lines) {
    for (absl::string_view complaint : kComplaints) {
      absl::string_view name = line;
      if (!absl::ConsumeSuffix(&name, complaint) ||
          !absl::ConsumeSuffix(&name, ": ")) {
        continue;
      }
      const std::string why = absl::StrCat("filefrag says: ", complaint);
      if (absl::StartsWith(name, "/")) {
        facts->LeaveOut({}, std::string(name), why);
      } else {
        facts->NoteOnce(absl::StrCat("a file is left out: ", why));
      }
      *has_any = true;
      line = "#";  // the lines behind it keep their numbers
      break;
    }
  }
  return absl::StrJoin(lines, "\n");
}

bool Detect(const ImportInput& input) {
  const absl::string_view line = FirstLine(input.text);
  return Begins(line) || absl::StartsWith(line, "Filesystem type is: ");
}

absl::Status Read(const ImportInput& input, Facts* facts) {
  // It stands once for all files of a file system, in front of the first.
  uint64_t magic = 0;
  uint64_t next_magic = 0;
  bool has_any = false;  // file, also one that is left out
  const auto parse =
      [&](absl::string_view piece) -> absl::StatusOr<ExtentList> {
    // Whoever may make a file may give it such a name; that must not cost the
    // others theirs.
    if (const absl::string_view name = BrokenName(piece); !name.empty()) {
      facts->NoteOnce(absl::StrCat(
          input.name, ": a file is left out whose name has a line break: '",
          name.substr(0, 80), "...'"));
      has_any = true;
      return ExtentList();
    }
    has_any |= Begins(piece);
    absl::StatusOr<ExtentList> list =
        ParseFilefrag(WithoutComplaints(piece, facts, &has_any));
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
  if (s.ok() && !has_any) {
    return Place{&input, 1, 1}.Error("'File size of FILE is ...' is expected");
  }
  return s;
}

}  // namespace

extern const ImportFormat kFilefragImport = {"filefrag", "filefrag -v", Detect,
                                             Read};

}  // namespace dmdax
