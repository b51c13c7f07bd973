// SPDX-License-Identifier: Apache-2.0
//
// ls --tree: the drawing of a DevTree.
//
// Mirrors: _display_tree_walk_children, _process_tree_options of dmsetup.c
// (1.02.185).
#ifndef DMDAX_TOOLS_DMSETUP_TREE_H_
#define DMDAX_TOOLS_DMSETUP_TREE_H_

#include <optional>
#include <string>

#include "tools/dmsetup/dev_tree.h"

namespace dmdax {

struct TreeOptions {
  bool device = true, blkdevname = false, truncate = true;
  bool active = false, open = false, uuid = false, rw = false;
  bool inverted = false, compact = false;
  enum Symbols { kAscii, kUtf, kVt100 } symbols = kAscii;
  int width = 80;
};

// The words of -o; symbols and width are the terminal's by default.  Nothing
// after saying what is wrong.
std::optional<TreeOptions> ParseTreeOptions(absl::string_view words,
                                            std::string* err);

// Draws the tree to ctx.out.  False after saying that there is too much of it,
// which the real one would go on to print.
bool DrawTree(DmsetupContext& ctx, const DevTree& tree,
              const TreeOptions& options);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_DMSETUP_TREE_H_
