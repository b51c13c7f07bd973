// SPDX-License-Identifier: Apache-2.0
//
// Where the boxes of a still picture are: a row for each level, and in it the
// nodes in an order in which few edges cross.
//
//   DrawLayout layout = LayOut(model);
//   // Where nodes are, in boxes from the left; there are halves as well.
//   for (double column : layout.column) std::cout << column << "\n";
//
// The order is Sugiyama's barycentre: each node goes where the nodes above it
// are on average, and the same from below, a few times.
// Threading: pure functions.
#ifndef DMDAX_TOOLS_DRAW_DRAW_LAYOUT_H_
#define DMDAX_TOOLS_DRAW_DRAW_LAYOUT_H_

#include <vector>

#include "tools/draw/draw_model.h"

namespace dmdax {

struct DrawLayout {
  std::vector<double> column;  // of each node
  double columns = 0;          // of the widest level
};

DrawLayout LayOut(const DrawModel& model);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_DRAW_DRAW_LAYOUT_H_
