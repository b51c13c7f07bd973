// SPDX-License-Identifier: Apache-2.0
//
// The strips of a still picture: what a node's address space gets, and which
// parts of it the nodes above land on.
//
//   std::string svg = SvgStrip(node, /*x=*/0, /*y=*/0, /*w=*/276, /*h=*/14);
//
// A strip has a column for each unit of its width.  One in which several kinds
// lie is divided, each at least so high that it is seen.
// Threading: pure functions.
#ifndef DMDAX_TOOLS_DRAW_DRAW_SVG_STRIP_H_
#define DMDAX_TOOLS_DRAW_DRAW_SVG_STRIP_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "tools/draw/draw_model.h"

namespace dmdax {

// Bytes of a node that a row of `from` uses.
struct DrawLanding {
  uint64_t start = 0, bytes = 0;
  int from = 0;  // node
};

// Of each node, by start.
std::vector<std::vector<DrawLanding>> LandingsOf(const DrawModel& model);

std::string SvgStrip(const DrawNode& node, double x, double y, double w,
                     double h);
std::string SvgLandings(const DrawNode& node,
                        const std::vector<DrawLanding>& landings, double x,
                        double y, double w, double h);

// Text between tags or between double quotes.
std::string SvgText(absl::string_view text);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_DRAW_DRAW_SVG_STRIP_H_
