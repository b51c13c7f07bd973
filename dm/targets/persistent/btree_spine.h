// SPDX-License-Identifier: Apache-2.0
//
// BtreeSpine: the way down a tree that a change takes.  Every node on it is
// shadowed, and split or merged on the way, so that the leaf can take one entry
// more or less.  For btree.cc alone.
//
// Mirrors: struct shadow_spine, btree_insert_raw, rebalance_or_split of
// dm-btree.c, rebalance_children of dm-btree-remove.c (6.1).
#ifndef DMDAX_DM_TARGETS_PERSISTENT_BTREE_SPINE_H_
#define DMDAX_DM_TARGETS_PERSISTENT_BTREE_SPINE_H_

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "dm/targets/persistent/btree.h"

namespace dmdax {

// lower_bound(): the last entry whose key is not above `key`, or -1.
inline int BtreeLowerBound(const BtreeNode& n, uint64_t key) {
  auto it = std::upper_bound(
      n.entries.begin(), n.entries.end(), key,
      [](uint64_t k, const auto& entry) { return k < entry.first; });
  return static_cast<int>(it - n.entries.begin()) - 1;
}

inline bool BtreeHasKey(const BtreeNode& n, int index, uint64_t key) {
  return index >= 0 && static_cast<size_t>(index) < n.entries.size() &&
         n.entries[static_cast<size_t>(index)].first == key;
}

class BtreeSpine {
 public:
  BtreeSpine(TransactionManager& tm, const BtreeInfo& info)
      : tm_(tm), info_(info) {}

  // bn_shadow()
  uint64_t ShadowNode(uint64_t block) {
    bool inc_children;
    const uint64_t copy = tm_.Shadow(block, &inc_children);
    if (inc_children && !tm_.failed()) {
      const BtreeNode n = tm_.node(copy);
      for (const auto& [key, value] : n.entries) {
        if (n.internal || tree_of_trees_) {
          tm_.Inc(value);
        } else if (info_.refer != nullptr) {
          info_.refer(value, 1);
        }
      }
    }
    return copy;
  }

  void Step(uint64_t block) {
    parent_ = current_;
    current_ = ShadowNode(block);
    if (root_ == 0) root_ = current_;
    if (parent_ != 0) {
      tm_.node(parent_).entries[static_cast<size_t>(index_)].second = current_;
    }
  }

  // btree_insert_raw(): goes down from `block` to the leaf where `key` is or
  // would be, with room for one more entry.  Returns its index there.
  size_t Descend(uint64_t block, uint64_t key) {
    bool top = true;
    for (;;) {
      Step(block);
      if (tm_.failed()) return 0;
      if (Current().entries.size() == Current().max_entries) {
        if (top) {
          SplitBeneath();
        } else {
          RebalanceOrSplit(key);
        }
        if (tm_.failed()) return 0;
      }
      BtreeNode& n = Current();
      index_ = BtreeLowerBound(n, key);
      if (!n.internal) break;
      if (index_ < 0) {
        // The key becomes the lowest of this subtree.
        n.entries[0].first = key;
        index_ = 0;
      }
      block = n.entries[static_cast<size_t>(index_)].second;
      top = false;
    }
    if (!BtreeHasKey(Current(), index_, key)) ++index_;
    return static_cast<size_t>(index_);
  }

  BtreeNode& Current() { return tm_.node(current_); }
  uint64_t root() const { return root_; }
  void set_tree_of_trees(bool on) { tree_of_trees_ = on; }

  // remove_raw(): the leaf of `key`, on a way that keeps nodes filled.
  void DescendToRemove(uint64_t block, uint64_t key) {
    for (;;) {
      Step(block);
      if (tm_.failed() || !Current().internal) return;
      RebalanceChildren(key);
      if (tm_.failed() || !Current().internal) return;
      index_ = BtreeLowerBound(Current(), key);
      block = Current().entries[static_cast<size_t>(index_)].second;
    }
  }

 private:
  using Entries = std::vector<std::pair<uint64_t, uint64_t>>;
  // Moving entries to a sibling is worth it if it has room for so many.
  static constexpr size_t kSpaceThreshold = 8;

