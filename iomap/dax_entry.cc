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

}  // namespace

DaxEntry* DaxEntries::Find(uint64_t index) {
  auto it = entries_.upper_bound(index);
  if (it == entries_.begin()) return nullptr;
  DaxEntry& entry = std::prev(it)->second;
  return index - entry.index < (uint64_t{1} << entry.order) ? &entry : nullptr;
}

bool DaxEntries::Conflicts(uint64_t index, int order) {
  const uint64_t first = AlignDown(index, order);
  auto it = entries_.lower_bound(first);
  return it != entries_.end() && it->first < first + (uint64_t{1} << order) &&
         it->second.order < order;
}

DaxEntries::Grabbed DaxEntries::Grab(uint64_t index, int order,
                                     const Unmap& unmap) {
  if (order > 0 && Conflicts(index, order)) {
    return Grabbed{nullptr, VM_FAULT_FALLBACK};
  }
  DaxEntry* entry = Find(index);
  if (entry != nullptr && order == 0 && entry->is_pmd() &&
      (entry->is_zero() || entry->is_empty())) {
    // Only a zero page or a place holder is replaced by single pages.
    if (entry->is_zero()) unmap(entry->index, uint64_t{1} << entry->order);
    entries_.erase(entry->index);
    entry = nullptr;
  }
  if (entry == nullptr) {
    const uint64_t first = AlignDown(index, order);
    entry = &entries_[first];
    entry->index = first;
    entry->order = order;
    entry->flags = DAX_EMPTY | (order > 0 ? unsigned{DAX_PMD} : 0);
  }
  entry->flags |= DAX_LOCKED;
  return Grabbed{entry, 0};
}

void DaxEntries::Delete(uint64_t first, uint64_t nr,
                        const std::function<void(const DaxEntry&)>& gone) {
  const uint64_t end = nr == 0 ? ~uint64_t{0} : first + nr;
  auto it = entries_.lower_bound(AlignDown(first, pmd_order_));
  while (it != entries_.end() && it->first < end) {
    const DaxEntry& entry = it->second;
    if (entry.index + (uint64_t{1} << entry.order) <= first) {
      ++it;
      continue;
    }
    gone(entry);
    it = entries_.erase(it);
  }
}

bool DaxEntries::AnyDirty() const {
  return std::any_of(entries_.begin(), entries_.end(),
                     [](const auto& item) { return item.second.dirty; });
}

uint64_t DaxEntries::nrpages() const {
  uint64_t pages = 0;
  for (const auto& [index, entry] : entries_) {
    pages += uint64_t{1} << entry.order;
  }
  return pages;
}

int DaxEntries::RootShift() const {
  uint64_t last = 0;
  for (const auto& [index, entry] : entries_) {
    last = std::max(last, index + (uint64_t{1} << entry.order) - 1);
  }
  int shift = 0;
  while ((last >> shift) >= kChunkSize) shift += kChunkShift;
  return shift;
}

uint64_t DaxEntries::FinalIndex(uint64_t start, const DaxEntry* from,
                                uint64_t max) const {
  const int root = RootShift();
  // A lone entry at index 0 sits in the root itself.
  if (entries_.size() == 1 && entries_.begin()->first == 0 &&
      entries_.begin()->second.order == 0) {
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
  for (auto it = entries_.lower_bound(first);
       it != entries_.end() && it->first < end; ++it) {
    if (it->second.towrite) return true;
  }
  return false;
}

}  // namespace dmdax
