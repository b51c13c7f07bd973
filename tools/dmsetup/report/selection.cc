// SPDX-License-Identifier: Apache-2.0
#include "tools/dmsetup/report/selection.h"

#include "tools/dmsetup/report/selection_parser.h"

namespace dmdax {
namespace {

bool Holds(uint64_t a, absl::string_view op, uint64_t b) {
  if (op == "=") return a == b;
  if (op == "!=") return a != b;
  if (op == ">=") return a >= b;
  if (op == ">") return a > b;
  if (op == "<=") return a <= b;
  return a < b;
}

bool MatchesItem(const Selection::Item& item, const FieldValue& value) {
  if (item.regex != nullptr) {
    return RE2::PartialMatch(value.text, *item.regex) == (item.op == "=~");
  }
  if (item.type == FieldType::kString) {
    return (value.text == item.text) == (item.op == "=");
  }
  return Holds(value.number, item.op, item.number);
}

bool MatchesNode(const Selection::Node& node,
                 absl::Span<const FieldValue> values) {
  bool match = false;
  if (node.kind == Selection::Node::kItem && node.children.empty()) {
    match = MatchesItem(node.item, values[node.item.prop]);
  } else {
    const bool all = node.kind == Selection::Node::kAnd;
    match = all;
    for (const Selection::Node& child : node.children) {
      if (MatchesNode(child, values) != all) {
        match = !all;
        break;
      }
    }
  }
  return match != node.negated;
}

}  // namespace

std::optional<Selection> Selection::Parse(absl::string_view text,
                                          FieldList& fields,
                                          ReportStreams streams) {
  Selection selection;
  if (!ParseSelection(text, fields, streams, selection.root_)) {
    return std::nullopt;
  }
  return selection;
}

bool Selection::Matches(absl::Span<const FieldValue> values) const {
  return MatchesNode(root_, values);
}

}  // namespace dmdax
