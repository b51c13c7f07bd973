// SPDX-License-Identifier: Apache-2.0
#include "tools/dmsetup/table_hints.h"

#include <algorithm>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/nearest.h"
#include "dm/device_mapper.h"

namespace dmdax {
namespace {

constexpr size_t kMostHints = 4;
constexpr size_t kMostRows = 1000;  // that are looked at

bool IsNumber(absl::string_view word) {
  return !word.empty() &&
         std::all_of(word.begin(), word.end(), absl::ascii_isdigit);
}

size_t Digits(absl::string_view word) {
  return std::min(word.find_first_not_of("0123456789"), word.size());
}

// "8k", "0x800", "1.5": a number that is not decimal sectors.  Much else begins
// with a digit: 259:0, a key.
bool LooksLikeNumber(absl::string_view word) {
  const absl::string_view rest = word.substr(Digits(word));
  if (word.empty() || rest.empty() || rest.size() == word.size()) return false;
  const bool has_unit =
      absl::StrContains("kmgtps", absl::ascii_tolower(rest[0]));
  const absl::string_view behind = rest.substr(1);
  if (has_unit && (behind.empty() || absl::EqualsIgnoreCase(behind, "b") ||
                   absl::EqualsIgnoreCase(behind, "ib"))) {
    return true;
  }
  return absl::StartsWithIgnoreCase(word, "0x") ||
         (rest[0] == '.' && IsNumber(rest.substr(1)));
}

std::string NumberHint(absl::string_view word) {
  const size_t digits = Digits(word);
  return absl::StrCat("'", word, "' is read as ", word.substr(0, digits),
                      "; sectors of 512 bytes are decimal numbers without a "
                      "unit");
}

std::string TypeHint(const Machine& machine, absl::string_view type) {
  std::vector<std::string> known;
  for (const TargetType* t : KnownTargetTypes(machine.profile())) {
    if (t->name == type) return "";
    known.push_back(std::string(t->name));
  }
  return absl::StrCat("no target '", type, "'", DidYouMean(type, known),
                      known.empty() ? "" : "; dmdax targets lists them");
}

// Why a word that stands where a device may be is none, or "".
std::string DeviceHint(const Machine& machine, absl::string_view word) {
  if (!absl::StartsWith(word, "/")) {
    const std::string path = absl::StrCat("/dev/", word);
    const std::string mapper = absl::StrCat("/dev/mapper/", word);
    for (const std::string& there : {path, mapper}) {
      if (machine.LookupBdev(there).ok()) {
        return absl::StrCat("'", word, "' is no path; ", there, " is");
      }
    }
    return "";
  }
  if (!absl::StartsWith(word, "/dev/") || machine.LookupBdev(word).ok()) {
    return "";
  }
  // All of them, also where only a part of the machine was asked for.
  std::vector<std::string> nodes;
  for (const auto& [path, dev] : machine.Nodes()) nodes.push_back(path);
  const std::string near = DidYouMean(word, nodes);
  if (!near.empty()) return absl::StrCat("no device ", word, near);
  constexpr size_t kShown = 6;
  std::string list;
  for (size_t i = 0; i < std::min(nodes.size(), kShown); ++i) {
    absl::StrAppend(&list, i == 0 ? "; there are " : ", ", nodes[i]);
  }
  return absl::StrCat("no device ", word, list,
                      nodes.size() > kShown ? ", ..." : "");
}

std::string RowHint(const Machine& machine, absl::string_view row) {
  const std::vector<absl::string_view> words =
      absl::StrSplit(row, absl::ByAnyChar(" \t\r"), absl::SkipEmpty());
  for (size_t i = 0; i < std::min<size_t>(2, words.size()); ++i) {
    if (LooksLikeNumber(words[i])) return NumberHint(words[i]);
  }
  if (words.size() < 3) return "";
  if (std::string hint = TypeHint(machine, words[2]); !hint.empty()) {
    return hint;
  }
  for (size_t i = 3; i < words.size(); ++i) {
    std::string hint = DeviceHint(machine, words[i]);
    if (!hint.empty()) return hint;
    if (LooksLikeNumber(words[i])) return NumberHint(words[i]);
  }
  return "";
}

}  // namespace

std::vector<std::string> TableHints(const Machine& machine,
                                    absl::string_view table) {
  std::vector<std::string> hints;
  if (absl::ConsumePrefix(&table, "\xef\xbb\xbf")) {
    hints.push_back(
        "the table begins with a byte order mark, which is invisible; save it "
        "without");
  }
  size_t number = 0;
  for (absl::string_view row : absl::StrSplit(table, '\n')) {
    if (++number > kMostRows || hints.size() == kMostHints) break;
    if (number == 1 && absl::EndsWith(row, "\r")) {
      hints.push_back(
          "the lines end with a carriage return, as those of Windows do");
    }
    row = absl::StripAsciiWhitespace(row);
    if (row.empty() || row[0] == '#') continue;
    std::string hint = RowHint(machine, row);
    if (!hint.empty()) {
      hints.push_back(absl::StrCat("row ", number, ": ", hint));
    }
  }
  return hints;
}

}  // namespace dmdax
