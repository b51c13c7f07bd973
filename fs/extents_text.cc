// SPDX-License-Identifier: Apache-2.0
#include "fs/extents_text.h"

#include <cerrno>
#include <cstring>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/errno_status.h"
#include "base/units.h"

namespace dmdax {
namespace {

// One line, read from left to right.
class LineScanner {
 public:
  LineScanner(absl::string_view line, size_t number)
      : line_(line), number_(number) {}

  absl::Status Error(absl::string_view what) const {
    return ErrnoError(EINVAL, absl::StrCat("line ", number_, ", column ",
                                           pos_ + 1, ": ", what));
  }

  void SkipBlanks() {
    while (pos_ < line_.size() && absl::ascii_isspace(line_[pos_])) ++pos_;
  }
  bool Done() {
    SkipBlanks();
    return pos_ >= line_.size();
  }
  // Takes `text` if it comes next.
  bool Take(absl::string_view text) {
    SkipBlanks();
    if (!absl::StartsWith(line_.substr(pos_), text)) return false;
    pos_ += text.size();
    return true;
  }
  absl::Status Expect(absl::string_view text) {
    if (Take(text)) return absl::OkStatus();
    return Error(absl::StrCat("'", text, "' is expected, not '", Rest(), "'"));
  }
  absl::Status Number(uint64_t* value) {
    SkipBlanks();
    size_t end = pos_;
    while (end < line_.size() && absl::ascii_isdigit(line_[end])) ++end;
    if (end == pos_) {
      return Error(absl::StrCat("a number is expected, not '", Rest(), "'"));
    }
    if (!absl::SimpleAtoi(line_.substr(pos_, end - pos_), value)) {
      return Error("the number is above 2^64-1");
    }
    pos_ = end;
    return absl::OkStatus();
  }
  // first..last
  absl::Status Range(uint64_t* first, uint64_t* last) {
    absl::Status status = Number(first);
    if (status.ok()) status = Expect("..");
    if (status.ok()) status = Number(last);
    if (status.ok() && *last < *first) {
      status = Error("the range ends before it starts");
    }
    return status;
  }
  // Up to the next blank.
  std::string Word() {
    SkipBlanks();
    size_t end = pos_;
    while (end < line_.size() && !absl::ascii_isspace(line_[end])) ++end;
    std::string word(line_.substr(pos_, end - pos_));
    pos_ = end;
    return word;
  }

 private:
  std::string Rest() const {
    const absl::string_view rest = line_.substr(pos_, 20);
    return rest.empty() ? "the end" : std::string(rest);
  }

