// SPDX-License-Identifier: Apache-2.0
#include "mm/next_miss.h"

#include "base/fault_profile.h"

namespace dmdax {
namespace {

// Slots of a node, as a shift (XA_CHUNK_SHIFT).
constexpr int kChunkShift = 6;
constexpr uint64_t kChunkMask = (uint64_t{1} << kChunkShift) - 1;

enum class Slot { kEmpty, kNode, kFolio };

// struct xa_state.
class XaState {
 public:
  XaState(const AddressSpace& mapping, uint64_t index)
      : mapping_(mapping), index_(index) {}
  uint64_t index() const { return index_; }

  // xas_load(): whether a page is there.
  bool Load() {
    if (!mapping_.pages.contains(index_)) return false;
    const auto [folio, order] = mapping_.Folio(index_);
    shift_ = order / kChunkShift * kChunkShift;
    slot_ = folio >> shift_;
    return true;
  }

  // xas_next().
  bool Next() {
    const bool in_node = shift_ == 0 && (slot_ & kChunkMask) != kChunkMask;
    ++index_;
    // Among pages of a node the slot moves on unasked.
    if (in_node || !AtIndex()) {
      ++slot_;
      // Out of the node: to the slot of the next one, in the parent.
      while ((slot_ & kChunkMask) == 0) {
        slot_ >>= kChunkShift;
        shift_ += kChunkShift;
      }
    }
    for (;;) {
      const Slot at = At();
      if (at != Slot::kNode) return at == Slot::kFolio;
      shift_ -= kChunkShift;
      slot_ = (slot_ << kChunkShift) | ((index_ >> shift_) & kChunkMask);
    }
  }

 private:
  // Whether the slot is where the index belongs in this node.
  bool AtIndex() const {
    return (slot_ & kChunkMask) == ((index_ >> shift_) & kChunkMask);
  }
  Slot At() const {
    const uint64_t first = slot_ << shift_;
    const auto page = mapping_.pages.lower_bound(first);
    if (page == mapping_.pages.end() || page->first - first >= uint64_t{1}
                                                                   << shift_) {
      return Slot::kEmpty;
    }
    return shift_ == 0 || mapping_.Folio(page->first).second >= shift_
               ? Slot::kFolio
               : Slot::kNode;
  }

  const AddressSpace& mapping_;
  uint64_t index_;
  int shift_ = 0;
  uint64_t slot_ = 0;  // counts slots of this level from the file's start
};

}  // namespace

uint64_t PageCacheNextMiss(const FaultProfile& profile,
                           const AddressSpace& mapping, uint64_t index,
                           uint64_t max) {
  XaState xas(mapping, index);
  for (uint64_t i = 0; i < max; ++i) {
    if (!(i == 0 ? xas.Load() : xas.Next())) return xas.index();
  }
  return profile.next_miss_is_outside ? 0 : index + max - 1;
}

}  // namespace dmdax
