// SPDX-License-Identifier: Apache-2.0
#include "tools/dmsetup/report/selection_parser.h"

#include <cerrno>
#include <cstdlib>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "tools/dmsetup/report/selection_operators.h"
#include "tools/dmsetup/report/units.h"

namespace dmdax {
namespace {

// The C locale's isspace().
absl::string_view SkipSpace(absl::string_view s) {
  return absl::StripLeadingAsciiWhitespace(s);
}

using Tokens = std::initializer_list<absl::string_view>;
constexpr Tokens kAndTokens = {"&&", ","};
constexpr Tokens kOrTokens = {"||", "#"};

// Skips spaces and takes one of `tokens` off, if one is there.
bool ConsumeAny(absl::string_view& s, Tokens tokens) {
  const absl::string_view at = SkipSpace(s);
  for (const absl::string_view token : tokens) {
    if (absl::StartsWith(at, token)) {
      s = at.substr(token.size());
      return true;
    }
  }
  return false;
}

// One parse.  A false return has said what is wrong.
class Parser {
 public:
  Parser(FieldList& fields, ReportStreams streams)
      : fields_(fields), streams_(streams), err_(streams.err) {}

  bool ParseOr(absl::string_view& s, Selection::Node& node) {
    return ParseList(s, node, Selection::Node::kOr, kOrTokens);
  }
  bool Fail(absl::string_view text) {
    absl::StrAppend(&err_, text, "\n");
    return false;
  }
  bool FailAt(absl::string_view s) {
    return Fail(absl::StrCat("Selection syntax error at '", s,
                             "'.\nUse 'help' for selection to get more help."));
  }

 private:
  // Bytes for a regular expression; a match takes about as many at most.
  static constexpr int64_t kMaxRegexMemory = 8 << 20;
  // As deep as brackets may be before the stack would suffer.
  static constexpr int kMaxDepth = 1000;

  // OR and AND expressions differ in their operator and their operands.
  bool ParseList(absl::string_view& s, Selection::Node& node,
                 Selection::Node::Kind kind, Tokens tokens) {
    node.kind = kind;
    do {
      Selection::Node& child = node.children.emplace_back();
      const bool ok =
          kind == Selection::Node::kOr
              ? ParseList(s, child, Selection::Node::kAnd, kAndTokens)
              : ParseEx(s, child);
      if (!ok) return false;
    } while (ConsumeAny(s, tokens));
    return true;
  }

  bool ParseEx(absl::string_view& s, Selection::Node& node) {
    const bool negated = ConsumeAny(s, {"!"});
    if (negated && !absl::StartsWith(SkipSpace(s), "(")) {
      return Fail(
          absl::StrCat("Syntax error: left parenthesis expected at '", s, "'"));
    }
    if (!ConsumeAny(s, {"("})) {
      s = SkipSpace(s);
      return ParseItem(s, node.item);
    }
    if (++depth_ > kMaxDepth) return Fail("Too many parentheses.");
    if (!ParseOr(s, node)) return false;
    --depth_;
    node.negated = negated;
    if (ConsumeAny(s, {")"})) return true;
    return Fail(absl::StrCat("Syntax error: right parenthesis expected at '",
                             negated ? s : SkipSpace(s), "'"));
  }

  bool ParseItem(absl::string_view& s, Selection::Item& item) {
    const absl::string_view start = s;
    FieldList::Ref ref{};
    if (!ParseFieldAndValue(s, ref, item)) return FailAt(start);
    return Finish(ref, item);
  }

  bool ParseFieldAndValue(absl::string_view& s, FieldList::Ref& ref,
                          Selection::Item& item) {
    const absl::string_view name = TakeName(s);
    if (name.empty()) return Fail("Expecting field name");
    std::optional<FieldList::Ref> found;
    if (FieldList::CheckLength(name, s, streams_)) found = fields_.Find(name);
    if (!found) {
      return FailWithFields(
          absl::StrCat("Unrecognised selection field: ", name));
    }
    ref = *found;
    const ReportField& field = fields_.field(ref);
    if (!field.selectable) {
      return FailWithFields(
          absl::StrCat("Selection field is uncomparable: ", name, "."));
    }
    const absl::string_view after_name = s;
    const SelectionComparison* comparison = TakeComparison(s);
    if (comparison == nullptr) {
      return FailWithHelp(
          absl::StrCat("Unrecognised comparison operator: ", after_name));
    }
    item.op = comparison->op;
    if (IsRegex(item.op)) {
      return TakeRegex(s, field, item);
    }
    // libdevmapper names the field with all that follows it.
    const absl::string_view rest(
        name.data(), static_cast<size_t>(s.data() + s.size() - name.data()));
    if (item.op.empty()) {
      return FailWithHelp(
          absl::StrCat("Operator can be used only with time fields: ", rest));
    }
    if (field.type == FieldType::kString && item.op != "=" && item.op != "!=") {
      return FailWithHelp(absl::StrCat(
          "Operator can be used only with number, size, time or percent "
          "fields: ",
          rest));
    }
    item.type = field.type;
    return TakeValue(s, field, item);
  }

  bool TakeValue(absl::string_view& s, const ReportField& field,
                 Selection::Item& item) {
    s = SkipSpace(s);
    if (field.type != FieldType::kString) return TakeNumber(s, field, item);
    const char quote = TakeQuote(s);
    if (TakeString(s, quote, item.text)) return true;
    return Fail(absl::StrCat(
        "Failed to parse string value for selection field ", field.id, "."));
  }

