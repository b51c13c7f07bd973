// SPDX-License-Identifier: Apache-2.0
#include "tools/draw/draw_svg_strip.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "tools/draw/draw_write.h"

namespace dmdax {
namespace {

using Kinds = std::array<double, kDrawKinds>;

// One column, or several that are all of one kind.
struct StripColumn {
  double x = 0, w = 0;
  Kinds kinds = {};
};

std::string Rect(absl::string_view kind, double x, double y, double w,
                 double h) {
  return absl::StrFormat(
      "<rect class=\"%s\" x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" "
      "height=\"%.2f\"/>\n",
      kind, x, y, w, h);
}

size_t NrKinds(const Kinds& kinds) {
  return kDrawKinds -
         static_cast<size_t>(std::count(kinds.begin(), kinds.end(), 0.0));
}

bool SameKind(const Kinds& a, const Kinds& b) {
  if (NrKinds(a) != 1 || NrKinds(b) != 1) return false;
  for (size_t i = 0; i < kDrawKinds; ++i) {
    if ((a[i] != 0) != (b[i] != 0)) return false;
  }
  return true;
}

std::vector<StripColumn> ColumnsOf(const DrawNode& node, double width) {
  std::vector<StripColumn> columns;
  const auto n = static_cast<uint64_t>(width);
  for (uint64_t i = 0; i < n; ++i) {
    // Without overflow, whatever the size is.
    const auto at = [&](uint64_t column) {
      return node.size / n * column + node.size % n * column / n;
    };
    if (at(i) == at(i + 1)) continue;
    StripColumn column{static_cast<double>(i), 1,
                       KindsBetween(node, at(i), at(i + 1))};
    if (!columns.empty() && SameKind(columns.back().kinds, column.kinds)) {
      columns.back().w += 1;
    } else {
      columns.push_back(column);
    }
  }
  return columns;
}

}  // namespace

std::string SvgText(absl::string_view text) {
  std::vector<std::string> lines;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    lines.push_back(absl::StrReplaceAll(
        DrawText(line),
        {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&quot;"}}));
  }
  return absl::StrJoin(lines, "\n");
}

std::string SvgStrip(const DrawNode& node, double x, double y, double w,
                     double h) {
  std::string out;
  for (const StripColumn& column : ColumnsOf(node, w)) {
    double sum = 0, left = h;
    for (const double bytes : column.kinds) sum += bytes;
    size_t more = NrKinds(column.kinds);
    double at = y;
    for (size_t i = 0; i < kDrawKinds; ++i) {
      if (column.kinds[i] == 0) continue;
      constexpr double kLeast = 2;
      --more;
      const double room = left - kLeast * static_cast<double>(more);
      const double high =
          more == 0 ? left
                    : std::clamp(h * column.kinds[i] / sum, kLeast, room);
      absl::StrAppend(&out, Rect(DrawKindName(static_cast<DrawKind>(i)),
                                 x + column.x, at, column.w, high));
      at += high;
      left -= high;
    }
  }
  return out + Rect("frame", x, y, w, h);
}

std::vector<std::vector<DrawLanding>> LandingsOf(const DrawModel& model) {
  std::vector<std::vector<DrawLanding>> all(model.nodes.size());
  for (size_t i = 0; i < model.nodes.size(); ++i) {
    for (const DrawRow& row : model.nodes[i].rows) {
      for (const DrawRow::Leg& leg : row.legs) {
        if (leg.node < 0) continue;
        all[static_cast<size_t>(leg.node)].push_back(
            {leg.start, leg.bytes, static_cast<int>(i)});
      }
    }
  }
  for (auto& landings : all) {
    std::stable_sort(landings.begin(), landings.end(),
                     [](const DrawLanding& a, const DrawLanding& b) {
                       return a.start < b.start;
                     });
  }
  return all;
}

std::string SvgLandings(const DrawNode& node,
                        const std::vector<DrawLanding>& landings, double x,
                        double y, double w, double h) {
  if (landings.empty() || node.size == 0) return "";
  const double scale = w / static_cast<double>(node.size);
  std::string out;
  double from = 0, to = -1;
  bool odd = false;
  const auto put = [&] {
    if (to < 0) return;
    out += Rect(odd ? "piece odd" : "piece", x + from, y,
                std::max(to - from, 0.5), h);
    odd = !odd;
  };
  for (const DrawLanding& landing : landings) {
    const double a =
        std::min(static_cast<double>(landing.start) * scale, w - 0.5);
    const double b =
        std::min(static_cast<double>(landing.start + landing.bytes) * scale, w);
    // What is too narrow to be told apart is one.
    if (to >= 0 && b - from < 1) {
      to = std::max(to, b);
      continue;
    }
    put();
    from = a;
    to = b;
  }
  put();
  return out + Rect("frame", x, y, w, h);
}

}  // namespace dmdax
