// SPDX-License-Identifier: Apache-2.0
//
// The stack as Graphviz reads it: a rank for each level.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "tools/draw/draw_write.h"

namespace dmdax {
namespace {

// A string of the language.  In labels a backslash begins an escape, so it is
// doubled; `lines` are ended by "\l", which aligns them left.
std::string Quoted(absl::string_view text) {
  return absl::StrReplaceAll(DrawText(text), {{"\\", "\\\\"}, {"\"", "\\\""}});
}

std::string Tooltip(const DrawModel& model, const DrawNode& node) {
  std::string tip = Quoted(node.detail);
  for (const std::string& line : DrawNotKnownLines(node)) {
    absl::StrAppend(&tip, tip.empty() ? "" : "\\n", Quoted(line));
  }
  for (const int reason : node.obstacles) {
    const std::string text = DrawReasonText(model, reason);
    for (size_t at = 0; at <= text.size();) {
      const size_t end = std::min(text.find('\n', at), text.size());
      absl::StrAppend(&tip, "\\n", Quoted(text.substr(at, end - at)));
      at = end + 1;
    }
  }
  return tip;
}

const char* Colour(const DrawNode& node) {
  if (!DrawNotKnown(node).empty()) return "#6e7781";
  if (!node.dax) return "#8250a0";
  const PageShares& s = node.shares;
  if (s.signal != 0) return "#d1242f";
  if (s.pte != 0) return "#b87700";
  return s.hole != 0 ? "#6e7781" : "#1a7f4b";
}

}  // namespace

std::string DrawDot(const DrawModel& model) {
  std::string out = absl::StrCat(
      "digraph dmdax {\n"
      "  label=\"",
      Quoted(absl::StrCat("dmdax draw, kernel ", model.kernel)),
      "\";\n"
      "  node [shape=box, style=bold, fontname=\"sans-serif\"];\n"
      "  edge [fontname=\"sans-serif\", fontsize=10];\n");
  for (int level = 0; level < model.levels; ++level) {
    absl::StrAppend(&out, "  {\n    rank=same;\n");
    for (size_t i = 0; i < model.nodes.size(); ++i) {
      const DrawNode& node = model.nodes[i];
      if (node.level != level) continue;
      absl::StrAppend(&out, "    n", i, " [label=\"", Quoted(node.name), "\\l",
                      Quoted(DrawNodeText(node)), "\\l",
                      Quoted(DrawSharesText(node)), "\\l\", color=\"",
                      Colour(node), "\"");
      absl::StrAppend(&out, ", tooltip=\"", Tooltip(model, node), "\"];\n");
    }
    absl::StrAppend(&out, "  }\n");
  }
  for (const DrawEdge& e : model.edges) {
    std::string label = Quoted(e.what);
    if (e.rows > 1) absl::StrAppend(&label, " x ", e.rows);
    absl::StrAppend(&out, "  n", e.from, " -> n", e.to, " [label=\"", label,
                    "\"];\n");
  }
  if (model.left_out != 0) {
    absl::StrAppend(&out, "  left_out [shape=plaintext, label=\"",
                    model.left_out, " more are left out\"];\n");
  }
  return out + "}\n";
}

}  // namespace dmdax
