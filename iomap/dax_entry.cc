// SPDX-License-Identifier: Apache-2.0
#include "iomap/dax_entry.h"

#include <algorithm>

namespace dmdax {
namespace {

constexpr int kChunkShift = 6;  // XA_CHUNK_SHIFT
constexpr uint64_t kChunkSize = uint64_t{1} << kChunkShift;

uint64_t AlignDown(uint64_t index, int order) {
  return index & ~((uint64_t{1} << order) - 1);
}

// The node level at which an entry of `order` is stored.
int NodeShift(int order) { return order / kChunkShift * kChunkShift; }

bool Has(const DaxEntry& entry, uint64_t index) {
  return index - entry.index < (uint64_t{1} << entry.order);
}

// Nodes from the root to a page, at most.
constexpr int kMaxHeight = 64 / kChunkShift + 1;

}  // namespace

struct DaxEntries::Node {
  union Slot {
    Node* node;
    DaxEntry* entry;
  };

  bool Has(unsigned at) const { return (used >> at & 1) != 0; }
  bool IsNode(unsigned at) const { return (nodes >> at & 1) != 0; }
  // Only the root may be asked for what it does not cover.
  bool Covers(uint64_t index) const { return (index >> shift) < kChunkSize; }
  unsigned SlotAt(uint64_t index) const {
    return static_cast<unsigned>(index >> shift) & (kChunkSize - 1);
  }
  void Put(unsigned at, Node* below) {
    slot[at].node = below;
    used |= uint64_t{1} << at;
    nodes |= uint64_t{1} << at;
  }
  void Put(unsigned at, DaxEntry* entry) {
    slot[at].entry = entry;
    used |= uint64_t{1} << at;
  }
  void Drop(unsigned at) {
    used &= ~(uint64_t{1} << at);
    nodes &= ~(uint64_t{1} << at);
  }

