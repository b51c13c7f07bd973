// SPDX-License-Identifier: Apache-2.0
//
// lsattr FILE... of e2fsprogs, and xfs_io -c lsattr FILE.
//
//   ----i---------e-x----- /db/data
//   r----------------- /x/rt            xfs_io, with a blank at the end
#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "import/formats/input_lines.h"
#include "import/import_format.h"

namespace dmdax {
namespace {

// A letter or '-' for each flag that the program knows.
constexpr size_t kFewestFlags = 14, kMostFlags = 32;
// e2fsprogs knows 'x' from 1.45.7 on, and since then so many flags.
constexpr size_t kFlagsWithDax = 21;
// xfs_io's, of which 'x' is one in all versions.
constexpr size_t kXfsFlags = 17;

// The flags that a line begins with; "": it is no such line.
absl::string_view FlagsOf(absl::string_view line) {
  const absl::string_view flags = line.substr(0, line.find(' '));
  const bool all = absl::c_all_of(flags, [](char c) {
    return c == '-' || absl::ascii_isalpha(static_cast<unsigned char>(c));
  });
  // Most are not set.
  const bool few =
      absl::c_count(flags, '-') * 2 > static_cast<int>(flags.size());
  return all && few && flags.size() >= kFewestFlags &&
                 flags.size() <= kMostFlags && line.size() > flags.size() + 1
             ? flags
             : "";
}

bool IsComplaint(absl::string_view line) {
  return absl::StartsWith(line, "lsattr: ");
}

bool Detect(const ImportInput& input) {
  const absl::string_view line = FirstLine(input.text);
  return !FlagsOf(line).empty();
}

absl::Status ReadLine(const InputLines& lines, Facts* facts) {
  absl::string_view line = lines.line();
  const absl::string_view flags = FlagsOf(line);
  if (flags.empty()) {
    return lines.place().Error(
        "flags and a path are expected, as in '--------------e------- /f'");
  }
  absl::string_view path = line.substr(flags.size() + 1);
  // An editor may have taken the blank; e2fsprogs of so few flags has no 'x',
  // and none has an 'r'.
  const bool xfs_io =
      flags.size() == kXfsFlags &&
      (absl::ConsumeSuffix(&path, " ") || absl::StrContains(flags, "x") ||
       absl::StrContains(flags, "r"));
  if (!absl::StartsWith(path, "/")) {
    facts->NoteOnce(absl::StrCat(lines.place().input->name,
                                 ": files without their whole path: left out "
                                 "(lsattr /...)"));
    return absl::OkStatus();
  }
  FlagFact fact{.place = lines.place(), .path = std::string(path)};
  fact.dax = absl::StrContains(flags, "x");
  fact.immutable = absl::StrContains(flags, "i");
  fact.append_only = absl::StrContains(flags, "a");
  if (xfs_io) {
    fact.realtime = flags[0] == 'r';
    fact.says_realtime = true;
  } else {
    fact.never_dax = absl::c_any_of(absl::string_view("EVNj"), [&](char c) {
      return absl::StrContains(flags, absl::string_view(&c, 1));
    });
    if (!fact.dax && flags.size() < kFlagsWithDax) {
      facts->NoteOnce(absl::StrCat(
          lines.place().input->name,
          ": this lsattr shows no DAX flag (x): that of e2fsprogs 1.46 does, "
          "and xfs_io -c stat"));
      fact.says_dax = false;
    }
  }
  facts->flags.push_back(std::move(fact));
  return absl::OkStatus();
}

absl::Status Read(const ImportInput& input, Facts* facts) {
  for (InputLines lines(input); lines.Next();) {
    if (IsComplaint(lines.line()) || lines.line()[0] == '#') continue;
    absl::Status s = facts->SkipLine(ReadLine(lines, facts));
    if (!s.ok()) return s;
  }
  return absl::OkStatus();
}

}  // namespace

extern const ImportFormat kLsattrImport = {"lsattr", "lsattr FILE...", Detect,
                                           Read};

}  // namespace dmdax
