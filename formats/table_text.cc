// SPDX-License-Identifier: Apache-2.0
#include "formats/table_text.h"

#include <algorithm>
#include <cerrno>
#include <limits>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/errno_status.h"
#include "state/target_spec.h"

namespace dmdax {
namespace {

bool IsSpace(char c) {
  return absl::ascii_isspace(static_cast<unsigned char>(c));
}

// How much of a word errors show; dmsetup's own buffer for a type has this
// size.
constexpr size_t kMostShown = 4095;

// A cursor over one line that knows its column.
class Line {
 public:
  explicit Line(absl::string_view text) : text_(text) {}

  size_t column() const { return at_ + 1; }
  absl::string_view rest() const { return text_.substr(at_); }

  void SkipSpace() {
    while (at_ < text_.size() && IsSpace(text_[at_])) ++at_;
  }

  absl::string_view Word() {
    const size_t begin = at_;
    while (at_ < text_.size() && !IsSpace(text_[at_])) ++at_;
    return text_.substr(begin, at_ - begin);
  }

  // scanf's %llu: an optional sign, digits, stopping at what is none.
  bool Number(uint64_t* value) {
    SkipSpace();
    size_t i = at_;
    const bool negative = i < text_.size() && text_[i] == '-';
    if (i < text_.size() && (text_[i] == '-' || text_[i] == '+')) ++i;
    const size_t digits = i;
    uint64_t v = 0;
    bool overflow = false;
    for (; i < text_.size() &&
           absl::ascii_isdigit(static_cast<unsigned char>(text_[i]));
         ++i) {
      const uint64_t digit = static_cast<uint64_t>(text_[i] - '0');
      constexpr uint64_t kMax = std::numeric_limits<uint64_t>::max();
      if (v > (kMax - digit) / 10) overflow = true;
      v = v * 10 + digit;
    }
    if (i == digits) return false;
    at_ = i;
    // strtoull() saturates, then negates what fits.
    *value = overflow ? std::numeric_limits<uint64_t>::max()
                      : (negative ? 0 - v : v);
    return true;
  }

 private:
  const absl::string_view text_;
  size_t at_ = 0;
};

// The text where a number was expected, short enough to show.
std::string Shown(absl::string_view text) {
  constexpr size_t kMost = 40;
  absl::string_view word = Line(text).Word();
  if (word.empty()) return "nothing";
  return absl::StrCat("'", word.substr(0, kMost),
                      word.size() > kMost ? "...'" : "'");
}

class Parser {
 public:
  explicit Parser(absl::string_view where) : where_(where) {}

  // False at the first bad line.
  bool Parse(absl::string_view text, size_t number) {
    line_ = number;
    if (const size_t nul = text.find('\0'); nul != text.npos) {
      // dmsetup would end the line here and ignore the rest without a word.
      return Fail(nul + 1, "a NUL byte");
    }
    text = absl::StripTrailingAsciiWhitespace(text);
    Line line(text);
    line.SkipSpace();
    if (line.rest().empty() || line.rest()[0] == '#') return true;
    TableRow row;
    row.line = number;
    row.column = line.column();
    uint64_t start;
    if (!line.Number(&start)) {
      return Fail(line.column(),
                  absl::StrCat("a start in sectors is expected, not ",
                               Shown(line.rest())));
    }
    row.spec.sector_start = sector_t(start);
    if (!line.Number(&row.spec.length)) {
      line.SkipSpace();
      return Fail(line.column(),
                  absl::StrCat("a length in sectors is expected, not ",
                               Shown(line.rest())));
    }
    line.SkipSpace();
    const size_t type_column = line.column();
    const absl::string_view type = line.Word();
    if (type.empty()) return Fail(type_column, "a target type is expected");
    line.SkipSpace();
    absl::string_view params = line.rest();
    params = params.substr(0, params.find('#'));
    if (type.size() > kMaxTypeName) {
      Fail(type_column, absl::StrCat("a target type has at most ", kMaxTypeName,
                                     " characters"));
      out_.error.dmsetup = absl::StrCat(
          "Target type name ", type.substr(0, kMostShown), " is too long.");
      return false;
    }
    row.spec.target_type = std::string(type);
    row.spec.params = std::string(params);
    out_.rows.push_back(std::move(row));
    return true;
  }

  TableText Take() { return std::move(out_); }

 private:
  bool Fail(size_t column, std::string cause) {
    out_.rows.clear();
    out_.error = {line_, column,
                  absl::StrCat("Invalid format on line ", line_, " of table ",
                               where_, "."),
                  std::move(cause)};
    return false;
  }

  const absl::string_view where_;
  size_t line_ = 0;
  TableText out_;
};

}  // namespace

std::vector<DmTargetSpec> TableText::Specs() const {
  std::vector<DmTargetSpec> specs;
  specs.reserve(rows.size());
  for (const TableRow& row : rows) specs.push_back(row.spec);
  return specs;
}

TableText ParseTableText(absl::string_view text, absl::string_view where) {
  Parser parser(where);
  size_t number = 0;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    if (!parser.Parse(text.substr(0, end), ++number)) break;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parser.Take();
}

namespace {

// Why dmsetup's text can not express the row, or "".
std::string CannotSay(const DmTargetSpec& row) {
  const std::string& type = row.target_type;
  const std::string& params = row.params;
  if (type.empty()) return "no target type";
  if (type.size() > kMaxTypeName) return "a type of more than 15 characters";
  if (std::any_of(type.begin(), type.end(),
                  [](char c) { return IsSpace(c) || c == '\0'; })) {
    return "white space or a NUL in the type";
  }
  if (!params.empty() && IsSpace(params[0])) {
    return "white space in front of the parameters";
  }
  if (absl::StrContains(params, '#')) return "a '#' in the parameters";
  if (absl::StrContains(params, '\n')) return "a newline in the parameters";
  if (absl::StrContains(params, '\0')) return "a NUL in the parameters";
  return "";
}

}  // namespace

absl::StatusOr<std::string> PrintTableText(
    absl::Span<const DmTargetSpec> rows) {
  std::string text;
  for (size_t i = 0; i < rows.size(); ++i) {
    const DmTargetSpec& row = rows[i];
    if (std::string why = CannotSay(row); !why.empty()) {
      return ErrnoError(EINVAL, absl::StrCat("target ", i,
                                             ": dmsetup's text has no way to "
                                             "say ",
                                             why));
    }
    absl::StrAppend(&text, row.sector_start.value(), " ", row.length, " ",
                    row.target_type, row.params.empty() ? "" : " ", row.params);
    // dmsetup trims white space at the end of a line, but not before a comment.
    if (!row.params.empty() && IsSpace(row.params.back())) text += '#';
    text += '\n';
  }
  return text;
}

}  // namespace dmdax
