// SPDX-License-Identifier: Apache-2.0
//
// SetLevels(): at which height a picture has each node.
//
// Threading: pure function.
#ifndef DMDAX_TOOLS_DRAW_DRAW_LEVELS_H_
#define DMDAX_TOOLS_DRAW_DRAW_LEVELS_H_

#include "tools/draw/draw_model.h"

namespace dmdax {

// What nothing is below is at the bottom; all else directly above the
// highest of what it stands on.
// The nodes, one at least, then stand from the top down.
void SetLevels(DrawModel* model);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_DRAW_DRAW_LEVELS_H_