  const absl::string_view line_;
  const size_t number_;
  size_t pos_ = 0;
};

// The lines that hold extents: "   0: ...".
bool IsExtentLine(absl::string_view line) {
  line = absl::StripLeadingAsciiWhitespace(line);
  size_t digits = 0;
  while (digits < line.size() && absl::ascii_isdigit(line[digits])) ++digits;
  return digits > 0 && digits < line.size() && line[digits] == ':';
}

// Appends an extent whose numbers are in units of `unit` bytes.  Returns null,
// or what is wrong with it.
const char* Append(uint64_t logical, uint64_t physical, uint64_t length,
                   uint64_t unit, uint32_t flags, ExtentList* list) {
  constexpr uint64_t kMaxFile = uint64_t{1} << 63;
  // All sums below must fit a file offset in bytes.
  const uint64_t most = unit == 0 ? 0 : kMaxFile / unit;
  if (length == 0) return "the extent is empty";
  if (length > most || logical > most - length || physical > most - length) {
    return "the extent ends past 2^63 bytes";
  }
  if (!list->extents.empty() && logical * unit < list->extents.back().end()) {
    return "the extent begins before the one above it ends";
  }
  list->extents.push_back(
      FiemapExtent(logical * unit, physical * unit, length * unit, flags));
  return nullptr;
}

uint32_t FilefragFlags(absl::string_view words) {
  uint32_t flags = 0;
  for (absl::string_view word : absl::StrSplit(words, ',')) {
    word = absl::StripAsciiWhitespace(word);
    if (word == "unwritten") flags |= FIEMAP_EXTENT_UNWRITTEN;
    if (word == "delalloc") flags |= FIEMAP_EXTENT_DELALLOC;
    if (word == "unknown_loc" || word == "unknown") {
      flags |= FIEMAP_EXTENT_UNKNOWN;
    }
    if (word == "inline") flags |= FIEMAP_EXTENT_DATA_INLINE;
    if (word == "shared") flags |= FIEMAP_EXTENT_SHARED;
    if (word == "encoded") flags |= FIEMAP_EXTENT_ENCODED;
  }
  return flags;
}

//   0:        0..    2047:      34816..     36863:   2048:   4096:   last,eof
absl::Status FilefragLine(LineScanner& scan, uint64_t block, ExtentList* list) {
  uint64_t n, first, last, pfirst, plast, length;
  absl::Status status = scan.Number(&n);
  if (status.ok()) status = scan.Expect(":");
  if (status.ok()) status = scan.Range(&first, &last);
  if (status.ok()) status = scan.Expect(":");
  if (status.ok()) status = scan.Range(&pfirst, &plast);
  if (status.ok()) status = scan.Expect(":");
  if (status.ok()) status = scan.Number(&length);
  if (status.ok()) status = scan.Expect(":");
  if (!status.ok()) return status;
  if (length != last - first + 1) {
    return scan.Error(absl::StrCat("the length ", length, " is not that of ",
                                   first, "..", last));
  }
  // The column "expected" is there only where the file is not contiguous.
  std::string word = scan.Word();
  if (!word.empty() && absl::ascii_isdigit(word[0]) &&
      absl::EndsWith(word, ":")) {
    word = scan.Word();
  }
  const char* wrong =
      Append(first, pfirst, length, block, FilefragFlags(word), list);
  return wrong == nullptr ? absl::OkStatus() : scan.Error(wrong);
}

// "File size of f is 8388608 (2048 blocks of 4096 bytes)"
bool FilefragHeading(absl::string_view line, ExtentList* list,
                     uint64_t* block) {
  if (!absl::ConsumePrefix(&line, "File size of ")) return false;
  const size_t is = line.rfind(" is ");
  if (is == line.npos) return false;
  list->file = std::string(line.substr(0, is));
  const std::vector<std::string> words =
      absl::StrSplit(line.substr(is + 4), ' ', absl::SkipEmpty());
  if (!words.empty()) (void)absl::SimpleAtoi(words[0], &list->file_size);
  for (size_t i = 0; i + 1 < words.size(); ++i) {
    if (words[i] == "of") (void)absl::SimpleAtoi(words[i + 1], block);
  }
  return true;
}

// XFS_BMAP's FLAGS column is octal.
uint32_t XfsBmapFlags(const std::string& word) {
  const unsigned long bits = strtoul(word.c_str(), nullptr, 8);
  return ((bits & 010000) ? uint32_t{FIEMAP_EXTENT_UNWRITTEN} : 0) |
         ((bits & 0100000) ? uint32_t{FIEMAP_EXTENT_SHARED} : 0);
}

//   0: [0..16383]:      192..16575        0 (192..16575)     16384 010000
//   1: [16384..16391]:  hole                                     8
absl::Status XfsLine(LineScanner& scan, bool fiemap, ExtentList* list) {
  uint64_t n, first, last, pfirst, plast, total;
  absl::Status status = scan.Number(&n);
  if (status.ok()) status = scan.Expect(":");
  if (status.ok()) status = scan.Expect("[");
  if (status.ok()) status = scan.Range(&first, &last);
  if (status.ok()) status = scan.Expect("]:");
  if (!status.ok()) return status;
  if (scan.Take("hole")) return absl::OkStatus();
  const uint64_t length = last - first + 1;
  if (scan.Take("delalloc")) {
    const char* wrong =
        Append(first, 0, length, kSectorSize, FIEMAP_EXTENT_DELALLOC, list);
    return wrong == nullptr ? absl::OkStatus() : scan.Error(wrong);
  }
  status = scan.Range(&pfirst, &plast);
  if (!status.ok()) return status;
  if (!fiemap && !scan.Done()) {
    uint64_t ag, afirst, alast;
    status = scan.Number(&ag);
    if (status.ok()) status = scan.Expect("(");
    if (status.ok()) status = scan.Range(&afirst, &alast);
    if (status.ok()) status = scan.Expect(")");
    if (!status.ok()) return status;
  }
  uint32_t flags = 0;
  if (!scan.Done()) {
    status = scan.Number(&total);
    if (!status.ok()) return status;
    if (total != length) {
      return scan.Error(absl::StrCat("the total ", total, " is not that of ",
                                     first, "..", last));
    }
    const std::string word = scan.Word();
    flags = fiemap ? static_cast<uint32_t>(strtoul(word.c_str(), nullptr, 16))
                   : XfsBmapFlags(word);
  }
  const char* wrong = Append(first, pfirst, length, kSectorSize, flags, list);
  return wrong == nullptr ? absl::OkStatus() : scan.Error(wrong);
}

absl::StatusOr<ExtentList> ParseXfs(absl::string_view text, bool fiemap) {
  ExtentList list;
  size_t number = 0;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    ++number;
    if (!IsExtentLine(line)) {
      line = absl::StripAsciiWhitespace(line);
      if (number == 1 && absl::ConsumeSuffix(&line, ":")) {
        list.file = std::string(line);
      }
      continue;
    }
    LineScanner scan(line, number);
    absl::Status status = XfsLine(scan, fiemap, &list);
    if (!status.ok()) return status;
  }
  return list;
}

template <typename T>
T Load(const char* at) {
  T value;
  memcpy(&value, at, sizeof(value));
  return value;
}

}  // namespace

