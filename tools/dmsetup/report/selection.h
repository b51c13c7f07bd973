// SPDX-License-Identifier: Apache-2.0
//
// Selection: the expression of -S, which decides about each row.
//
//   or    := and (("||" | "#") and)*
//   and   := ex (("&&" | ",") ex)*
//   ex    := "!" "(" or ")" | "(" or ")" | FIELD OP VALUE
//
// Mirrors: _check_selection of libdm/libdm-report.c (1.02.185).
#ifndef DMDAX_TOOLS_DMSETUP_REPORT_SELECTION_H_
#define DMDAX_TOOLS_DMSETUP_REPORT_SELECTION_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "re2/re2.h"
#include "tools/dmsetup/report/field_list.h"

namespace dmdax {

class Selection {
 public:
  // Compares one field.  `op` is one of "=~" "!~" "=" "!=" ">=" ">" "<=" "<".
  struct Item {
    size_t prop = 0;
    absl::string_view op;
    FieldType type = FieldType::kString;
    std::string text;
    uint64_t number = 0;
    std::shared_ptr<const RE2> regex;  // matches any part of a text
  };
  struct Node {
    enum Kind { kItem, kAnd, kOr } kind = kItem;
    bool negated = false;
    Item item;
    std::vector<Node> children;
  };

  // Adds the fields it needs to `fields`, hidden.  Nothing after saying what
  // is wrong on `streams.err`.
  static std::optional<Selection> Parse(absl::string_view text,
                                        FieldList& fields,
                                        ReportStreams streams);
  // `values` by index of FieldList::props().
  bool Matches(absl::Span<const FieldValue> values) const;

 private:
  Node root_;
};

}  // namespace dmdax

#endif  // DMDAX_TOOLS_DMSETUP_REPORT_SELECTION_H_
