// SPDX-License-Identifier: Apache-2.0
//
// The stack as a still SVG: a box for each node with its strip, and below that
// the parts of it that the nodes above land on.
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "tools/draw/draw_layout.h"
#include "tools/draw/draw_svg_strip.h"
#include "tools/draw/draw_write.h"

namespace dmdax {
namespace {

constexpr double kBox = 300, kGap = 36, kHigh = 108, kRow = 190;
constexpr double kTop = 84, kSide = 24, kPad = 12;

constexpr char kStyle[] = R"(<style>
:root { --bg:#fff; --ink:#1f2328; --soft:#57606a; --line:#8c959f; --box:#f6f8fa;
  --pud:#0b4f9e; --pmd:#1a7f4b; --pte:#f0a202; --tail:#c9a86a; --hole:#aeb6bf;
  --signal:#d1242f; --not_dax:#8250a0; --not_asked:#d0d7de;
  --piece:#4c7fb3; }
@media (prefers-color-scheme: dark) { :root { --bg:#0d1117; --ink:#e6edf3;
  --soft:#9da7b3; --line:#6e7681; --box:#161b22; --pud:#58a6ff; --pmd:#3fb950;
  --pte:#e3a008; --tail:#b8935a; --hole:#5b646e; --signal:#f85149;
  --not_dax:#bc8cff; --not_asked:#3d444d; --piece:#79a8d8; } }
text { font: 13px system-ui, sans-serif; fill: var(--ink); }
.name { font-weight: 600; font-size: 14px; }
.soft { fill: var(--soft); font-size: 12px; }
.box { fill: var(--box); stroke: var(--line); }
.subject { stroke-width: 2.5; }
.edge { fill: none; stroke: var(--line); stroke-width: 1.5; }
.label { font-size: 11px; fill: var(--soft); paint-order: stroke;
  stroke: var(--bg); stroke-width: 4px; text-anchor: middle; }
.frame { fill: none; stroke: var(--line); }
.piece { fill: var(--piece); } .piece.odd { opacity: .6; }
.pud { fill: var(--pud); } .pmd { fill: var(--pmd); } .pte { fill: var(--pte); }
.tail { fill: var(--tail); } .hole { fill: var(--hole); }
.signal { fill: var(--signal); } .not_dax { fill: var(--not_dax); }
.not_asked { fill: var(--not_asked); }
</style>
)";

// About as many characters as have room, whole ones.
std::string Short(absl::string_view text, size_t most) {
  std::string shown = DrawText(text);
  size_t chars = 0, at = 0;
  while (at < shown.size() && chars < most) {
    do {
      ++at;
    } while (at < shown.size() && (shown[at] & 0xc0) == 0x80);
    ++chars;
  }
  if (at >= shown.size()) return shown;
  return absl::StrCat(shown.substr(0, at), "\u2026");
}

std::string Text(double x, double y, const char* kind, absl::string_view text) {
  return absl::StrFormat("<text class=\"%s\" x=\"%g\" y=\"%g\">%s</text>\n",
                         kind, x, y, SvgText(text));
}

class SvgWriter {
 public:
  explicit SvgWriter(const DrawModel& model)
      : model_(model), layout_(LayOut(model)), landings_(LandingsOf(model)) {}

  std::string Run() {
    const double columns = std::max(layout_.columns, 2.0);
    const double width = 2 * kSide + columns * (kBox + kGap) - kGap;
    const double height = kTop + (model_.levels - 1) * kRow + kHigh + 3 * kSide;
    out_ = absl::StrFormat(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %g %g\" "
        "width=\"%g\" height=\"%g\" role=\"img\" aria-labelledby=\"t\">\n"
        "<title id=\"t\">dmdax draw, kernel %s</title>\n",
        width, height, width, height, SvgText(model_.kernel));
    absl::StrAppend(&out_, kStyle,
                    "<rect width=\"100%\" height=\"100%\" "
                    "style=\"fill:var(--bg)\"/>\n");
    shift_ = (width - layout_.columns * (kBox + kGap) + kGap) / 2 - kSide;
    Legend();
    for (const DrawEdge& edge : model_.edges) Edge(edge);
    // Labels last, so that no line crosses one.
    for (const DrawEdge& edge : model_.edges) EdgeLabel(edge);
    for (size_t i = 0; i < model_.nodes.size(); ++i) Node(i);
    if (model_.left_out != 0) {
      absl::StrAppend(
          &out_, Text(kSide, height - kSide, "soft",
                      absl::StrCat(model_.left_out, " more are left out")));
    }
    return out_ + "</svg>\n";
  }

 private:
  void Legend() {
    absl::StrAppend(
        &out_, Text(kSide, 32, "name", absl::StrCat("kernel ", model_.kernel)));
    bool used[kDrawKinds] = {};
    for (const DrawNode& node : model_.nodes) {
      for (const DrawBlock& block : node.blocks) {
        for (const DrawRange& r : block.ranges) {
          used[static_cast<size_t>(r.kind)] = true;
        }
      }
    }
    double x = kSide;
    for (size_t i = 0; i < kDrawKinds; ++i) {
      if (!used[i]) continue;
      const auto kind = static_cast<DrawKind>(i);
      absl::StrAppendFormat(&out_,
                            "<rect class=\"%s\" x=\"%g\" y=\"46\" width=\"14\" "
                            "height=\"14\"/>\n",
                            DrawKindName(kind), x);
      const std::string text = DrawKindText(kind);
      absl::StrAppend(&out_, Text(x + 20, 58, "soft", text));
      x += 44 + 6.6 * static_cast<double>(text.size());
    }
  }

  double Left(size_t node) const {
    return kSide + shift_ + layout_.column[node] * (kBox + kGap);
  }
  double Top(size_t node) const {
    return kTop + model_.nodes[node].level * kRow;
  }

  void Edge(const DrawEdge& e) {
    const auto from = static_cast<size_t>(e.from);
    const auto to = static_cast<size_t>(e.to);
    const double x1 = Left(from) + kBox / 2, y1 = Top(from) + kHigh;
    const double x2 = Left(to) + kBox / 2, y2 = Top(to);
    absl::StrAppendFormat(
        &out_, "<path class=\"edge\" d=\"M%g %gC%g %g %g %g %g %g\"/>\n", x1,
        y1, x1, (y1 + y2) / 2, x2, (y1 + y2) / 2, x2, y2);
  }

  void EdgeLabel(const DrawEdge& e) {
    const auto from = static_cast<size_t>(e.from);
    const auto to = static_cast<size_t>(e.to);
    std::string text = e.what;
    if (e.rows > 1) absl::StrAppend(&text, " \u00d7 ", e.rows);
    if (text.empty()) return;
    // Nearer to the upper end, where edges of one node have the same label.
    const double t = 0.62;
    const double x = Left(from) + (Left(to) - Left(from)) * t + kBox / 2;
    const double y = Top(from) + kHigh + (Top(to) - Top(from) - kHigh) * t + 4;
    absl::StrAppend(&out_, Text(x, y, "label", Short(text, 44)));
  }

  void Node(size_t i) {
    const DrawNode& node = model_.nodes[i];
    const double x = Left(i), y = Top(i), inner = kBox - 2 * kPad;
    absl::StrAppendFormat(
        &out_,
        "<g><title>%s</title>\n<rect class=\"box%s\" x=\"%g\" y=\"%g\" "
        "width=\"%g\" height=\"%g\" rx=\"6\"/>\n",
        SvgText(Title(node)), node.subject ? " subject" : "", x, y, kBox,
        kHigh);
    absl::StrAppend(
        &out_, Text(x + kPad, y + 22, "name", Short(node.name, 34)),
        Text(x + kPad, y + 40, "soft", Short(DrawNodeText(node), 46)),
        Text(x + kPad, y + 58, "soft", Short(DrawSharesText(node), 46)),
        SvgStrip(node, x + kPad, y + 68, inner, 14),
        SvgLandings(node, landings_[i], x + kPad, y + 86, inner, 8), "</g>\n");
  }

  std::string Title(const DrawNode& node) const {
    std::string text =
        absl::StrCat(DrawText(node.name), "\n", DrawText(node.detail));
    for (const std::string& line : DrawNotKnownLines(node)) {
      absl::StrAppend(&text, "\n", line);
    }
    for (const int reason : node.obstacles) {
      absl::StrAppend(&text, "\n", DrawReasonText(model_, reason));
    }
    return text;
  }

  const DrawModel& model_;
  const DrawLayout layout_;
  const std::vector<std::vector<DrawLanding>> landings_;
  double shift_ = 0;
  std::string out_;
};

}  // namespace

std::string DrawSvg(const DrawModel& model) { return SvgWriter(model).Run(); }

}  // namespace dmdax
