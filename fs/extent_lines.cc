// SPDX-License-Identifier: Apache-2.0
#include "fs/extent_lines.h"

#include <cerrno>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/errno_status.h"

namespace dmdax {

absl::Status LineScanner::Error(absl::string_view what) const {
  return ErrnoError(EINVAL, absl::StrCat("line ", number_, ", column ",
                                         pos_ + 1, ": ", what));
}

absl::Status LineScanner::Expected(absl::string_view what) const {
  return Error(absl::StrCat(what, " is expected, not '", Rest(), "'"));
}

void LineScanner::SkipBlanks() {
  while (pos_ < line_.size() && absl::ascii_isspace(line_[pos_])) ++pos_;
}

bool LineScanner::Done() {
  SkipBlanks();
  return pos_ >= line_.size();
}

bool LineScanner::Take(absl::string_view text) {
  SkipBlanks();
  if (!absl::StartsWith(line_.substr(pos_), text)) return false;
  pos_ += text.size();
  return true;
}

absl::Status LineScanner::Expect(absl::string_view text) {
  if (Take(text)) return absl::OkStatus();
  return Expected(absl::StrCat("'", text, "'"));
}

absl::Status LineScanner::Number(uint64_t* value) {
  SkipBlanks();
  size_t end = pos_;
  while (end < line_.size() && absl::ascii_isdigit(line_[end])) ++end;
  if (end == pos_) return Expected("a number");
  if (!absl::SimpleAtoi(line_.substr(pos_, end - pos_), value)) {
    return Error("the number is above 2^64-1");
  }
  pos_ = end;
  return absl::OkStatus();
}

absl::Status LineScanner::Range(uint64_t* first, uint64_t* last) {
  absl::Status status = Number(first);
  if (status.ok()) status = Expect("..");
  if (status.ok()) status = Number(last);
  if (status.ok() && *last < *first) {
    status = Error("the range ends before it starts");
  }
  return status;
}

std::string LineScanner::Word() {
  SkipBlanks();
  size_t end = pos_;
  while (end < line_.size() && !absl::ascii_isspace(line_[end])) ++end;
  std::string word(line_.substr(pos_, end - pos_));
  pos_ = end;
  return word;
}

std::string LineScanner::Rest() const {
  const absl::string_view rest = line_.substr(pos_, 20);
  return rest.empty() ? "the end" : absl::CHexEscape(rest);
}

bool IsExtentLine(absl::string_view line) {
  line = absl::StripLeadingAsciiWhitespace(line);
  size_t digits = 0;
  while (digits < line.size() && absl::ascii_isdigit(line[digits])) ++digits;
  return digits > 0 && digits < line.size() && line[digits] == ':';
}

const char* AppendExtent(uint64_t logical, uint64_t physical, uint64_t length,
                         uint64_t unit, uint32_t flags, ExtentList* list) {
  constexpr uint64_t kMaxFile = uint64_t{1} << 63;
  const uint64_t most = kMaxFile / unit;
  if (length == 0) return "the extent is empty";
  if (length > most || logical > most - length || physical > most - length) {
    return "the extent ends past 2^63 bytes";
  }
  if (!list->extents.empty() && logical * unit < list->extents.back().end()) {
    return "the extent begins before the one above it ends";
  }
  list->never_dax |=
      (flags & (FIEMAP_EXTENT_ENCODED | FIEMAP_EXTENT_DATA_ENCRYPTED)) != 0;
  list->extents.push_back(
      FiemapExtent(logical * unit, physical * unit, length * unit, flags));
  return nullptr;
}

}  // namespace dmdax
