// SPDX-License-Identifier: Apache-2.0
#include "base/huge_allocator.h"

#include <sys/mman.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace dmdax {
namespace {

size_t Whole(size_t bytes) {
  return (bytes + kHugePage - 1) / kHugePage * kHugePage;
}

}  // namespace

void* AllocateHuge(size_t bytes) {
  // One huge page more, of which what is not aligned is given back.
  const size_t whole = Whole(bytes);
  void* memory = mmap(nullptr, whole + kHugePage, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) {
    fprintf(stderr, "dmdax: no memory for an index of %zu bytes\n", bytes);
    abort();
  }
  char* const begin = static_cast<char*>(memory);
  const size_t before =
      (kHugePage - reinterpret_cast<uintptr_t>(begin) % kHugePage) % kHugePage;
  if (before > 0) munmap(begin, before);
  munmap(begin + before + whole, kHugePage - before);
  madvise(begin + before, whole, MADV_HUGEPAGE);
  return begin + before;
}

void FreeHuge(void* memory, size_t bytes) { munmap(memory, Whole(bytes)); }

}  // namespace dmdax
