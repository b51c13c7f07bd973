// SPDX-License-Identifier: Apache-2.0
//
// (fa)|(fb) becomes f(a|b), and (af)|(bf) becomes (a|b)f.  The search goes
// down the left (or right) children, through closures too: so (ab)*|(ac)*
// becomes a(b*|c*), which is not the same, but is what libdevmapper matches.
#include <utility>

#include "tools/dmsetup/report/dm_regex_tree.h"

namespace dmdax {
namespace {

using Tree = DmRegexTree;

class Optimiser {
 public:
  explicit Optimiser(Tree& tree) : tree_(tree) {}

  size_t Run(size_t root) {
    // libdevmapper goes on until nothing changes; whether it always ends is
    // an open question there.
    for (int pass = 0; changed_ && pass < kMaxPasses; ++pass) {
      changed_ = false;
      root = Pass(root);
    }
    return root;
  }

 private:
  static constexpr int kMaxPasses = 10000;

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

  // Sub nodes first.
  size_t Pass(size_t i) {
    if (kind(i) == Tree::kCharset) return i;
    const size_t left = Pass(at(i).left);
    at(i).left = left;
    if (kind(i) != Tree::kCat && kind(i) != Tree::kOr) return i;
    const size_t right = Pass(at(i).right);
    at(i).right = right;
    if (kind(i) != Tree::kOr) return i;
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
    return depth;
  }

  bool Equal(size_t a, size_t b) {
    if (kind(a) != kind(b)) return false;
    if (kind(a) == Tree::kCharset) {
      return !at(a).charset[Tree::kTarget] && at(a).charset == at(b).charset;
    }
    if (!Equal(at(a).left, at(b).left)) return false;
    return at(a).right == 0 || Equal(at(a).right, at(b).right);
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

  size_t Exchange(size_t i, size_t a, size_t b, End end) {
    const size_t common = Near(end == kFront ? a : b, end);
    const size_t root = end == kFront ? tree_.Add({Tree::kCat, common, i})
                                      : tree_.Add({Tree::kCat, i, common});
    at(a) = Tree::Node(at(Far(a, end)));
    at(b) = Tree::Node(at(Far(b, end)));
    return root;
  }

  Tree& tree_;
  bool changed_ = true;
};

}  // namespace

size_t OptimiseDmRegex(DmRegexTree& tree, size_t root) {
  return Optimiser(tree).Run(root);
}

}  // namespace dmdax