FileExtent FiemapExtent(uint64_t logical, uint64_t physical, uint64_t length,
                        uint32_t flags) {
  FileExtent extent{.logical = logical,
                    .physical = physical,
                    .length = length,
                    .type = IOMAP_MAPPED,
                    .shared = (flags & FIEMAP_EXTENT_SHARED) != 0};
  if (flags & FIEMAP_EXTENT_UNWRITTEN) extent.type = IOMAP_UNWRITTEN;
  if (flags & (FIEMAP_EXTENT_DELALLOC | FIEMAP_EXTENT_UNKNOWN)) {
    extent.type = IOMAP_DELALLOC;
  }
  if (flags & FIEMAP_EXTENT_DATA_INLINE) extent.type = IOMAP_INLINE;
  return extent;
}

absl::StatusOr<ExtentFormat> DetectExtentFormat(absl::string_view text) {
  if (absl::StrContains(text, "logical_offset:") ||
      absl::StrContains(text, "File size of ")) {
    return ExtentFormat::kFilefrag;
  }
  if (absl::StrContains(text, "AG-OFFSET")) return ExtentFormat::kXfsBmap;
  if (absl::StrContains(text, "BLOCK-RANGE")) {
    return ExtentFormat::kXfsIoFiemap;
  }
  return ErrnoError(EINVAL,
                    "line 1, column 1: this is no output of filefrag -v, "
                    "xfs_bmap -v or xfs_io's fiemap -v");
}

absl::StatusOr<ExtentList> ParseFilefrag(absl::string_view text) {
  ExtentList list;
  uint64_t block = kPageSize;
  size_t number = 0;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    ++number;
    if (FilefragHeading(line, &list, &block)) continue;
    if (!IsExtentLine(line)) continue;
    LineScanner scan(line, number);
    absl::Status status = FilefragLine(scan, block, &list);
    if (!status.ok()) return status;
  }
  return list;
}

absl::StatusOr<ExtentList> ParseXfsBmap(absl::string_view text) {
  return ParseXfs(text, false);
}

absl::StatusOr<ExtentList> ParseXfsIoFiemap(absl::string_view text) {
  return ParseXfs(text, true);
}

absl::StatusOr<ExtentList> ParseExtents(absl::string_view text) {
  absl::StatusOr<ExtentFormat> format = DetectExtentFormat(text);
  if (!format.ok()) return format.status();
  switch (*format) {
    case ExtentFormat::kFilefrag:
      return ParseFilefrag(text);
    case ExtentFormat::kXfsBmap:
      return ParseXfsBmap(text);
    case ExtentFormat::kXfsIoFiemap:
      break;
  }
  return ParseXfsIoFiemap(text);
}

absl::StatusOr<ExtentList> ParseFiemap(absl::Span<const char> bytes) {
  // struct fiemap is 32 bytes, struct fiemap_extent 56.
  constexpr size_t kHeader = 32;
  constexpr size_t kExtent = 56;
  if (bytes.size() < kHeader) {
    return ErrnoError(EINVAL, absl::StrCat("a struct fiemap has 32 bytes, not ",
                                           bytes.size()));
  }
  const uint32_t mapped = Load<uint32_t>(bytes.data() + 20);
  if ((bytes.size() - kHeader) / kExtent < mapped) {
    return ErrnoError(
        EINVAL, absl::StrCat("fm_mapped_extents is ", mapped, ", but only ",
                             (bytes.size() - kHeader) / kExtent, " follow"));
  }
  ExtentList list;
  for (uint32_t i = 0; i < mapped; ++i) {
    const char* at = bytes.data() + kHeader + i * kExtent;
    const char* wrong =
        Append(Load<uint64_t>(at), Load<uint64_t>(at + 8),
               Load<uint64_t>(at + 16), 1, Load<uint32_t>(at + 40), &list);
    if (wrong != nullptr) {
      return ErrnoError(EINVAL, absl::StrCat("fm_extents[", i, "]: ", wrong));
    }
  }
  return list;
}

}  // namespace dmdax
