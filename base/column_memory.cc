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
#include "absl/base/thread_annotations.h"
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
  // A block of this size, with anything in it.
  void* Take(size_t size) {
    if (void* const enough = TakeEnough(size)) return enough;
    void* const fresh = MapAligned(size);
    if (const Block less = TakeLargest(); less.data != nullptr) {
      if (!MovePages(less.data, less.size, fresh)) Keep(less.data, less.size);
    }
    return fresh;
  }

  // Null: no block that is kept is so large.
  void* TakeEnough(size_t size) {
    Block best{nullptr, 0};
    {
      absl::MutexLock lock(&mu_);
      // The smallest of them, so that the same table finds its own block again.
      const auto smaller = [&](const Block& a, const Block& b) {
        return (a.size < size ? SIZE_MAX : a.size) <
               (b.size < size ? SIZE_MAX : b.size);
      };
      const auto it = std::min_element(blocks_.begin(), blocks_.end(), smaller);
      if (it == blocks_.end() || it->size < size) return nullptr;
      best = TakeAt(it);
    }
    Cut(best.data, best.size, size);
    return best.data;
  }

  // Gives back what is beyond `size`.
  static void Cut(void* data, size_t old_size, size_t size) {
    if (size < old_size) {
      munmap(static_cast<char*>(data) + size, old_size - size);
    }
  }

  // The pages of a block, with what is in them, become the first of a mapping
  // that is not smaller.  False: they may not, and the block is as it was.
  static bool MovePages(void* data, size_t size, void* to) {
    return mremap(data, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, to) !=
           MAP_FAILED;
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
  Block TakeAt(std::vector<Block>::iterator it)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    const Block block = *it;
    blocks_.erase(it);
    kept_ -= block.size;
    return block;
  }

  // Or null.
  Block TakeLargest() {
    absl::MutexLock lock(&mu_);
    const auto it = std::max_element(
        blocks_.begin(), blocks_.end(),
        [](const Block& a, const Block& b) { return a.size < b.size; });
    return it == blocks_.end() ? Block{nullptr, 0} : TakeAt(it);
  }

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
  if (was_large && is_large) {
    moved = Kept().TakeEnough(Whole(new_size));
    if (moved == nullptr) {
      // Its pages become the first of a larger block.
      moved = MapAligned(Whole(new_size));
      if (KeptBlocks::MovePages(old, Whole(old_size), moved)) return moved;
    }
    memcpy(moved, old, old_size);
  } else if (new_size > 0) {
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