  // What may still be wrong once the words are understood.
  bool Finish(FieldList::Ref ref, Selection::Item& item) {
    const ReportField& field = fields_.field(ref);
    item.prop = fields_.PropFor(ref);
    if (IsRegex(item.op)) {
      if (field.type != FieldType::kString) {
        return Fail(absl::StrCat(
            "dm_report: incompatible comparison type for selection field ",
            field.id));
      }
      return Compile(field, item);
    }
    if (item.type == FieldType::kString) return true;
    errno = 0;
    if (item.type == FieldType::kSize) {
      // Only statistics have sizes, and no values to compare with.
      strtod(item.text.c_str(), nullptr);
    } else {
      item.number = strtoull(item.text.c_str(), nullptr, 10);
    }
    if (errno == ERANGE) {
      return Fail(absl::StrCat("Field selection value ", item.text,
                               " out of supported range for field ", field.id,
                               "."));
    }
    return true;
  }

  bool Compile(const ReportField& field, Selection::Item& item) {
    RE2::Options options(RE2::Latin1);  // names are bytes
    options.set_log_errors(false);
    options.set_max_mem(kMaxRegexMemory);
    item.regex = std::make_shared<const RE2>(item.text, options);
    if (item.regex->ok()) return true;
    Fail(absl::StrCat("Couldn't parse regex '", item.text,
                      "': ", item.regex->error()));
    return Fail(absl::StrCat(
        "dm_report: failed to create regex matcher for selection field ",
        field.id));
  }

  static bool IsRegex(absl::string_view op) { return op == "=~" || op == "!~"; }

  bool FailWithFields(absl::string_view text) {
    absl::StrAppend(&err_, fields_.Help(FieldList::HelpKind::kSelection),
                    " \n");
    return Fail(text);
  }
  bool FailWithHelp(absl::string_view text) {
    absl::StrAppend(&err_, SelectionHelp());
    return Fail(text);
  }

  static absl::string_view TakeName(absl::string_view& s) {
    s = SkipSpace(s);
    size_t n = 0;
    while (n < s.size() &&
           (absl::ascii_isalnum(static_cast<unsigned char>(s[n])) ||
            s[n] == '_' || s[n] == '-')) {
      ++n;
    }
    const absl::string_view name = s.substr(0, n);
    s.remove_prefix(n);
    return name;
  }

  static char TakeQuote(absl::string_view& s) {
    if (s.empty() || (s[0] != '"' && s[0] != '\'')) return 0;
    const char quote = s[0];
    s.remove_prefix(1);
    return quote;
  }

  // Up to `end`, or without one to a space or what may follow a value.
  bool TakeString(absl::string_view& s, char end, std::string& text) {
    if (end != 0) {
      const size_t at = s.find(end);
      if (at == s.npos) return Fail("Missing end quote.");
      text = std::string(s.substr(0, at));
      s.remove_prefix(at + 1);
      return true;
    }
    size_t n = 0;
    for (; n < s.size() && s[n] != ' '; ++n) {
      absl::string_view rest = s.substr(n);
      if (ConsumeAny(rest, {"&&", ",", "||", "#", ")"})) break;
    }
    text = std::string(s.substr(0, n));
    s.remove_prefix(n);
    return true;
  }

  bool TakeRegex(absl::string_view& s, const ReportField& field,
                 Selection::Item& item) {
    s = SkipSpace(s);
    if (s.empty()) {
      return Fail(absl::StrCat(
          "Regular expression expected for selection field ", field.id));
    }
    constexpr absl::string_view kOpen = "({[\"'", kClose = ")}]\"'";
    const size_t bracket = kOpen.find(s[0]);
    char end = 0;
    if (bracket != kOpen.npos) {
      end = kClose[bracket];
      s.remove_prefix(1);
    }
    if (TakeString(s, end, item.text)) return true;
    return Fail(absl::StrCat("Failed to parse regex value for selection field ",
                             field.id, "."));
  }

  bool TakeNumber(absl::string_view& s, const ReportField& field,
                  Selection::Item& item) {
    size_t n = 0;
    bool dot = false;
    for (; n < s.size(); ++n) {
      if (s[n] == '.' && !dot) {
        dot = true;
      } else if (!absl::ascii_isdigit(static_cast<unsigned char>(s[n]))) {
        break;
      }
    }
    if (n == 0) {
      return Fail(
          absl::StrCat("Failed to parse numeric value for selection "
                       "field ",
                       field.id, "."));
    }
    item.text = std::string(s.substr(0, n));
    s.remove_prefix(n);
    const bool size = item.type == FieldType::kSize;
    const absl::string_view expected = size ? "size" : "numeric";
    if (absl::StartsWith(s, "%")) {
      return Fail(absl::StrCat("Found percent value but ", expected,
                               " value expected for selection field ", field.id,
                               "."));
    }
    if (!BeginsWithUnit(s)) return true;
    if (!size) {
      return Fail(
          absl::StrCat("Found size unit specifier but numeric value "
                       "expected for selection field ",
                       field.id, "."));
    }
    s.remove_prefix(1);
    return true;
  }

  FieldList& fields_;
  ReportStreams streams_;
  std::string& err_;
  int depth_ = 0;
};

}  // namespace

bool ParseSelection(absl::string_view text, FieldList& fields,
                    ReportStreams streams, Selection::Node& root) {
  Parser parser(fields, streams);
  if (!parser.ParseOr(text, root)) return false;
  text = SkipSpace(text);
  if (text.empty()) return true;
  parser.Fail("Expecting logical operator");
  return parser.FailAt(text);
}

}  // namespace dmdax
