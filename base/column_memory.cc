// SPDX-License-Identifier: Apache-2.0
#include "base/column_memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "absl/base/attributes.h"
#include "absl/base/const_init.h"
#include "absl/synchronization/mutex.h"

namespace dmdax {
namespace {

constexpr size_t kHugePage = size_t{2} << 20;
constexpr size_t kLarge = kHugePage / 2;
constexpr size_t kMostKept = size_t{64} << 20;

void* OrAbort(void* p) {
  if (p == nullptr || p == MAP_FAILED) abort();
  return p;
}

// What a large block really takes.
size_t Whole(size_t size) {
  return (size + kHugePage - 1) / kHugePage * kHugePage;
}

// Fresh memory that begins with a huge page.
void* MapAligned(size_t whole) {
  // Maps one huge page more, and gives back what is not aligned.
  char* const begin = static_cast<char*>(
      OrAbort(mmap(nullptr, whole + kHugePage, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)));
  const size_t before =
      (kHugePage - reinterpret_cast<uintptr_t>(begin) % kHugePage) % kHugePage;
  if (before > 0) munmap(begin, before);
  munmap(begin + before + whole, kHugePage - before);
  // The kernel may refuse; then the pages are small.
  madvise(begin + before, whole, MADV_HUGEPAGE);
  return begin + before;
}

struct Block {
  void* data;
  size_t size;
};

// Blocks are their own mappings, so that they can be cut and given back.
class KeptBlocks {
 public:
  void* Take(size_t size) {
    Block best{nullptr, 0};
    {
      absl::MutexLock lock(&mu_);
      // The smallest block that is large enough, so that the same table finds
      // its own block again.
      for (auto it = blocks_.begin(); it != blocks_.end(); ++it) {
        if (it->size < size) continue;
        if (best.data == nullptr || it->size < best.size) best = *it;
      }
      if (best.data != nullptr) {
        blocks_.erase(
            std::find_if(blocks_.begin(), blocks_.end(),
                         [&](const Block& b) { return b.data == best.data; }));
        kept_ -= best.size;
      }
    }
    if (best.data == nullptr) return MapAligned(size);
    Cut(best.data, best.size, size);
    return best.data;
  }

  // Gives back what is beyond `size`.
  static void Cut(void* data, size_t old_size, size_t size) {
    if (size < old_size) {
      munmap(static_cast<char*>(data) + size, old_size - size);
    }
  }

  void Keep(void* data, size_t size) {
    std::vector<Block> gone;
    {
      absl::MutexLock lock(&mu_);
      blocks_.push_back({data, size});
      kept_ += size;
      // The oldest go first.
      while (kept_ > kMostKept) {
        kept_ -= blocks_.front().size;
        gone.push_back(blocks_.front());
        blocks_.erase(blocks_.begin());
      }
    }
    for (const Block& block : gone) munmap(block.data, block.size);
  }

 private:
  absl::Mutex mu_;
  std::vector<Block> blocks_ ABSL_GUARDED_BY(mu_);
  size_t kept_ ABSL_GUARDED_BY(mu_) = 0;
};

KeptBlocks& Kept() {
  static auto* kept = new KeptBlocks;
  return *kept;
}

}  // namespace

void* ReallocColumn(void* old, size_t old_size, size_t new_size) {
  const bool was_large = old_size >= kLarge, is_large = new_size >= kLarge;
  if (!was_large && !is_large) {
    if (new_size > 0) return OrAbort(realloc(old, new_size));
    free(old);
    return nullptr;
  }
  if (was_large && is_large && Whole(new_size) <= Whole(old_size)) {
    KeptBlocks::Cut(old, Whole(old_size), Whole(new_size));
    return old;
  }
  void* moved = nullptr;
  if (new_size > 0) {
    moved = is_large ? Kept().Take(Whole(new_size)) : OrAbort(malloc(new_size));
    if (old_size > 0) memcpy(moved, old, std::min(old_size, new_size));
  }
  if (was_large) {
    Kept().Keep(old, Whole(old_size));
  } else {
    free(old);
  }
  return moved;
}

}  // namespace dmdax
