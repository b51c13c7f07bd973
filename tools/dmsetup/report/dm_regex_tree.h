// SPDX-License-Identifier: Apache-2.0
//
// The tree of a libdevmapper regular expression: parsed, and optimised as
// libdevmapper does.
//
// Mirrors: struct rx_node, rx_parse_tok, _optimise of
// libdm/regex/parse_rx.c (1.02.185).
#ifndef DMDAX_TOOLS_DMSETUP_REPORT_DM_REGEX_TREE_H_
#define DMDAX_TOOLS_DMSETUP_REPORT_DM_REGEX_TREE_H_

#include <bitset>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace dmdax {

// Nodes by index; 0 is none.
struct DmRegexTree {
  // The characters that stand for the ends of a text, and for the end of the
  // pattern.
  static constexpr char kHat = 2, kDollar = 3, kTarget = 0;

  enum Kind { kCat, kStar, kPlus, kOr, kQuest, kCharset };
  struct Node {
    Kind kind = kCharset;
    size_t left = 0, right = 0;
    std::bitset<256> charset = {};
  };

  std::vector<Node> nodes = std::vector<Node>(1);

  size_t Add(const Node& node) {
    nodes.push_back(node);
    return nodes.size() - 1;
  }
};

// The root, or 0 after saying on `err` what is wrong.
size_t ParseDmRegex(absl::string_view pattern, DmRegexTree& tree,
                    std::string& err);

// Moves what alternatives have in common before (or behind) them.  Returns the
// new root, or 0 after saying on `err` that it takes more than `max_visits`
// visits of nodes. libdevmapper goes on until nothing changes; whether that
// always ends is not known.
size_t OptimiseDmRegex(DmRegexTree& tree, size_t root, size_t max_visits,
                       std::string& err);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_DMSETUP_REPORT_DM_REGEX_TREE_H_
