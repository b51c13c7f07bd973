// SPDX-License-Identifier: Apache-2.0
#include "tools/dmsetup/report/selection_operators.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"

namespace dmdax {
namespace {

// Longer operators stand before their beginnings.
constexpr SelectionComparison kComparisons[] = {
    {"=~", "=~", "Matching regular expression. [regex]"},
    {"!~", "!~", "Not matching regular expression. [regex]"},
    {"=", "=", "Equal to. [number, size, percent, string, string list, time]"},
    {"!=", "!=",
     "Not equal to. [number, size, percent, string, string_list, time]"},
    {">=", ">=", "Greater than or equal to. [number, size, percent, time]"},
    {">", ">", "Greater than. [number, size, percent, time]"},
    {"<=", "<=", "Less than or equal to. [number, size, percent, time]"},
    {"<", "<", "Less than. [number, size, percent, time]"},
    {"since", "", "Since specified time (same as '>='). [time]"},
    {"after", "", "After specified time (same as '>'). [time]"},
    {"until", "", "Until specified time (same as '<='). [time]"},
    {"before", "", "Before specified time (same as '<'). [time]"},
};

struct Logical {
  absl::string_view token;
  absl::string_view description;
};

constexpr Logical kLogical[] = {
    {"&&", "All fields must match"},
    {",", "All fields must match"},
    {"||", "At least one field must match"},
    {"#", "At least one field must match"},
    {"!", "Logical negation"},
    {"(", "Left parenthesis"},
    {")", "Right parenthesis"},
    {"[", "List start"},
    {"]", "List end"},
    {"{", "List subset start"},
    {"}", "List subset end"},
};

}  // namespace

const SelectionComparison* TakeComparison(absl::string_view& s) {
  const absl::string_view at = absl::StripLeadingAsciiWhitespace(s);
  for (const SelectionComparison& c : kComparisons) {
    if (absl::StartsWith(at, c.token)) {
      s = at.substr(c.token.size());
      return &c;
    }
  }
  return nullptr;
}

std::string SelectionHelp() {
  std::string text =
      "Selection operands\n"
      "------------------\n"
      "  field               - Reporting field.\n"
      "  number              - Non-negative integer value.\n"
      "  size                - Floating point value with units, 'm' unit used "
      "by default if not specified.\n"
      "  percent             - Non-negative integer with or without % suffix.\n"
      "  string              - Characters quoted by ' or \" or unquoted.\n"
      "  string list         - Strings enclosed by [ ] or { } and elements "
      "delimited by either\n"
      "                        \"all items must match\" or \"at least one item "
      "must match\" operator.\n"
      "  regular expression  - Characters quoted by ' or \" or unquoted.\n"
      " \n"
      "Selection operators\n"
      "-------------------\n"
      "  Comparison operators:\n";
  for (const SelectionComparison& c : kComparisons) {
    absl::StrAppendFormat(&text, "    %6s  - %s\n", c.token, c.description);
  }
  absl::StrAppend(&text, " \n  Logical and grouping operators:\n");
  for (const Logical& l : kLogical) {
    absl::StrAppendFormat(&text, "    %4s  - %s\n", l.token, l.description);
  }
  return text + " \n";
}

}  // namespace dmdax