  Entries& EntriesOf(uint64_t block) { return tm_.node(block).entries; }
  uint64_t ChildOf(uint64_t parent, size_t index) {
    return EntriesOf(parent)[index].second;
  }
  uint64_t ShadowChild(uint64_t parent, size_t index) {
    const uint64_t child = ShadowNode(ChildOf(parent, index));
    EntriesOf(parent)[index].second = child;
    return child;
  }
  uint64_t NewSibling(uint64_t of) {
    const BtreeNode& n = tm_.node(of);
    return tm_.NewNode({n.internal, n.max_entries, {}});
  }

  // btree_split_beneath(): the node becomes the parent of two halves.
  void SplitBeneath() {
    const BtreeNode old = Current();
    const auto half =
        old.entries.begin() + static_cast<ptrdiff_t>(old.entries.size() / 2);
    const uint64_t left = tm_.NewNode(
        {old.internal, old.max_entries, Entries(old.entries.begin(), half)});
    const uint64_t right = tm_.NewNode(
        {old.internal, old.max_entries, Entries(half, old.entries.end())});
    if (tm_.failed()) return;
    Current() = {true,
                 BtreeMaxEntries(8),
                 {{old.entries[0].first, left}, {half->first, right}}};
  }

  // redistribute2(), for blocks beside each other.
  void Spread(uint64_t left, uint64_t right) {
    Entries all = EntriesOf(left);
    all.insert(all.end(), EntriesOf(right).begin(), EntriesOf(right).end());
    const auto half = all.begin() + static_cast<ptrdiff_t>(all.size() / 2);
    EntriesOf(left).assign(all.begin(), half);
    EntriesOf(right).assign(half, all.end());
  }

  void RebalanceOrSplit(uint64_t key) {
    const auto at = static_cast<size_t>(index_);
    const size_t siblings = EntriesOf(parent_).size();
    bool left_shared = false, right_shared = false;
    if (at > 0) {
      const uint64_t left = ChildOf(parent_, at - 1);
      left_shared = tm_.IsShared(left);
      if (!left_shared && HasRoom(left)) return MoveTo(at - 1, key);
    }
    if (at + 1 < siblings) {
      const uint64_t right = ChildOf(parent_, at + 1);
      right_shared = tm_.IsShared(right);
      if (!right_shared && HasRoom(right)) return MoveTo(at, key);
    }
    // A sequence that only goes up or down fills nodes better if one of them is
    // split at its end.
    if (left_shared || right_shared || siblings <= 2 || at == 0 ||
        at + 1 == siblings) {
      SplitOneIntoTwo(at, key);
    } else {
      SplitTwoIntoThree(at, key);
    }
  }

  bool HasRoom(uint64_t block) {
    const BtreeNode& n = tm_.node(block);
    return n.max_entries - n.entries.size() >= kSpaceThreshold;
  }

  // rebalance_left(), rebalance_right(): children `left` and left + 1 share
  // their entries; one of them is the current node.
  void MoveTo(size_t left, uint64_t key) {
    const uint64_t a = ShadowChild(parent_, left);
    const uint64_t b = ShadowChild(parent_, left + 1);
    if (tm_.failed()) return;
    Spread(a, b);
    EntriesOf(parent_)[left + 1].first = EntriesOf(b)[0].first;
    current_ = key < EntriesOf(b)[0].first ? a : b;
  }

  void SplitOneIntoTwo(size_t at, uint64_t key) {
    const uint64_t left = current_;
    const uint64_t right = NewSibling(left);
    if (tm_.failed()) return;
    Spread(left, right);
    const uint64_t first = EntriesOf(right)[0].first;
    Entries& siblings = EntriesOf(parent_);
    siblings.insert(siblings.begin() + static_cast<ptrdiff_t>(at) + 1,
                    {first, right});
    current_ = key < first ? left : right;
  }

  void SplitTwoIntoThree(size_t at, uint64_t key) {
    // Here `at` has a sibling on both sides; it is the right one of the two.
    const uint64_t left = ShadowChild(parent_, at - 1);
    const uint64_t right = current_;
    const uint64_t middle = NewSibling(right);
    if (tm_.failed()) return;
    Entries all = EntriesOf(left);
    all.insert(all.end(), EntriesOf(right).begin(), EntriesOf(right).end());
    const size_t to_left = all.size() / 3;
    const size_t to_middle = (all.size() - to_left) / 2;
    const auto a = all.begin() + static_cast<ptrdiff_t>(to_left);
    const auto b = a + static_cast<ptrdiff_t>(to_middle);
    EntriesOf(left).assign(all.begin(), a);
    EntriesOf(middle).assign(a, b);
    EntriesOf(right).assign(b, all.end());
    Entries& siblings = EntriesOf(parent_);
    siblings[at].first = EntriesOf(right)[0].first;
    siblings.insert(siblings.begin() + static_cast<ptrdiff_t>(at),
                    {EntriesOf(middle)[0].first, middle});
    if (key < EntriesOf(middle)[0].first) {
      current_ = left;
    } else if (key < EntriesOf(right)[0].first) {
      current_ = middle;
    }
  }

