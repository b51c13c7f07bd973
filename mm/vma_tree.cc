// SPDX-License-Identifier: Apache-2.0
#include "mm/vma_tree.h"

#include <algorithm>
#include <ext/pb_ds/assoc_container.hpp>
#include <functional>
#include <iterator>
#include <utility>

namespace dmdax {
namespace {

// Keeps at each node of the tree the largest gap of those below it.
template <class ConstNode, class Node, class Less, class Alloc>
struct LargestGap {
  using metadata_type = uint64_t;

  virtual ~LargestGap() = default;
  void operator()(Node node, ConstNode end) {
    uint64_t largest = (*node)->second;
    for (const Node& child : {node.get_l_child(), node.get_r_child()}) {
      if (child != end) largest = std::max(largest, child.get_metadata());
    }
    const_cast<uint64_t&>(node.get_metadata()) = largest;
  }
};

// The end of a gap -> its size, bytes.
using GapTree = __gnu_pbds::tree<uint64_t, uint64_t, std::less<uint64_t>,
                                 __gnu_pbds::rb_tree_tag, LargestGap>;

}  // namespace

class VmaTree::Gaps {
 public:
  void Set(uint64_t end, uint64_t size) {
    // A value that changed in place would leave the nodes above it as they
    // are.
    tree_.erase(end);
    if (size > 0) tree_.insert({end, size});
  }

  // The highest end, not above `bound`, of a gap of `size` bytes or more.
  std::optional<uint64_t> HighestEnd(uint64_t bound, uint64_t size) const {
    return HighestEnd(tree_.node_begin(), bound, size);
  }

 private:
  std::optional<uint64_t> HighestEnd(GapTree::node_const_iterator node,
                                     uint64_t bound, uint64_t size) const {
    if (node == tree_.node_end() || node.get_metadata() < size) return {};
    const auto [end, gap] = **node;
    if (end <= bound) {
      const auto higher = HighestEnd(node.get_r_child(), bound, size);
      if (higher) return higher;
      if (gap >= size) return end;
    }
    return HighestEnd(node.get_l_child(), bound, size);
  }

  GapTree tree_;
};

VmaTree::VmaTree() : gaps_(std::make_unique<Gaps>()) {}
VmaTree::~VmaTree() = default;

VmAreaStruct* VmaTree::Search(uint64_t addr) const {
  auto it = vmas_.upper_bound(addr);
  if (it != vmas_.begin() && addr < std::prev(it)->second->vm_end) --it;
  return last_ = it != vmas_.end() ? it->second.get() : nullptr;
}

VmAreaStruct* VmaTree::FindIntersection(uint64_t start, uint64_t end) const {
  VmAreaStruct* vma = Find(start);
  return vma != nullptr && vma->vm_start < end ? vma : nullptr;
}

VmAreaStruct* VmaTree::Prev(const VmAreaStruct& vma) const {
  auto it = vmas_.lower_bound(vma.vm_start);
  return it != vmas_.begin() ? std::prev(it)->second.get() : nullptr;
}

VmAreaStruct* VmaTree::Next(const VmAreaStruct& vma) const {
  auto it = vmas_.upper_bound(vma.vm_start);
  return it != vmas_.end() ? it->second.get() : nullptr;
}

std::optional<uint64_t> VmaTree::EmptyAreaRev(uint64_t min, uint64_t max,
                                              uint64_t size) const {
  // The gap that `max` is in counts up to there only.
  auto it = vmas_.lower_bound(max);
  const VmAreaStruct* below =
      it != vmas_.begin() ? std::prev(it)->second.get() : nullptr;
  const uint64_t from = below != nullptr ? below->vm_end : 0;
  std::optional<uint64_t> end;
  if (from <= max && max - from >= size) {
    end = max;
  } else if (below != nullptr) {
    end = gaps_->HighestEnd(below->vm_start, size);
  }
  // What lies lower is below `min` as well.
  if (!end || *end - size < min) return std::nullopt;
  return *end - size;
}

VmAreaStruct* VmaTree::Insert(std::unique_ptr<VmAreaStruct> vma) {
  const uint64_t start = vma->vm_start;
  last_ = nullptr;
  auto it = vmas_.insert_or_assign(start, std::move(vma)).first;
  UpdateGapBelow(it);
  UpdateGapBelow(std::next(it));
  return it->second.get();
}

void VmaTree::Erase(const VmAreaStruct& vma) {
  last_ = nullptr;
  gaps_->Set(vma.vm_start, 0);
  UpdateGapBelow(vmas_.erase(vmas_.find(vma.vm_start)));
}

void VmaTree::SetEnd(VmAreaStruct& vma, uint64_t end) {
  vma.vm_end = end;
  UpdateGapBelow(vmas_.upper_bound(vma.vm_start));
}

void VmaTree::UpdateGapBelow(Map::const_iterator it) {
  if (it == vmas_.end()) return;
  const uint64_t from = it != vmas_.begin() ? std::prev(it)->second->vm_end : 0;
  gaps_->Set(it->first, it->first - from);
}

}  // namespace dmdax
