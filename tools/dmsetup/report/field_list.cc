// SPDX-License-Identifier: Apache-2.0
#include "tools/dmsetup/report/field_list.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"

namespace dmdax {
namespace {

// Takes the next word off a list; several commas are one.
absl::string_view NextWord(absl::string_view& rest) {
  rest.remove_prefix(std::min(rest.find_first_not_of(','), rest.size()));
  const absl::string_view word = rest.substr(0, rest.find(','));
  rest.remove_prefix(word.size());
  return word;
}

std::string Canonical(absl::string_view name) {
  return absl::StrReplaceAll(absl::AsciiStrToLower(name), {{"_", ""}});
}

constexpr char kHelpGap[] = " \n";

absl::string_view TypeName(FieldType type) {
  switch (type) {
    case FieldType::kString:
      return "string";
    case FieldType::kNumber:
      return "number";
    case FieldType::kSize:
      return "size";
  }
  return "unknown";
}

}  // namespace

const ReportField kSpecialFields[3] = {
    {kSpecialSection, FieldType::kNumber, "Selected", 8, "selected",
     "Set if item passes selection criteria."},
    {kSpecialSection, FieldType::kNumber, "Help", 8, "help", "Show help.",
     /*selectable=*/false},
    {kSpecialSection, FieldType::kNumber, "Help", 8, "?", "Show help.",
     /*selectable=*/false},
};

std::optional<FieldList::Ref> FieldList::Find(absl::string_view name) const {
  if (name.empty()) return std::nullopt;
  const std::string wanted = Canonical(name);
  for (size_t i = 0; i < std::size(kSpecialFields); ++i) {
    if (kSpecialFields[i].id == wanted) return Ref{i, true};
  }
  for (size_t i = 0; i < schema_.fields.size(); ++i) {
    if (Canonical(schema_.fields[i].id) == wanted) return Ref{i, false};
  }
  return std::nullopt;
}

size_t FieldList::Add(Ref ref, bool hidden) {
  props_.push_back({.field = ref.field,
                    .special = ref.special,
                    .hidden = hidden,
                    .width = field(ref).width});
  const size_t prop = props_.size() - 1;
  // Hidden ones come first, so that the last one is one to be seen.
  order_.insert(hidden ? order_.begin() : order_.end(), prop);
  return prop;
}

size_t FieldList::PropFor(Ref ref) {
  for (const size_t prop : order_) {
    if (props_[prop].field == ref.field &&
        props_[prop].special == ref.special) {
      return prop;
    }
  }
  sections_ |= field(ref).section;
  return Add(ref, /*hidden=*/true);
}

uint32_t FieldList::MatchAll(absl::string_view word) const {
  if (absl::EqualsIgnoreCase(word, "all")) {
    // A report that begins with one section means that one.
    if (initial_ != 0) return sections_;
    return sections_ != 0 ? sections_ : ~0u;
  }
  const std::string wanted = Canonical(word);
  uint32_t sections = 0;
  for (const ReportSection& section : schema_.sections) {
    const absl::string_view prefix =
        section.prefix.substr(0, section.prefix.size() - 1);
    if (wanted == absl::StrCat(prefix, "all")) sections |= section.id;
  }
  return sections;
}

bool FieldList::CheckLength(absl::string_view word, absl::string_view rest,
                            ReportStreams streams) {
  constexpr size_t kMaxLength = 31;  // DM_REPORT_FIELD_TYPE_ID_LEN less a NUL
  size_t length = 0;
  for (size_t i = 0; i < word.size(); ++i) {
    if (word[i] == '_' || ++length <= kMaxLength) continue;
    const char* const from = word.data() + i;
    const char* const end = rest.data() + rest.size();
    absl::StrAppend(&streams.err,
                    absl::string_view(from, static_cast<size_t>(end - from)),
                    ": field name too long.\n");
    return false;
  }
  return true;
}

bool FieldList::MatchField(absl::string_view word, absl::string_view rest,
                           bool types_only, ReportStreams streams) {
  if (!CheckLength(word, rest, streams)) {
    // It is not one of those that stand for many, either.
    return CheckLength(word, rest, streams);
  }
  if (std::optional<Ref> ref = Find(word)) {
    if (types_only) {
      sections_ |= field(*ref).section;
    } else {
      Add(*ref, /*hidden=*/false);
    }
    return true;
  }
  const uint32_t sections = word.empty() ? 0 : MatchAll(word);
  if (sections == 0) return false;
  if (types_only) {
    sections_ |= sections;
    return true;
  }
  for (size_t i = 0; i < schema_.fields.size(); ++i) {
    if (schema_.fields[i].section & sections) Add({i, false}, false);
  }
  return true;
}

bool FieldList::MatchKey(absl::string_view word, absl::string_view rest,
                         bool types_only, ReportStreams streams) {
  if (word.empty()) return false;
  const bool descending = word[0] == '-';
  if (descending || word[0] == '+') word.remove_prefix(1);
  if (word.empty()) {
    absl::StrAppend(&streams.err, "dm_report: Missing sort field name\n");
    return false;
  }
  if (!CheckLength(word, rest, streams)) return false;
  const std::optional<Ref> ref = Find(word);
  if (!ref) return false;
  if (types_only) {
    sections_ |= field(*ref).section;
    return true;
  }
  const size_t prop = PropFor(*ref);
  for (const SortKey& key : keys_) {
    if (key.prop != prop) continue;
    absl::StrAppend(&streams.err, "dm_report: Ignoring duplicate sort field: ",
                    field(*ref).id, ".\n");
    return true;
  }
  keys_.push_back({prop, descending});
  return true;
}

bool FieldList::ParseFields(absl::string_view list, bool types_only,
                            ReportStreams streams) {
  while (!list.empty()) {
    const absl::string_view word = NextWord(list);
    if (MatchField(word, list, types_only, streams)) continue;
    absl::StrAppend(&streams.err, Help(HelpKind::kOutput), kHelpGap,
                    "Unrecognised field: ", word, "\n");
    return false;
  }
  return true;
}

bool FieldList::ParseKeys(absl::string_view list, bool types_only,
                          ReportStreams streams) {
  while (!list.empty()) {
    const absl::string_view word = NextWord(list);
    if (MatchKey(word, list, types_only, streams)) continue;
    absl::StrAppend(&streams.err, Help(HelpKind::kOutput), kHelpGap,
                    "dm_report: Unrecognised field: ", word, "\n");
    return false;
  }
  return true;
}

bool FieldList::Parse(absl::string_view fields, absl::string_view keys,
                      ReportStreams streams) {
  // Twice, because "all" depends on the sections of all the others.
  if (!ParseFields(fields, true, streams) || !ParseKeys(keys, true, streams) ||
      !ParseFields(fields, false, streams) ||
      !ParseKeys(keys, false, streams)) {
    return false;
  }
  if (help_requested()) {
    absl::StrAppend(&streams.err, Help(HelpKind::kOutput), kHelpGap);
  }
  return true;
}

bool FieldList::help_requested() const {
  return std::any_of(props_.begin(), props_.end(), [](const FieldProps& p) {
    return p.special && p.field != kSelectedField;
  });
}

std::string FieldList::Help(HelpKind kind) const {
  const bool types = kind == HelpKind::kSelection;
  size_t width = 0;
  for (const ReportField& f : kSpecialFields) {
    width = std::max(width, f.id.size());
  }
  for (const ReportField& f : schema_.fields) {
    width = std::max(width, f.id.size());
  }
  for (const ReportSection& s : schema_.sections) {
    width = std::max(width, s.prefix.size() + 3);
  }
  std::string text;
  const auto add_all = [&](absl::Span<const ReportField> fields) {
    absl::string_view last_title;
    for (const ReportField& f : fields) {
      ReportSection section{kSpecialSection, "Special", "special_"};
      for (const ReportSection& s : schema_.sections) {
        if (s.id == f.section) section = s;
      }
      if (section.title != last_title) {
        if (!last_title.empty()) absl::StrAppend(&text, kHelpGap);
        absl::StrAppend(&text, section.title, " Fields\n",
                        std::string(section.title.size() + 7, '-'), "\n");
        if (!types && section.id != kSpecialSection) {
          absl::StrAppendFormat(&text, "  %-*s - All fields in this section.\n",
                                static_cast<int>(width),
                                absl::StrCat(section.prefix, "all"));
        }
      }
      absl::StrAppendFormat(&text, "  %-*s - %s", static_cast<int>(width), f.id,
                            f.description);
      if (types) {
        absl::StrAppend(&text, " [", f.selectable ? "" : "unselectable ",
                        TypeName(f.type), "]");
      }
      text += "\n";
      last_title = section.title;
    }
  };
  add_all(schema_.fields);
  absl::StrAppend(&text, kHelpGap);
  add_all(kSpecialFields);
  return text;
}

}  // namespace dmdax
