// SPDX-License-Identifier: Apache-2.0
//
// (fa)|(fb) becomes f(a|b), and (af)|(bf) becomes (a|b)f.  The search goes
// down the left (or right) children, through closures too: so (ab)*|(ac)*
// becomes a(b*|c*), which is not the same, but is what libdevmapper matches.
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tools/dmsetup/report/dm_regex_tree.h"

namespace dmdax {
namespace {

using Tree = DmRegexTree;

class Optimiser {
 public:
  explicit Optimiser(Tree& tree) : tree_(tree) {}

  size_t Run(size_t root, size_t max_visits) {
    while (root != 0 && changed_) {
      changed_ = false;
      root = Pass(root, max_visits);
    }
    return root;
  }

 private:
  enum End { kFront, kBack };

  Tree::Node& at(size_t i) { return tree_.nodes[i]; }
  Tree::Kind kind(size_t i) { return at(i).kind; }
  // The child at the end that is looked at, and the other one.
  size_t& Near(size_t i, End end) {
    return end == kFront ? at(i).left : at(i).right;
  }
  size_t& Far(size_t i, End end) {
    return end == kFront ? at(i).right : at(i).left;
  }

  // Children first.  A list replaces recursion, because a tree may be as deep
  // as its pattern is long. 0 after more than `max_visits` visits.
  size_t Pass(size_t root, size_t max_visits) {
    enum Step { kEnter, kLeftDone, kRightDone };
    std::vector<std::pair<size_t, Step>> todo = {{root, kEnter}};
    size_t done = 0;
    while (!todo.empty()) {
      if (++visits_ > max_visits) return 0;
      auto& [i, step] = todo.back();
      size_t child = 0;
      if (step == kEnter) {
        child = at(i).left;
        step = kLeftDone;
      } else if (step == kLeftDone) {
        at(i).left = done;
        child = at(i).right;
        step = kRightDone;
      } else {
        at(i).right = done;
      }
      if (child != 0) {
        todo.emplace_back(child, kEnter);
        continue;
      }
      done = kind(i) == Tree::kOr ? Factor(i) : i;
      todo.pop_back();
    }
    return done;
  }

  size_t Factor(size_t i) {
    for (const End end : {kFront, kBack}) {
      const auto [a, b] = FindCommon(i, end);
      if (a == 0) continue;
      changed_ = true;
      return Rotate(i, end) ? i : Exchange(i, a, b, end);
    }
    return i;
  }

  int Depth(size_t i, End end) {
    int depth = 1;
    while (kind(i) != Tree::kCharset && Near(i, end) != 0 &&
           (end == kFront || kind(i) != Tree::kOr)) {
      ++depth;
      i = Near(i, end);
    }
    visits_ += depth;
    return depth;
  }

  bool Equal(size_t a, size_t b) {
    std::vector<std::pair<size_t, size_t>> todo = {{a, b}};
    while (!todo.empty()) {
      std::tie(a, b) = todo.back();
      todo.pop_back();
      ++visits_;
      if (kind(a) != kind(b)) return false;
      if (kind(a) == Tree::kCharset) {
        if (at(a).charset[Tree::kTarget]) return false;
        if (at(a).charset != at(b).charset) return false;
        continue;
      }
      if (at(a).right != 0) todo.emplace_back(at(a).right, at(b).right);
      todo.emplace_back(at(a).left, at(b).left);
    }
    return true;
  }

  // Two sequences, as deep below either alternative, that begin alike.
  std::pair<size_t, size_t> FindCommon(size_t i, End end) {
    constexpr std::pair<size_t, size_t> kNone = {0, 0};
    size_t a = at(i).left, b = at(i).right;
    int depth_a = Depth(a, end), depth_b = Depth(b, end);
    for (; depth_a > depth_b && kind(a) != Tree::kOr; --depth_a) {
      a = Near(a, end);
    }
    for (; depth_b > depth_a && kind(b) != Tree::kOr; --depth_b) {
      b = Near(b, end);
    }
    if (depth_a != depth_b) return kNone;
    for (; depth_a > 0; --depth_a) {
      if (kind(a) == Tree::kCat && kind(b) == Tree::kCat &&
          Equal(Near(a, end), Near(b, end))) {
        return {a, b};
      }
      if (kind(a) == Tree::kOr || kind(b) == Tree::kOr) break;
      a = Near(a, end);
      b = Near(b, end);
    }
    return kNone;
  }

  // a|(b|c) becomes (a|b)|c, so that what is alike is side by side.
  bool Rotate(size_t i, End end) {
    const size_t inner = Far(i, end);
    if (kind(inner) != Tree::kOr) return false;
    Far(i, end) = Far(inner, end);
    Far(inner, end) = Near(inner, end);
    Near(inner, end) = Near(i, end);
    Near(i, end) = inner;
    return true;
  }

  // The nodes left over: one becomes the new root.
  size_t Exchange(size_t i, size_t a, size_t b, End end) {
    const size_t common = Near(end == kFront ? a : b, end);
    const size_t root = Far(a, end);
    at(a) = Tree::Node(at(root));
    at(b) = Tree::Node(at(Far(b, end)));
    at(root) = end == kFront ? Tree::Node{Tree::kCat, common, i}
                             : Tree::Node{Tree::kCat, i, common};
    return root;
  }

  Tree& tree_;
  bool changed_ = true;
  size_t visits_ = 0;
};

}  // namespace

size_t OptimiseDmRegex(DmRegexTree& tree, size_t root, size_t max_visits,
                       std::string& err) {
  root = Optimiser(tree).Run(root, max_visits);
  if (root == 0) {
    absl::StrAppend(&err, "Regex too complex: its alternatives need over ",
                    max_visits, " steps\n");
  }
  return root;
}

}  // namespace dmdax
