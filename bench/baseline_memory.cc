// SPDX-License-Identifier: Apache-2.0
#include "bench/baseline_memory.h"

namespace dmdax::bench {

void PagePool::Grow() {
  constexpr size_t kMany = 64;
  chunks_.push_back(std::make_unique<Page[]>(kMany));
  for (size_t i = 0; i < kMany; ++i) free_.push_back(&chunks_.back()[i]);
}

Xarray::Node* Xarray::NewNode(int shift) {
  // The kernel's come zeroed from their constructor; freed ones are empty.
  Node* node = static_cast<Node*>(slab_.Alloc());
  *node = Node{};
  node->shift = static_cast<uint8_t>(shift);
  return node;
}

void Xarray::FreeNode(Node* node) {
  for (uint64_t slot : node->slot) {
    if (IsNode(slot)) FreeNode(ToNode(slot));
  }
  slab_.Free(node);
}

void Xarray::Clear() {
  if (root_ != nullptr) FreeNode(root_);
  root_ = nullptr;
}

Xarray::Node* Xarray::Walk(uint64_t index, int order, uint64_t* offset) const {
  Node* node = root_;
  if (node == nullptr || (index >> node->shift) >= kSlots) return nullptr;
  for (;;) {
    *offset = (index >> node->shift) & (kSlots - 1);
    uint64_t slot = node->slot[*offset];
    if (IsSibling(slot)) {
      *offset = slot / 4 - 1;
      slot = node->slot[*offset];
    }
    if (!IsNode(slot) || node->shift <= order) return node;
    node = ToNode(slot);
  }
}

uint64_t Xarray::Load(uint64_t index) const {
  uint64_t offset = 0;
  const Node* node = Walk(index, 0, &offset);
  return node == nullptr ? 0 : node->slot[offset];
}

bool Xarray::HasSmaller(uint64_t index, int order) const {
  uint64_t offset = 0;
  const Node* node = Walk(index, order / kShift * kShift, &offset);
  if (node == nullptr || node->shift > order) return false;
  const uint64_t nr = uint64_t{1} << (order - node->shift);
  for (uint64_t i = 0; i < nr; ++i) {
    if (IsNode(node->slot[offset + i])) return true;
  }
  return false;
}

void Xarray::Store(uint64_t index, int order, uint64_t value) {
  const int level = order / kShift * kShift;
  if (root_ == nullptr) root_ = NewNode(level);
  while ((index >> root_->shift) >= kSlots) {
    Node* top = NewNode(root_->shift + kShift);
    top->slot[0] = reinterpret_cast<uint64_t>(root_) | 2;
    top->dirty = root_->dirty != 0 ? 1 : 0;
    top->count = 1;
    root_->parent = top;
    root_ = top;
  }
  Node* node = root_;
  while (node->shift > level) {
    const uint64_t at = (index >> node->shift) & (kSlots - 1);
    if (!IsNode(node->slot[at])) {
      Node* child = NewNode(node->shift - kShift);
      child->parent = node;
      child->offset = static_cast<uint8_t>(at);
      node->slot[at] = reinterpret_cast<uint64_t>(child) | 2;
      ++node->count;
    }
    node = ToNode(node->slot[at]);
  }
  const uint64_t first = (index >> node->shift) & (kSlots - 1);
  const uint64_t nr = uint64_t{1} << (order - node->shift);
  if (node->slot[first] == 0) node->count += static_cast<uint8_t>(nr);
  node->slot[first] = value;
  for (uint64_t i = 1; i < nr; ++i) node->slot[first + i] = (first + 1) * 4;
}

void Xarray::MarkDirty(uint64_t index) {
  uint64_t offset = 0;
  Node* node = Walk(index, 0, &offset);
  while (node != nullptr) {
    const uint64_t bit = uint64_t{1} << offset;
    if (node->dirty & bit) return;
    node->dirty |= bit;
    offset = node->offset;
    node = node->parent;
  }
}

void MapleLike::Append(uint64_t last, const void* value) {
  if (leaves_.empty() || leaves_.back()->used == kSlots) {
    leaves_.push_back(std::make_unique<Node>());
    root_.slot[root_.used++] = leaves_.back().get();
  }
  Node& leaf = *leaves_.back();
  leaf.pivot[leaf.used] = last;
  leaf.slot[leaf.used++] = value;
  root_.pivot[root_.used - 1] = last;
}

const void* MapleLike::Find(uint64_t address) const {
  const Node* node = &root_;
  for (int level = 0;; ++level) {
    size_t i = 0;
    while (i < node->used && node->pivot[i] < address) ++i;
    if (i == node->used) return nullptr;
    if (level == 1) return node->slot[i];
    node = static_cast<const Node*>(node->slot[i]);
  }
}

}  // namespace dmdax::bench
