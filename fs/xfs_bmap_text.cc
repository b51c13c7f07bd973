// SPDX-License-Identifier: Apache-2.0
//
// What xfs_bmap -v and xfs_io's fiemap -v print (io/bmap.c and io/fiemap.c of
// xfsprogs), and both without -v.  Their rows tell the whole file from its
// first sector on, holes too, so that a row that is missing is noticed.
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/units.h"
#include "fs/extent_lines.h"
#include "fs/extents_text.h"

namespace dmdax {
namespace {

enum class Printer { kBmap, kFiemap };

// The words of the heading of -v; FLAGS may be left out.
constexpr absl::string_view kBmapHeading =
    "EXT: FILE-OFFSET BLOCK-RANGE AG AG-OFFSET TOTAL FLAGS";
constexpr absl::string_view kFiemapHeading =
    "EXT: FILE-OFFSET BLOCK-RANGE TOTAL FLAGS";

// An octal number of fixed width; so many digits it has at least.
constexpr size_t kBmapFlagDigits = 5;

bool ParseBmapFlags(absl::string_view word, uint32_t* flags) {
  uint32_t bits = 0;
  for (const char c : word) {
    if (c < '0' || c > '7') return false;
    bits = bits << 3 | static_cast<uint32_t>(c - '0');
  }
  *flags = ((bits & 010000) ? uint32_t{FIEMAP_EXTENT_UNWRITTEN} : 0) |
           ((bits & 0100000) ? uint32_t{FIEMAP_EXTENT_SHARED} : 0);
  return word.size() >= kBmapFlagDigits && word.size() <= 10;
}

class XfsParser {
 public:
  explicit XfsParser(Printer printer) : printer_(printer) {}

  absl::StatusOr<ExtentList> Parse(absl::string_view text) {
    size_t number = 0;
    for (absl::string_view line : absl::StrSplit(text, '\n')) {
      LineScanner scan(line, ++number);
      const absl::Status status = Line(line, scan);
      if (!status.ok()) return status;
    }
    // Of a file without extents there is no heading.
    if (verbose_ && rows_ == 0) {
      return LineScanner("", number)
          .Error("the text ends after its heading, without a row: is it cut?");
    }
    return list_;
  }

 private:
  absl::Status Line(absl::string_view line, LineScanner& scan) {
    absl::string_view bare = absl::StripAsciiWhitespace(line);
    if (bare.empty() || bare[0] == '#') return absl::OkStatus();
    const bool first = std::exchange(first_, false);
    // What -vv explains them with, behind all rows.
    if (bare == "FLAG Values:") explains_ = rows_ > 0;
    if (explains_) return absl::OkStatus();
    if (IsExtentLine(line)) return Row(scan);
    if (first && absl::ConsumeSuffix(&bare, ": no extents")) {
      list_.file = std::string(bare);
      return absl::OkStatus();
    }
    if (first && absl::ConsumeSuffix(&bare, ":")) {
      list_.file = std::string(bare);
      return absl::OkStatus();
    }
    if (rows_ == 0 && !verbose_ && absl::StartsWith(bare, "EXT:")) {
      return Heading(bare, scan);
    }
    scan.SkipBlanks();
    return scan.Expected("a row as in '0: [0..7]: 192..199'");
  }

  absl::Status Heading(absl::string_view bare, const LineScanner& scan) {
    const std::vector<absl::string_view> words =
        absl::StrSplit(bare, ' ', absl::SkipEmpty());
    const absl::string_view whole =
        printer_ == Printer::kBmap ? kBmapHeading : kFiemapHeading;
    const std::string had = absl::StrJoin(words, " ");
    if (absl::StrContains(had, " RT-BLOCK-RANGE ")) {
      return scan.Error(
          "dmdax: not modelled: a file on the realtime device of its file "
          "system (RT-BLOCK-RANGE)");
    }
    if (had != whole && absl::StrCat(had, " FLAGS") != whole) {
      return scan.Error(absl::StrCat("the heading '", kBmapHeading, "' or '",
                                     kFiemapHeading, "' is expected, not '",
                                     absl::CHexEscape(had.substr(0, 80)), "'"));
    }
    verbose_ = true;
    // Of a file on the realtime device there is no AG.
    list_.on_data_device = printer_ == Printer::kBmap;
    return absl::OkStatus();
  }

