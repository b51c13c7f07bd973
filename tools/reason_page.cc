// SPDX-License-Identifier: Apache-2.0
#include "tools/reason_page.h"

#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace dmdax {
namespace {

constexpr absl::string_view kDocument =
#include "tools/fault_reasons_page.inc"
    ;

// What stands behind `mark` up to the next one, on one line.
std::string Part(absl::string_view section, absl::string_view mark) {
  const size_t at = section.find(mark);
  if (at == section.npos) return "";
  section.remove_prefix(at + mark.size());
  section = section.substr(0, section.find(" *See:*"));
  section = section.substr(0, section.find("\n*See:*"));
  section = section.substr(0, section.find("*Cure:*"));
  section = section.substr(0, section.find("\n\n"));
  return absl::StrJoin(
      absl::StrSplit(section, absl::ByAnyChar(" \n"), absl::SkipEmpty()), " ");
}

std::vector<ReasonPage> Parse() {
  std::vector<ReasonPage> pages;
  const std::vector<absl::string_view> sections =
      absl::StrSplit(kDocument, "\n### ");
  for (size_t i = 1; i < sections.size(); ++i) {
    const absl::string_view section = sections[i];
    pages.push_back({.name = std::string(section.substr(0, section.find('\n'))),
                     .why = Part(section, "*Why:*"),
                     .see = Part(section, "*See:*"),
                     .cure = Part(section, "*Cure:*")});
  }
  return pages;
}

}  // namespace

absl::Span<const ReasonPage> ReasonPages() {
  static const auto* const pages = new std::vector<ReasonPage>(Parse());
  return *pages;
}

const ReasonPage* FindReasonPage(absl::string_view name) {
  for (const ReasonPage& page : ReasonPages()) {
    if (page.name == name) return &page;
  }
  return nullptr;
}

std::string CureLines(absl::string_view name, absl::string_view indent) {
  const ReasonPage* const page = FindReasonPage(name);
  return absl::StrCat(page == nullptr
                          ? ""
                          : Wrapped(absl::StrCat(indent, "cure: "), page->cure),
                      indent, "more: dmdax why ", name, "\n");
}

std::string Wrapped(absl::string_view head, absl::string_view text) {
  constexpr size_t kColumns = 80;
  std::string out, line(head);
  bool begun = false;
  for (absl::string_view word : absl::StrSplit(text, ' ', absl::SkipEmpty())) {
    if (begun && line.size() + 1 + word.size() > kColumns) {
      absl::StrAppend(&out, line, "\n");
      line.assign(head.size(), ' ');
      begun = false;
    }
    absl::StrAppend(&line, begun ? " " : "", word);
    begun = true;
  }
  return absl::StrCat(out, absl::StripTrailingAsciiWhitespace(line), "\n");
}

}  // namespace dmdax
