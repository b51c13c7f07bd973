// SPDX-License-Identifier: Apache-2.0
//
// What a kernel's page fault is made of, for bench/fault_baseline.h: locks,
// pages, slabs, an xarray and a maple tree, as plain as they can be without
// being slower than the kernel's.
//
//   Xarray pages;
//   pages.Store(512, /*order=*/9, value);
//   pages.Load(700);                        // value
// Threading: one thread.
#ifndef DMDAX_BENCH_BASELINE_MEMORY_H_
#define DMDAX_BENCH_BASELINE_MEMORY_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

namespace dmdax::bench {

// A ticket is not needed: nobody waits.  One locked instruction on the way in,
// a plain store on the way out, as in the kernel.
class SpinLock {
 public:
  void Lock() {
    uint32_t free = 0;
    while (!word_.compare_exchange_weak(free, 1, std::memory_order_acquire)) {
      free = 0;
    }
  }
  void Unlock() { word_.store(0, std::memory_order_release); }

 private:
  std::atomic<uint32_t> word_{0};
};

// rwlock_t or rw_semaphore for reading: a locked instruction each way.
class SharedLock {
 public:
  void LockShared() { count_.fetch_add(256, std::memory_order_acquire); }
  void UnlockShared() { count_.fetch_sub(256, std::memory_order_release); }
  void Lock() { count_.fetch_or(1, std::memory_order_acquire); }
  void Unlock() { count_.fetch_and(~uint64_t{1}, std::memory_order_release); }

 private:
  std::atomic<uint64_t> count_{0};
};

// The page allocator's list of one processor: zeroed pages of 4 KiB.
class PagePool {
 public:
  static constexpr size_t kPage = 4096;

  void* AllocZeroed() {
    if (free_.empty()) Grow();
    void* page = free_.back();
    free_.pop_back();
    used_.push_back(page);
    return memset(page, 0, kPage);
  }
  // Gives all back.
  void Clear() {
    free_.insert(free_.end(), used_.begin(), used_.end());
    used_.clear();
  }

 private:
  void Grow();
  struct alignas(kPage) Page {
    char bytes[kPage];
  };
  std::vector<std::unique_ptr<Page[]>> chunks_;
  std::vector<void*> free_, used_;
};

// kmem_cache_alloc() from the list of one processor.
template <size_t kSize>
class SlabLike {
 public:
  void* Alloc() {
    if (free_ == nullptr) Grow();
    Object* object = free_;
    free_ = object->next;
    return object;
  }
  void Free(void* memory) {
    auto* object = static_cast<Object*>(memory);
    object->next = free_;
    free_ = object;
  }

 private:
  union Object {
    Object* next;
    char bytes[kSize];
  };
  void Grow() {
    constexpr size_t kMany = 64;
    chunks_.push_back(std::make_unique<Object[]>(kMany));
    for (size_t i = 0; i < kMany; ++i) Free(&chunks_.back()[i]);
  }
  Object* free_ = nullptr;
  std::vector<std::unique_ptr<Object[]>> chunks_;
};

// A radix tree of nodes of 64 slots.  An entry of order 9 has eight slots of
// the second level; all but the first say where the first is.
class Xarray {
 public:
  Xarray() = default;
  ~Xarray() { Clear(); }
  Xarray(const Xarray&) = delete;
  Xarray& operator=(const Xarray&) = delete;

  SpinLock lock;

  // The entry that covers `index`, or 0.
  uint64_t Load(uint64_t index) const;
  // Whether there is an entry below a slot of `order` at `index`.
  bool HasSmaller(uint64_t index, int order) const;
  void Store(uint64_t index, int order, uint64_t value);
  // PAGECACHE_TAG_DIRTY, in the node and in those above it.
  void MarkDirty(uint64_t index);
  void Clear();

 private:
  static constexpr int kShift = 6;
  static constexpr uint64_t kSlots = 1 << kShift;
  struct Node {
    uint64_t slot[kSlots];
    Node* parent;
    uint64_t dirty;
    uint8_t shift, offset, count;
  };
  // Bits of a slot: a value has bit 0, a sibling bits 1 and 0 clear and is
  // small, a node has bit 1.
  static bool IsNode(uint64_t slot) { return (slot & 3) == 2; }
  static Node* ToNode(uint64_t slot) {
    return reinterpret_cast<Node*>(slot & ~uint64_t{3});
  }
  static bool IsSibling(uint64_t slot) {
    return slot != 0 && (slot & 3) == 0 && slot < kSlots * 4 + 4;
  }
  // The slot where `index` ends, at or above the level of `order`.
  Node* Walk(uint64_t index, int order, uint64_t* offset) const;
  Node* NewNode(int shift);
  void FreeNode(Node* node);

  Node* root_ = nullptr;
  SlabLike<sizeof(Node)> slab_;
};

// mm->mm_mt: nodes of 16 slots with 15 pivots, searched one by one.
class MapleLike {
 public:
  // By ascending last address; `value` of what ends there.
  void Append(uint64_t last, const void* value);
  // What ends at or above `address` first, or null.
  const void* Find(uint64_t address) const;

 private:
  static constexpr size_t kSlots = 16;
  struct alignas(64) Node {
    uint64_t pivot[kSlots];
    const void* slot[kSlots];
    size_t used = 0;
  };
  std::vector<std::unique_ptr<Node>> leaves_;
  Node root_;
};

}  // namespace dmdax::bench

#endif  // DMDAX_BENCH_BASELINE_MEMORY_H_
