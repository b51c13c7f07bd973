// SPDX-License-Identifier: Apache-2.0
//
// Many pages through a compiled map.
#include <algorithm>

#include "dm/compiled_map.h"

namespace dmdax {
namespace {

// Pages between asking memory for a cache line and using it.
constexpr size_t kAhead = 32;

}  // namespace

void CompiledMap::FindKernel() {
  FindFewRuns();
  if (!IsOneStripe()) return;
  one_stripe_ = OneStripe::Make(*specials_[0].period, specials_[0].offset,
                                pages_, specials_[0].cap);
}

void CompiledMap::FindFewRuns() {
  const auto find = [&](const auto& extents) {
    if (extents.size() > FewRuns::kMost) return;
    FewRuns runs;
    runs.start.fill(~uint64_t{0});
    uint64_t offset = 0;
    for (size_t i = 0; i < extents.size(); ++i) {
      if (extents[i].value >= extents.kSpecial) return;
      const uint64_t next = uint64_t{extents[i].value} - extents[i].start;
      if (i == 0) {
        runs.offset = next;
      } else {
        runs.start[i - 1] = extents[i].start;
        runs.step[i - 1] = next - offset;
      }
      offset = next;
    }
    runs.more = extents.size() - 1;
    runs.pages = pages_;
    few_runs_ = runs;
  };
  narrow_ ? find(narrow_extents_) : find(wide_extents_);
}

void CompiledMap::TranslateOne(pgoff_t page, int64_t nr_pages, size_t i,
                               const Batch& out) const {
  DaxFrames frames = Translate(page, nr_pages);
  if (frames.ret == kAskOperations) frames = out.chain(page);
  out.pfns[i] = frames.ret > 0 ? frames.pfn : kNoPfn;
  if (out.lengths != nullptr) out.lengths[i] = frames.ret;
}

template <typename Word, ExtentShape kShape>
void CompiledMap::TranslateBlock(absl::Span<const pgoff_t> pages, size_t first,
                                 size_t end, int64_t nr_pages,
                                 const Batch& out) const {
  const ExtentTable<Word>& extents = this->extents<Word>();
  // Copies, which the answers can not overwrite for all the compiler knows.
  const auto find = extents.template finder<kShape>();
  const auto* const entries = extents.entries();
  const uint64_t outside = pages_;
  uint64_t* const pfns = out.pfns;
  int64_t* const lengths = out.lengths;
  for (size_t i = first; i < end; ++i) {
    const uint64_t page = pages[i].value();
    if (page < outside) [[likely]] {
      // No answer to put together but for stripes and errors.
      const auto* const extent = entries + find(page);
      if (extent->value < extents.kSpecial) [[likely]] {
        pfns[i] = uint64_t{extent->value} + (page - extent->start);
        if (lengths != nullptr) {
          const uint64_t left = extent[1].start - page;
          lengths[i] = std::min(static_cast<int64_t>(left), nr_pages);
        }
        continue;
      }
    }
    TranslateOne(pages[i], nr_pages, i, out);
  }
}

// Three stages that overlap the cache misses of kAhead pages: fetch the
// directory slot, then the extent, then answer.  One after the other, as in
// single queries, a million extents cost 15 ns a page instead of 6.
template <typename Word, ExtentShape kShape>
void CompiledMap::TranslateAhead(absl::Span<const pgoff_t> pages,
                                 int64_t nr_pages, const Batch& out) const {
  const ExtentTable<Word>& extents = this->extents<Word>();
  const size_t n = pages.size();
  for (size_t first = 0; first < n; first += kAhead) {
    const size_t next = std::min(first + kAhead, n);
    const size_t after = std::min(next + kAhead, n);
    for (size_t i = next; i < after; ++i) {
      if (pages[i].value() < pages_) extents.PrefetchSlot(pages[i].value());
    }
    for (size_t i = first; i < next; ++i) {
      if (pages[i].value() < pages_) extents.PrefetchEntry(pages[i].value());
    }
    TranslateBlock<Word, kShape>(pages, first, next, nr_pages, out);
  }
}

template <typename Word>
void CompiledMap::TranslateIn(absl::Span<const pgoff_t> pages, int64_t nr_pages,
                              const Batch& out) const {
  using enum ExtentShape;
  switch (extents<Word>().shape()) {
    case kOne:
      return TranslateBlock<Word, kOne>(pages, 0, pages.size(), nr_pages, out);
    case kEqual:
      return TranslateBlock<Word, kEqual>(pages, 0, pages.size(), nr_pages,
                                          out);
    case kFine:
      return TranslateBlock<Word, kFine>(pages, 0, pages.size(), nr_pages, out);
    case kCoarse:
      return TranslateAhead<Word, kCoarse>(pages, nr_pages, out);
    case kDense:
      return TranslateAhead<Word, kDense>(pages, nr_pages, out);
  }
}

void CompiledMap::TranslateBatch(SimdLevel simd,
                                 absl::Span<const pgoff_t> pages,
                                 int64_t nr_pages, const Batch& out) const {
  if (out.lengths == nullptr && (few_runs_ || one_stripe_)) {
    // A pgoff_t is its number, in memory too.
    static_assert(sizeof(pgoff_t) == sizeof(uint64_t));
    const auto* numbers = reinterpret_cast<const uint64_t*>(pages.data());
    if (few_runs_ ? TranslateFewRuns(simd, *few_runs_, numbers, pages.size(),
                                     out.pfns)
                  : TranslateStripe(simd, *one_stripe_, numbers, pages.size(),
                                    out.pfns)) {
      return;
    }
  }
  narrow_ ? TranslateIn<uint32_t>(pages, nr_pages, out)
          : TranslateIn<uint64_t>(pages, nr_pages, out);
}

}  // namespace dmdax
