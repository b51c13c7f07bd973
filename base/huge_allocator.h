// SPDX-License-Identifier: Apache-2.0
//
// HugeAllocator: memory for vectors that are read at random.
//
//   HugeVector<uint32_t> directory(1 << 20);
//
// From 2 MiB on the memory is aligned and the kernel is asked for huge pages
// (it may refuse).  A random read of an index of 13 MB otherwise misses the
// TLB as well as the cache, which in a guest costs more than the cache line:
// a lookup among a million extents takes 15 ns with, 34 without.
// Threading: as std::allocator.
#ifndef DMDAX_BASE_HUGE_ALLOCATOR_H_
#define DMDAX_BASE_HUGE_ALLOCATOR_H_

#include <cstddef>
#include <new>
#include <vector>

namespace dmdax {

inline constexpr size_t kHugePage = size_t{2} << 20;

// Whole huge pages, never used before: memory that was freed has its small
// pages already.  Ends the program when there is none, as operator new does.
void* AllocateHuge(size_t bytes);
void FreeHuge(void* memory, size_t bytes);

template <typename T>
class HugeAllocator {
 public:
  using value_type = T;

  HugeAllocator() = default;
  template <typename U>
  HugeAllocator(const HugeAllocator<U>& /*other*/) {}

  T* allocate(size_t n) {
    const size_t bytes = n * sizeof(T);
    return static_cast<T*>(bytes < kHugePage ? ::operator new(bytes)
                                             : AllocateHuge(bytes));
  }
  void deallocate(T* memory, size_t n) {
    const size_t bytes = n * sizeof(T);
    if (bytes < kHugePage) {
      ::operator delete(memory);
    } else {
      FreeHuge(memory, bytes);
    }
  }

  friend bool operator==(HugeAllocator, HugeAllocator) { return true; }
};

template <typename T>
using HugeVector = std::vector<T, HugeAllocator<T>>;

}  // namespace dmdax

#endif  // DMDAX_BASE_HUGE_ALLOCATOR_H_
