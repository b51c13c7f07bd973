// SPDX-License-Identifier: Apache-2.0
//
// /proc/iomem: where persistent memory begins.  Without root the kernel shows
// zeros in place of addresses.
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
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

// The kernel's resources are a tree: each lies in the one above it, and behind
// the one before it.  So deep it is printed (MAX_IORES_LEVEL); what lies
// deeper is at this depth too.
constexpr size_t kDeepest = 5;

class Tree {
 public:
  absl::Status Add(const IomemRange& range) {
    if (open_.size() > range.depth + 1) open_.resize(range.depth + 1);
    if (range.depth >= kDeepest || range.depth > open_.size()) {
      return absl::OkStatus();
    }
    // Without root all are 0.
    const auto said = [](const IomemRange& r) { return r.end != 0; };
    if (range.depth < open_.size()) {
      const IomemRange& before = open_[range.depth];
      if (said(before) && said(range) && range.start <= before.end) {
        return Refuse(range, "begins before the end of", before);
      }
      open_.resize(range.depth);
    }
    if (range.depth > 0) {
      const IomemRange& above = open_[range.depth - 1];
      if (said(above) && said(range) &&
          (range.start < above.start || range.end > above.end)) {
        return Refuse(range, "is not inside", above);
      }
    }
    open_.push_back(range);
    return absl::OkStatus();
  }

 private:
  static absl::Status Refuse(const IomemRange& range, absl::string_view what,
                             const IomemRange& other) {
    return range.place.Error(absl::StrFormat(
        "%s at 0x%x-0x%x %s %s at 0x%x-0x%x, %s", Quoted(range.name),
        range.start, range.end, what, Quoted(other.name), other.start,
        other.end, other.place.ToString()));
  }

  std::vector<IomemRange> open_;  // the last at each depth
};

absl::Status Read(const ImportInput& input, Facts* facts) {
  bool addresses = false;
  Tree tree;
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
    if (absl::Status s = tree.Add(range); !s.ok()) return s;
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
