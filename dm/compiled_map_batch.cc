// SPDX-License-Identifier: Apache-2.0
//
// Many pages through a compiled map.
#include <algorithm>

#include "dm/compiled_map.h"

namespace dmdax {
namespace {

// Pages between asking memory for a cache line and using it.
constexpr size_t kAhead = 32;

constexpr size_t kSpareSlots = 4;

// A pgoff_t is its number, in memory too.
const uint64_t* Numbers(absl::Span<const pgoff_t> pages) {
  static_assert(sizeof(pgoff_t) == sizeof(uint64_t));
  return reinterpret_cast<const uint64_t*>(pages.data());
}

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
    runs.narrow = narrow_;
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

// find(i, page): the extent that holds pages[i], if it is in the map.
template <typename Word, typename Find>
void CompiledMap::TranslateBlock(absl::Span<const pgoff_t> pages, size_t first,
                                 size_t end, int64_t nr_pages, const Batch& out,
                                 const Find& find) const {
  const ExtentTable<Word>& extents = this->extents<Word>();
  // Copies, which the answers can not overwrite for all the compiler knows.
  const auto* const entries = extents.entries();
  const uint64_t outside = pages_;
  uint64_t* const pfns = out.pfns;
  int64_t* const lengths = out.lengths;
  for (size_t i = first; i < end; ++i) {
    const uint64_t page = pages[i].value();
    if (page < outside) [[likely]] {
      // No answer to put together but for stripes and errors.
      const auto* const extent = entries + find(i, page);
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

// One page after the other.
template <typename Word, ExtentShape kShape>
void CompiledMap::TranslateEach(absl::Span<const pgoff_t> pages,
                                int64_t nr_pages, const Batch& out) const {
  const auto finder = this->extents<Word>().template finder<kShape>();
  TranslateBlock<Word>(
      pages, 0, pages.size(), nr_pages, out,
      [finder](size_t, uint64_t page) { return finder(page); });
}

// answer(i): the first page from pages[i] on that it did not answer.
template <typename Answer>
void CompiledMap::TranslateRuns(absl::Span<const pgoff_t> pages, size_t first,
                                size_t end, int64_t nr_pages, const Batch& out,
                                const Answer& answer) const {
  for (size_t i = first; i < end; ++i) {
    i = answer(i);
    if (i < end) TranslateOne(pages[i], nr_pages, i, out);
  }
}

// Three stages that overlap the cache misses of kAhead pages: fetch the
// directory slots, then the extents, then answer.  One page after the other,
// a million extents cost 15 ns a page instead of 5.
template <typename Word>
void CompiledMap::TranslateAhead(SimdLevel simd,
                                 absl::Span<const pgoff_t> pages,
                                 int64_t nr_pages, const Batch& out) const {
  const ExtentTable<Word>& extents = this->extents<Word>();
  const auto* const entries = extents.entries();
  const uint64_t last_page = pages_ - 1;
  uint32_t starts[kAhead];
  const size_t n = pages.size();
  for (size_t first = 0; first < n; first += kAhead) {
    const size_t next = std::min(first + kAhead, n);
    const size_t after = std::min(next + kAhead, n);
    for (size_t i = next; i < after; ++i) {
      extents.PrefetchSlot(std::min(pages[i].value(), last_page));
    }
    for (size_t i = first; i < next; ++i) {
      const uint64_t page = std::min(pages[i].value(), last_page);
      starts[i - first] = extents.StartOf(page);
      __builtin_prefetch(entries + starts[i - first] + 1);
    }
    if constexpr (CanSearchRuns<Word>(SimdLevel::kAvx512)) {
      if (CanSearchRuns<Word>(simd)) {
        RunSearch search = SearchFor(nr_pages, out);
        search.pfns += first;
        if (search.lengths != nullptr) search.lengths += first;
        TranslateRuns(pages, first, next, nr_pages, out, [&](size_t i) {
          return first + AnswerFromStarts(search, starts,
                                          Numbers(pages) + first, i - first,
                                          next - first);
        });
        continue;
      }
    }
    TranslateBlock<Word>(pages, first, next, nr_pages, out,
                         [&](size_t i, uint64_t page) {
                           size_t extent = starts[i - first];
                           while (entries[extent + 1].start <= page) ++extent;
                           return extent;
                         });
  }
}

RunSearch CompiledMap::SearchFor(int64_t nr_pages, const Batch& out) const {
  return {.entries = narrow_extents_.entries(),
          .special = NarrowExtents::kSpecial,
          .end = pages_,
          .nr_pages = nr_pages,
          .pfns = out.pfns,
          .lengths = out.lengths};
}

template <typename Word>
void CompiledMap::TranslateFine(SimdLevel simd, absl::Span<const pgoff_t> pages,
                                int64_t nr_pages, const Batch& out) const {
  const ExtentTable<Word>& extents = this->extents<Word>();
  // With many slots an extent the plain search's jumps are predicted well:
  // among 1K extents it takes 1.9 ns a page, the other 2.1.
  const bool slots_to_spare =
      pages_ >> extents.shift() >= kSpareSlots * extents.size();
  if (slots_to_spare || !CanSearchRuns<Word>(simd)) {
    return TranslateEach<Word, ExtentShape::kFine>(pages, nr_pages, out);
  }
  const RunSearch search = SearchFor(nr_pages, out);
  TranslateRuns(pages, 0, pages.size(), nr_pages, out, [&](size_t i) {
    return AnswerFromSlots(search, extents.fine_slots(), extents.shift(),
                           Numbers(pages), i, pages.size());
  });
}

template <typename Word>
void CompiledMap::TranslateIn(SimdLevel simd, absl::Span<const pgoff_t> pages,
                              int64_t nr_pages, const Batch& out) const {
  using enum ExtentShape;
  switch (extents<Word>().shape()) {
    case kOne:
      return TranslateEach<Word, kOne>(pages, nr_pages, out);
    case kEqual:
      return TranslateEach<Word, kEqual>(pages, nr_pages, out);
    case kFine:
      return TranslateFine<Word>(simd, pages, nr_pages, out);
    case kCoarse:
    case kDense:
      return TranslateAhead<Word>(simd, pages, nr_pages, out);
  }
}

void CompiledMap::TranslateBatch(SimdLevel simd,
                                 absl::Span<const pgoff_t> pages,
                                 int64_t nr_pages, const Batch& out) const {
  if (out.lengths == nullptr && (few_runs_ || one_stripe_)) {
    if (few_runs_ ? TranslateFewRuns(simd, *few_runs_, Numbers(pages),
                                     pages.size(), out.pfns)
                  : TranslateStripe(simd, *one_stripe_, Numbers(pages),
                                    pages.size(), out.pfns)) {
      return;
    }
  }
  narrow_ ? TranslateIn<uint32_t>(simd, pages, nr_pages, out)
          : TranslateIn<uint64_t>(simd, pages, nr_pages, out);
}

}  // namespace dmdax
