// SPDX-License-Identifier: Apache-2.0
#include "import/look_alike.h"

#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "import/formats/input_lines.h"
#include "import/import_input.h"

namespace dmdax {
namespace {

// The errors of a shell and of the C library, as commands end their first line
// with.
constexpr absl::string_view kFailures[] = {
    "Permission denied", "Operation not permitted",   "command not found",
    "not found",         "No such file or directory", "must be root",
    "No such device",    "Incompatible libdevmapper", "are you root?",
};

// "UUID=abc / ext4 defaults 0 1"
bool IsFstabLine(absl::string_view line) {
  const std::vector<absl::string_view> words =
      absl::StrSplit(line, absl::ByAnyChar(" \t"), absl::SkipEmpty());
  if (words.size() < 4 || words.size() > 6) return false;
  const bool device = absl::StartsWith(words[0], "/dev/") ||
                      absl::StrContains(words[0], "UUID=") ||
                      absl::StrContains(words[0], "LABEL=");
  return device && (absl::StartsWith(words[1], "/") || words[1] == "none" ||
                    words[1] == "swap");
}

}  // namespace

std::string LookAlike(absl::string_view text) {
  const absl::string_view line = FirstLine(text);
  if (absl::StartsWith(line, "NAME ") && absl::StrContains(line, "MAJ:MIN")) {
    return "a table of lsblk for people: lsblk -J -b -O has all that it says";
  }
  if (absl::StartsWith(line, "TARGET ") && absl::StrContains(line, " SOURCE")) {
    return "a table of findmnt for people: findmnt -J has all that it says";
  }
  if (absl::StartsWith(line, "Name: ") &&
      absl::StrContains(text, "\nState: ") &&
      absl::StrContains(text, "\nMajor, minor: ")) {
    return "what dmsetup info says to people: dmsetup info -c has all of it";
  }
  if (IsFstabLine(line)) {
    return "an fstab, which says what is to be mounted: /proc/mounts says what "
           "is";
  }
  const bool failed =
      absl::c_any_of(kFailures, [line](absl::string_view failure) {
        return absl::EndsWithIgnoreCase(line, failure) ||
               absl::EndsWithIgnoreCase(line, absl::StrCat(failure, "."));
      });
  if (!failed) return "";
  return absl::StrCat("what a command says that failed, ", Quoted(line),
                      ": most of them want root");
}

}  // namespace dmdax
