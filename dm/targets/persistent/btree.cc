// SPDX-License-Identifier: Apache-2.0
#include "dm/targets/persistent/btree.h"

#include <utility>

#include "dm/targets/persistent/btree_spine.h"

namespace dmdax {
namespace {

// The end of an insert: in the leaf, at `at`.
void PutEntry(const BtreeInfo& info, BtreeNode& leaf, size_t at, uint64_t key,
              uint64_t value) {
  if (!BtreeHasKey(leaf, static_cast<int>(at), key)) {
    leaf.entries.insert(leaf.entries.begin() + static_cast<ptrdiff_t>(at),
                        {key, value});
    return;
  }
  const uint64_t old = std::exchange(leaf.entries[at].second, value);
  const bool same = info.equal != nullptr && info.equal(old, value);
  if (info.refer != nullptr && !same) info.refer(old, -1);
}

}  // namespace

uint32_t BtreeMaxEntries(uint32_t value_size) {
  constexpr uint32_t kHeaderBytes = 32, kBlockBytes = 4096;
  return (kBlockBytes - kHeaderBytes) / (8 + value_size) / 3 * 3;
}

uint64_t BtreeEmpty(TransactionManager& tm, const BtreeInfo& info) {
  return tm.NewNode({false, BtreeMaxEntries(info.value_size), {}});
}

std::optional<uint64_t> BtreeLookup(TransactionManager& tm, uint64_t root,
                                    uint64_t key) {
  for (;;) {
    const BtreeNode& n = tm.node(root);
    const int i = BtreeLowerBound(n, key);
    if (i < 0) return std::nullopt;
    if (!n.internal && !BtreeHasKey(n, i, key)) return std::nullopt;
    const uint64_t value = n.entries[static_cast<size_t>(i)].second;
    if (!n.internal) return value;
    root = value;
  }
}

std::optional<uint64_t> BtreeLowestKey(TransactionManager& tm, uint64_t root) {
  for (;;) {
    const BtreeNode& n = tm.node(root);
    if (n.entries.empty()) return std::nullopt;
    if (!n.internal) return n.entries.front().first;
    root = n.entries.front().second;
  }
}

std::optional<uint64_t> BtreeHighestKey(TransactionManager& tm, uint64_t root) {
  for (;;) {
    const BtreeNode& n = tm.node(root);
    if (n.entries.empty()) return std::nullopt;
    if (!n.internal) return n.entries.back().first;
    root = n.entries.back().second;
  }
}

uint64_t BtreeInsert(TransactionManager& tm, const BtreeInfo& info,
                     uint64_t root, uint64_t key, uint64_t value) {
  BtreeSpine spine(tm, info);
  const size_t at = spine.Descend(root, key);
  if (tm.failed()) return root;
  PutEntry(info, spine.Current(), at, key, value);
  return spine.root();
}

uint64_t BtreeInsert2(TransactionManager& tm, const BtreeInfo& info,
                      uint64_t top, uint64_t upper, uint64_t key,
                      uint64_t value) {
  BtreeSpine spine(tm, info);
  spine.set_tree_of_trees(true);
  size_t at = spine.Descend(top, upper);
  if (tm.failed()) return top;
  const uint64_t subtree = spine.Current().entries[at].second;
  spine.set_tree_of_trees(false);
  at = spine.Descend(subtree, key);
  if (tm.failed()) return top;
  PutEntry(info, spine.Current(), at, key, value);
  return spine.root();
}

uint64_t BtreeRemove(TransactionManager& tm, const BtreeInfo& info,
                     uint64_t root, uint64_t key) {
  BtreeSpine spine(tm, info);
  spine.DescendToRemove(root, key);
  if (tm.failed()) return root;
  BtreeNode& leaf = spine.Current();
  const int i = BtreeLowerBound(leaf, key);
  if (!BtreeHasKey(leaf, i, key)) return spine.root();
  const uint64_t value = leaf.entries[static_cast<size_t>(i)].second;
  leaf.entries.erase(leaf.entries.begin() + i);
  if (info.refer != nullptr) info.refer(value, -1);
  return spine.root();
}

void BtreeDel(TransactionManager& tm, const BtreeInfo& info, uint64_t root) {
  // A shared node keeps what is below it.
  if (tm.Count(root) <= 1) {
    const BtreeNode n = tm.node(root);
    for (const auto& [key, value] : n.entries) {
      if (n.internal) {
        BtreeDel(tm, info, value);
      } else if (info.refer != nullptr) {
        info.refer(value, -1);
      }
    }
  }
  tm.Dec(root);
}

void BtreeWalk(TransactionManager& tm, uint64_t root,
               const std::function<void(uint64_t, uint64_t)>& fn) {
  const BtreeNode n = tm.node(root);
  for (const auto& [key, value] : n.entries) {
    if (n.internal) {
      BtreeWalk(tm, value, fn);
    } else {
      fn(key, value);
    }
  }
}

}  // namespace dmdax