  // rebalance_children()
  void RebalanceChildren(uint64_t key) {
    if (Current().entries.size() == 1) {
      const uint64_t child = Current().entries[0].second;
      const BtreeNode n = tm_.node(child);
      if (tm_.IsShared(child)) {
        for (const auto& [k, value] : n.entries) {
          if (n.internal) {
            tm_.Inc(value);
          } else if (info_.refer != nullptr) {
            info_.refer(value, 1);
          }
        }
      }
      Current() = n;
      tm_.Dec(child);
      return;
    }
    const auto at = static_cast<size_t>(BtreeLowerBound(Current(), key));
    const size_t children = Current().entries.size();
    if (at == 0) {
      Rebalance2(0);
    } else if (at + 1 == children) {
      Rebalance2(at - 1);
    } else {
      Rebalance3(at - 1);
    }
  }

  void Rebalance2(size_t left) {
    const uint64_t a = ShadowChild(current_, left);
    const uint64_t b = ShadowChild(current_, left + 1);
    if (!tm_.failed()) MergeOrSpread(a, b, left + 1);
  }

  // __rebalance2(); `right` is the index of b.
  void MergeOrSpread(uint64_t a, uint64_t b, size_t right) {
    const size_t threshold = 2 * (tm_.node(a).max_entries / 3 + 1);
    if (EntriesOf(a).size() + EntriesOf(b).size() < threshold) {
      EntriesOf(a).insert(EntriesOf(a).end(), EntriesOf(b).begin(),
                          EntriesOf(b).end());
      EraseChild(right);
      tm_.Dec(b);
      return;
    }
    Spread(a, b);
    Current().entries[right].first = EntriesOf(b)[0].first;
  }

  void Rebalance3(size_t left) {
    const uint64_t a = ShadowChild(current_, left);
    const uint64_t c = ShadowChild(current_, left + 1);
    const uint64_t b = ShadowChild(current_, left + 2);
    if (tm_.failed()) return;
    Entries all = EntriesOf(a);
    all.insert(all.end(), EntriesOf(c).begin(), EntriesOf(c).end());
    const size_t before_right = all.size();
    all.insert(all.end(), EntriesOf(b).begin(), EntriesOf(b).end());
    const size_t max = tm_.node(a).max_entries;
    if (all.size() < max / 3 * 4 + 1) {
      // delete_center_node(): what fits goes to the left.
      const size_t to_left = std::min(max, before_right);
      const auto cut = all.begin() + static_cast<ptrdiff_t>(to_left);
      EntriesOf(a).assign(all.begin(), cut);
      EntriesOf(b).assign(cut, all.end());
      Current().entries[left + 2].first = EntriesOf(b)[0].first;
      EraseChild(left + 1);
      tm_.Dec(c);
      MergeOrSpread(a, b, left + 1);
      return;
    }
    // redistribute3()
    const size_t to_right = all.size() / 3;
    const size_t to_left = to_right + (to_right * 3 != all.size() ? 1 : 0);
    const auto first = all.begin() + static_cast<ptrdiff_t>(to_left);
    const auto second = all.end() - static_cast<ptrdiff_t>(to_right);
    EntriesOf(a).assign(all.begin(), first);
    EntriesOf(c).assign(first, second);
    EntriesOf(b).assign(second, all.end());
    Current().entries[left + 1].first = EntriesOf(c)[0].first;
    Current().entries[left + 2].first = EntriesOf(b)[0].first;
  }

  void EraseChild(size_t index) {
    Entries& children = Current().entries;
    children.erase(children.begin() + static_cast<ptrdiff_t>(index));
  }

  TransactionManager& tm_;
  const BtreeInfo& info_;
  bool tree_of_trees_ = false;
  uint64_t root_ = 0, parent_ = 0, current_ = 0;
  int index_ = 0;
};

}  // namespace dmdax

#endif  // DMDAX_DM_TARGETS_PERSISTENT_BTREE_SPINE_H_
