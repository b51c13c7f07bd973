// SPDX-License-Identifier: Apache-2.0
#include "base/column_memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "absl/base/attributes.h"
#include "absl/base/const_init.h"
#include "absl/synchronization/mutex.h"

namespace dmdax {
namespace {

constexpr size_t kLarge = size_t{1} << 20;
constexpr size_t kMostKept = size_t{64} << 20;

void* OrAbort(void* p) {
  if (p == nullptr || p == MAP_FAILED) abort();
  return p;
}

struct Block {
  void* data;
  size_t size;
};

// Blocks are their own mappings: mremap() can then grow and cut them without
// copying, whatever lies behind.
class KeptBlocks {
 public:
  void* Take(size_t size) {
    Block best{nullptr, 0};
    {
      absl::MutexLock lock(&mu_);
      // The nearest in size: the same table again finds its own.
      const auto far = [size](const Block& b) {
        return std::max(b.size, size) - std::min(b.size, size);
      };
      const auto found = std::min_element(
          blocks_.begin(), blocks_.end(),
          [&](const Block& a, const Block& b) { return far(a) < far(b); });
      if (found != blocks_.end()) {
        best = *found;
        blocks_.erase(found);
        kept_ -= best.size;
      }
    }
    if (best.data == nullptr) {
      return OrAbort(mmap(nullptr, size, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    }
    return OrAbort(mremap(best.data, best.size, size, MREMAP_MAYMOVE));
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
  if (was_large && is_large) {
    return OrAbort(mremap(old, old_size, new_size, MREMAP_MAYMOVE));
  }
  void* moved = nullptr;
  if (new_size > 0) {
    moved = is_large ? Kept().Take(new_size) : OrAbort(malloc(new_size));
    if (old_size > 0) memcpy(moved, old, std::min(old_size, new_size));
  }
  if (was_large) {
    Kept().Keep(old, old_size);
  } else {
    free(old);
  }
  return moved;
}

}  // namespace dmdax