  int shift = 0;
  uint64_t used = 0;      // slots with something
  uint64_t nodes = 0;     // slots with a node
  Slot slot[kChunkSize];  // of any value where nothing is used
};

DaxEntries::DaxEntries(int pmd_order)
    : pmd_order_(pmd_order), pmd_shift_(NodeShift(pmd_order)) {}

DaxEntries::~DaxEntries() {
  if (root_ != nullptr) FreeNode(root_);
}

DaxEntries::Node* DaxEntries::NewNode(int shift) {
  Node* node = nullptr;
  if (free_nodes_.empty()) {
    node = new Node;
  } else {
    node = free_nodes_.back().release();
    free_nodes_.pop_back();
  }
  node->shift = shift;
  node->used = node->nodes = 0;
  return node;
}

void DaxEntries::FreeNode(Node* node) {
  for (uint64_t left = node->nodes; left != 0; left &= left - 1) {
    FreeNode(node->slot[__builtin_ctzll(left)].node);
  }
  delete node;
}

DaxEntry* DaxEntries::EntryIn(const Node& node, uint64_t index) const {
  const unsigned at = node.SlotAt(
      node.shift == pmd_shift_ ? AlignDown(index, pmd_order_) : index);
  if (!node.Has(at) || node.IsNode(at)) return nullptr;
  DaxEntry* entry = node.slot[at].entry;
  return Has(*entry, index) ? entry : nullptr;
}

DaxEntry* DaxEntries::Find(uint64_t index) const {
  if (last_ != nullptr && Has(*last_, index)) return last_;
  const Node* node = Nearest(index, 0);
  return node != nullptr ? EntryIn(*node, index) : nullptr;
}

DaxEntry* DaxEntries::FirstIn(const Node& node, uint64_t base, uint64_t index) {
  const uint64_t at = index <= base ? 0 : (index - base) >> node.shift;
  if (at >= kChunkSize) return nullptr;
  for (uint64_t left = node.used >> at << at; left != 0; left &= left - 1) {
    const auto i = static_cast<unsigned>(__builtin_ctzll(left));
    DaxEntry* entry = node.IsNode(i)
                          ? FirstIn(*node.slot[i].node,
                                    base + (uint64_t{i} << node.shift), index)
                          : node.slot[i].entry;
    if (entry != nullptr && entry->index >= index) return entry;
  }
  return nullptr;
}

DaxEntry* DaxEntries::AtOrAfter(uint64_t index) const {
  return root_ == nullptr ? nullptr : FirstIn(*root_, 0, index);
}

bool DaxEntries::SmallerIn(const Node& node, uint64_t first, int order) const {
  // What is smaller hangs below the slots of the larger.
  if (node.shift > pmd_shift_) return false;
  if (node.shift < pmd_shift_) return true;  // the root, of single pages
  const unsigned slots = 1u << (order - node.shift);
  const uint64_t range = (uint64_t{1} << slots) - 1;
  return (node.nodes >> node.SlotAt(first) & range) != 0;
}

bool DaxEntries::Conflicts(uint64_t index, int order) const {
  const uint64_t first = AlignDown(index, order);
  const Node* node = Nearest(first, pmd_shift_);
  return node != nullptr && SmallerIn(*node, first, order);
}

DaxEntries::Node* DaxEntries::Nearest(uint64_t index, int shift) const {
  Node* node = root_;
  if (node == nullptr || !node->Covers(index)) return nullptr;
  while (node->shift > shift) {
    const unsigned at = node->SlotAt(index);
    if (!node->IsNode(at)) break;
    node = node->slot[at].node;
  }
  return node;
}

DaxEntries::Node* DaxEntries::Root(uint64_t index, int shift) {
  if (root_ == nullptr) {
    int top = shift;
    while ((index >> top) >= kChunkSize) top += kChunkShift;
    root_ = NewNode(top);
  }
  // No node is empty: what hangs below another one has an entry.
  while (root_->shift < shift || !root_->Covers(index)) {
    Node* top = NewNode(root_->shift + kChunkShift);
    top->Put(0, root_);
    root_ = top;
  }
  return root_;
}

DaxEntry* DaxEntries::NewEntry(uint64_t index, int order, Node* nearest) {
  const int level = NodeShift(order);
  Node* node = nearest != nullptr ? nearest : Root(index, level);
  while (node->shift > level) {
    const unsigned at = node->SlotAt(index);
    if (!node->Has(at)) node->Put(at, NewNode(node->shift - kChunkShift));
    node = node->slot[at].node;
  }
  if (free_.empty()) {
    const size_t many = blocks_.empty() ? 4 : kChunkSize;
    blocks_.push_back(std::make_unique<DaxEntry[]>(many));
    for (size_t i = many; i-- > 0;) free_.push_back(&blocks_.back()[i]);
  }
  DaxEntry* entry = free_.back();
  free_.pop_back();
  *entry = {.index = index, .order = order};
  node->Put(node->SlotAt(index), entry);
  return last_ = entry;
}

void DaxEntries::Insert(const DaxEntry& entry) {
  Delete(entry.index, uint64_t{1} << entry.order, [](const DaxEntry&) {});
  *NewEntry(entry.index, entry.order, nullptr) = entry;
}

void DaxEntries::Erase(uint64_t index) {
  last_ = nullptr;
  Node* path[kMaxHeight];
  int depth = 0;
  for (Node* node = root_;; node = node->slot[node->SlotAt(index)].node) {
    path[depth++] = node;
    if (!node->IsNode(node->SlotAt(index))) break;
  }
  free_.push_back(path[depth - 1]->slot[path[depth - 1]->SlotAt(index)].entry);
  // A node goes with its last slot.
  while (depth-- > 0) {
    Node* node = path[depth];
    node->Drop(node->SlotAt(index));
    if (node->used != 0) return;
    if (depth == 0) root_ = nullptr;
    free_nodes_.emplace_back(node);
  }
}

DaxEntries::Grabbed DaxEntries::Grab(
    uint64_t index, int order,
    absl::FunctionRef<void(uint64_t first, uint64_t nr)> unmap) {
  // One walk: to what is there, to what conflicts, or to the place of a new
  // one.
  index = AlignDown(index, order);
  Node* nearest = Nearest(index, NodeShift(order));
  if (order > 0 && nearest != nullptr && SmallerIn(*nearest, index, order)) {
    return Grabbed{nullptr, VM_FAULT_FALLBACK};
  }
  DaxEntry* entry = nearest != nullptr ? EntryIn(*nearest, index) : nullptr;
  if (entry != nullptr && order == 0 && entry->is_pmd() &&
      (entry->is_zero() || entry->is_empty())) {
    // Only a zero page or a place holder is replaced by single pages.
    if (entry->is_zero()) unmap(entry->index, uint64_t{1} << entry->order);
    Erase(entry->index);
    entry = nullptr;
    nearest = nullptr;  // which may have gone with its last slot
  }
  if (entry == nullptr) {
    entry = NewEntry(index, order, nearest);
    entry->flags = DAX_EMPTY | (order > 0 ? unsigned{DAX_PMD} : 0);
  }
  entry->flags |= DAX_LOCKED;
  return Grabbed{entry, 0};
}

void DaxEntries::Delete(uint64_t first, uint64_t nr,
                        absl::FunctionRef<void(const DaxEntry&)> gone) {
  const uint64_t end = nr == 0 ? ~uint64_t{0} : first + nr;
  for (DaxEntry* entry = AtOrAfter(AlignDown(first, pmd_order_));
       entry != nullptr && entry->index < end;) {
    const uint64_t index = entry->index;
    if (index + (uint64_t{1} << entry->order) > first) {
      gone(*entry);
      Erase(index);
    }
    entry = AtOrAfter(index + 1);
  }
}

bool DaxEntries::AnyDirty() const {
  for (const DaxEntry& entry : *this) {
    if (entry.dirty) return true;
  }
  return false;
}

uint64_t DaxEntries::nrpages() const {
  uint64_t pages = 0;
  for (const DaxEntry& entry : *this) pages += uint64_t{1} << entry.order;
  return pages;
}

int DaxEntries::RootShift() const {
  uint64_t last = 0;
  for (const DaxEntry& entry : *this) {
    last = std::max(last, entry.index + (uint64_t{1} << entry.order) - 1);
  }
  int shift = 0;
  while ((last >> shift) >= kChunkSize) shift += kChunkShift;
  return shift;
}

uint64_t DaxEntries::FinalIndex(uint64_t start, const DaxEntry* from,
                                uint64_t max) const {
  const int root = RootShift();
  // A lone entry at index 0 sits in the root itself.
  const DaxEntry* first = AtOrAfter(0);
  if (first != nullptr && first->index == 0 && first->order == 0 &&
      AtOrAfter(1) == nullptr) {
    return from != nullptr || start == 0 ? 1 : start;
  }
  if (from == nullptr && (start >> root) >= kChunkSize) return start;
  // From the slot of an entry the walk goes on to the next one; else it begins
  // with that of `start`.
  uint64_t index = from != nullptr ? from->index : start;
  int shift = from != nullptr ? NodeShift(from->order) : root;
  uint64_t slot = (index >> shift) % kChunkSize + (from != nullptr ? 1 : 0);
  uint64_t inside = index;
  while (true) {
    const uint64_t node = inside & ~((kChunkSize << shift) - 1);
    uint64_t marked = slot;
    while (marked < kChunkSize &&
           !HasToWrite(node + (marked << shift), shift)) {
      ++marked;
    }
    if (marked > slot || from != nullptr) {
      index = node + (marked << shift);
      if (index - 1 >= max) return index;
    }
    from = nullptr;
    if (marked < kChunkSize) {
      // What is marked there lies behind `max`.
      shift -= kChunkShift;
      if (shift < 0) return index;
      slot = (index >> shift) % kChunkSize;
      inside = index;
      continue;
    }
    if (shift >= root) return index;
    // The next slot of the parent; the index is there already.
    shift += kChunkShift;
    slot = ((node >> shift) % kChunkSize) + 1;
    inside = node;
  }
}

bool DaxEntries::HasToWrite(uint64_t first, int shift) const {
  const uint64_t end = first + (uint64_t{1} << shift);
  for (const DaxEntry* entry = AtOrAfter(first);
       entry != nullptr && entry->index < end;
       entry = AtOrAfter(entry->index + 1)) {
    if (entry->towrite) return true;
  }
  return false;
}

}  // namespace dmdax
