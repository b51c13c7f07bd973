// SPDX-License-Identifier: Apache-2.0
//
// /proc/iomem: where persistent memory begins.  Without root the kernel shows
// zeros in place of addresses.
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "import/formats/input_lines.h"
#include "import/import_format.h"

namespace dmdax {
namespace {

// "  100000000-11fffffff : namespace0.0"
bool SplitLine(absl::string_view line, IomemRange* range) {
  const absl::string_view text = absl::StripLeadingAsciiWhitespace(line);
  const size_t dash = text.find('-');
  const size_t colon = text.find(" : ");
  if (dash == text.npos || colon == text.npos || dash > colon) return false;
  range->depth = (line.size() - text.size()) / 2;
  range->name = std::string(absl::StripAsciiWhitespace(text.substr(colon + 3)));
  return absl::SimpleHexAtoi(text.substr(0, dash), &range->start) &&
         absl::SimpleHexAtoi(text.substr(dash + 1, colon - dash - 1),
                             &range->end);
}

bool Detect(const ImportInput& input) {
  IomemRange range;
  const absl::string_view line = FirstLine(input.text);
  // /proc/ioports has 16 bits.
  return SplitLine(line, &range) && line.find('-') >= 8;
}

absl::Status Read(const ImportInput& input, Facts* facts) {
  bool addresses = false;
  for (InputLines lines(input); lines.Next();) {
    IomemRange range;
    if (!SplitLine(lines.line(), &range)) {
      return lines.place().Error(absl::StrCat(
          "first-last : name is expected, not ", Quoted(lines.line())));
    }
    if (range.end < range.start) {
      return lines.place().Error("the range ends before it begins");
    }
    if (range.end != 0) addresses = true;
    range.place = lines.place();
    facts->iomem.push_back(std::move(range));
  }
  if (!addresses) {
    facts->iomem.clear();
    facts->Note(Place{&input},
                "only zeros: addresses need root (sudo cat /proc/iomem)");
  }
  return absl::OkStatus();
}

}  // namespace

extern const ImportFormat kIomemImport = {"iomem", "/proc/iomem", Detect, Read};

}  // namespace dmdax