  //   0: [0..16383]:      192..16575        0 (192..16575)     16384 010000
  //   1: [16384..16391]:  hole                                     8
  absl::Status Row(LineScanner& scan) {
    uint64_t n, first, last;
    absl::Status status = scan.Number(&n);
    if (status.ok() && n != rows_) {
      return scan.Error(
          absl::StrCat("row ", n, ", where ", rows_, " is expected"));
    }
    if (status.ok()) status = scan.Expect(":");
    if (status.ok()) status = scan.Expect("[");
    if (status.ok()) status = scan.Range(&first, &last);
    if (!status.ok()) return status;
    if (first != next_) {
      return scan.Error(absl::StrCat("the row begins at sector ", first,
                                     ", where ", next_, " is expected"));
    }
    status = scan.Expect("]:");
    if (status.ok()) status = Blocks(first, last, scan);
    if (!status.ok()) return status;
    ++rows_;
    next_ = last + 1;
    return absl::OkStatus();
  }

  absl::Status Blocks(uint64_t first, uint64_t last, LineScanner& scan) {
    const uint64_t length = last - first + 1;
    if (scan.Take("hole")) return Total(length, scan, nullptr);
    uint32_t flags = 0;
    uint64_t pfirst = 0;
    absl::Status status;
    if (scan.Take("delalloc")) {
      flags = FIEMAP_EXTENT_DELALLOC;
      status = Total(length, scan, nullptr);
    } else {
      status = RangeOf(length, &pfirst, scan);
      if (status.ok() && verbose_ && printer_ == Printer::kBmap) {
        uint64_t ag, ag_first;
        status = scan.Number(&ag);
        if (status.ok()) status = scan.Expect("(");
        if (status.ok()) status = RangeOf(length, &ag_first, scan);
        if (status.ok()) status = scan.Expect(")");
      }
      if (status.ok()) status = Total(length, scan, &flags);
    }
    if (!status.ok()) return status;
    const char* wrong =
        AppendExtent(first, pfirst, length, kSectorSize, flags, &list_);
    return wrong == nullptr ? absl::OkStatus() : scan.Error(wrong);
  }

  absl::Status RangeOf(uint64_t length, uint64_t* first, LineScanner& scan) {
    uint64_t last;
    absl::Status status = scan.Range(first, &last);
    if (!status.ok() || last - *first == length - 1) return status;
    return scan.Error(absl::StrCat(*first, "..", last, " are not the ", length,
                                   " sectors of the row"));
  }

  // What -v has behind the blocks, and nothing behind that.
  absl::Status Total(uint64_t length, LineScanner& scan, uint32_t* flags) {
    uint64_t total;
    if (verbose_) {
      absl::Status status = scan.Number(&total);
      if (!status.ok()) return status;
      if (total != length) {
        return scan.Error(absl::StrCat("the total ", total, " is not the ",
                                       length, " sectors of the row"));
      }
    }
    if (scan.Done()) return absl::OkStatus();
    if (!verbose_ || flags == nullptr) return scan.Expected("the end");
    const std::string word = scan.Word();
    const bool good =
        printer_ == Printer::kBmap
            ? ParseBmapFlags(word, flags)
            : absl::StartsWith(word, "0x") && absl::SimpleHexAtoi(word, flags);
    if (!good) {
      return scan.Error(absl::StrCat(
          printer_ == Printer::kBmap ? "flags as in 010000"
                                     : "flags as in 0x801",
          " are expected, not '", absl::CHexEscape(word.substr(0, 20)), "'"));
    }
    return scan.Done() ? absl::OkStatus() : scan.Expected("the end");
  }

  const Printer printer_;
  ExtentList list_;
  bool first_ = true;
  bool verbose_ = false;
  bool explains_ = false;
  uint64_t rows_ = 0;
  uint64_t next_ = 0;  // sector of the file
};

}  // namespace

absl::StatusOr<ExtentList> ParseXfsBmap(absl::string_view text) {
  return XfsParser(Printer::kBmap).Parse(text);
}

absl::StatusOr<ExtentList> ParseXfsIoFiemap(absl::string_view text) {
  return XfsParser(Printer::kFiemap).Parse(text);
}

}  // namespace dmdax
