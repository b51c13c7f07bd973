// SPDX-License-Identifier: Apache-2.0
#include "tools/dmsetup/report/dm_regex.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "tools/dmsetup/report/dm_regex_tree.h"

namespace dmdax {
namespace {

using Tree = DmRegexTree;

void AddAll(const std::vector<size_t>& from, std::vector<size_t>& to) {
  to.insert(to.end(), from.begin(), from.end());
}

}  // namespace

// Aho, Sethi and Ullman's positions: which come first, last, and after which.
class DmRegexBuilder {
 public:
  DmRegexBuilder(const Tree& tree, DmRegex& regex)
      : tree_(tree), regex_(regex) {}

  void Run(size_t root) {
    for (const size_t i : Visit(root).first) regex_.first_.set(i);
  }

 private:
  // Lists, since thousands of these may be on the stack; none has a position
  // twice.
  struct Facts {
    std::vector<size_t> first, last;
    bool nullable = false;
  };

  void Follow(const std::vector<size_t>& last,
              const std::vector<size_t>& first) {
    DmRegex::Positions next;
    for (const size_t i : first) next.set(i);
    for (const size_t i : last) regex_.positions_[i].next |= next;
  }

  Facts Visit(size_t i) {
    const Tree::Node& node = tree_.nodes[i];
    if (node.kind == Tree::kCharset) {
      regex_.positions_.push_back({node.charset, {}});
      const size_t position = regex_.positions_.size() - 1;
      if (node.charset[Tree::kTarget]) regex_.targets_.set(position);
      return {{position}, {position}, false};
    }
    Facts a = Visit(node.left);
    if (node.kind != Tree::kCat && node.kind != Tree::kOr) {
      if (node.kind != Tree::kQuest) Follow(a.last, a.first);
      a.nullable |= node.kind != Tree::kPlus;
      return a;
    }
    Facts b = Visit(node.right);
    if (node.kind == Tree::kOr) {
      AddAll(b.first, a.first);
      AddAll(b.last, a.last);
      a.nullable |= b.nullable;
      return a;
    }
    Follow(a.last, b.first);
    if (a.nullable) AddAll(b.first, a.first);
    if (b.nullable) AddAll(a.last, b.last);
    return {std::move(a.first), std::move(b.last), a.nullable && b.nullable};
  }

  const Tree& tree_;
  DmRegex& regex_;
};

std::optional<DmRegex> DmRegex::Compile(absl::string_view pattern,
                                        std::string& err) {
  Tree tree;
  size_t root = 0;
  if (pattern.size() <= kMaxPattern) {
    // What comes before a match, the match, and its end.
    root = ParseDmRegex(
        absl::StrCat("(.*(", pattern, ")", absl::string_view("\0", 1), ")"),
        tree, err);
  }
  if (root == 0) {
    absl::StrAppend(&err, "Couldn't parse regex\n");
    return std::nullopt;
  }
  DmRegex regex;
  DmRegexBuilder(tree, regex).Run(OptimiseDmRegex(tree, root));
  return regex;
}

bool DmRegex::Matches(absl::string_view text) const {
  Positions state = first_;
  // True once the end of the pattern is reached.
  auto step = [&](char c) {
    Positions next;
    for (size_t i = 0; i < positions_.size(); ++i) {
      if (state[i] && positions_[i].charset[static_cast<unsigned char>(c)]) {
        next |= positions_[i].next;
      }
    }
    state = next;
    return (state & targets_).any();
  };
  if (step(Tree::kHat)) return true;
  for (const char c : text) {
    if (step(c)) return true;
  }
  return step(Tree::kDollar);
}

}  // namespace dmdax
