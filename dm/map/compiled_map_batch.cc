// SPDX-License-Identifier: Apache-2.0
//
// Many pages through a compiled map.
#include <algorithm>

#include "dm/map/compiled_map.h"

namespace dmdax {
namespace {

// How many pages ahead a cache line is fetched.
constexpr size_t kAhead = 32;

constexpr size_t kSpareSlots = 4;

// A pgoff_t has the layout of the number it holds, so the array is one of
// numbers.
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

// One batch in a map of many extents, whose numbers are `Word`s.  The shape of
// the extents decides how a page is found.  A page that is in no run is
// answered by itself.
template <typename Word>
class CompiledMap::BatchWalk {
 public:
  BatchWalk(const CompiledMap& map, SimdLevel simd,
            absl::Span<const pgoff_t> pages, int64_t nr_pages, const Batch& out)
      : map_(map),
        extents_(map.extents<Word>()),
        can_search_(CanSearchRuns<Word>(simd)),
        pages_(pages),
        nr_pages_(nr_pages),
        out_(out) {}

  void Run() const {
    using enum ExtentShape;
    switch (extents_.shape()) {
      case kOne:
        return FindEach<kOne>();
      case kEqual:
        return FindEach<kEqual>();
      case kFine:
        // Where an extent has many slots, the jumps of the plain search are
        // predicted well, and it is the faster one (`targets:1024/batch`).
        if (map_.pages_ >> extents_.shift() >= kSpareSlots * extents_.size()) {
          return extents_.only_frames() && out_.lengths == nullptr
                     ? FindFrames()
                     : FindEach<kFine>();
        }
        return can_search_ ? SearchSlots() : FindEach<kFine>();
      case kCoarse:
      case kDense:
        return FetchAhead();
    }
  }

 private:
  // One page after the other.
  template <ExtentShape kShape>
  void FindEach() const {
    const auto finder = extents_.template finder<kShape>();
    Find(0, pages_.size(),
         [finder](size_t, uint64_t page) { return finder(page); });
  }

  // FindEach<kFine>() of a map in which every page has a frame, where nobody
  // asks for lengths.  Of some pages at once it is seen that none is outside;
  // then nothing is left to ask but where each is (a fifth of the time of
  // `targets:1024/batch`).
  void FindFrames() const {
    constexpr size_t kBlock = 64;
    const auto finder = extents_.template finder<ExtentShape::kFine>();
    const auto* const entries = extents_.entries();
    const uint16_t* const slots = extents_.fine_slots();
    const uint32_t shift = extents_.shift();
    const uint64_t last = map_.pages_ - 1;  // below 2^63
    const uint64_t* const pages = Numbers(pages_);
    uint64_t* const pfns = out_.pfns;
    for (size_t first = 0; first < pages_.size(); first += kBlock) {
      const size_t end = std::min(first + kBlock, pages_.size());
      uint64_t outside = 0;  // the highest bit
      for (size_t i = first; i < end; ++i) {
        outside |= pages[i] | (last - pages[i]);
      }
      if (outside >> 63 != 0) {
        Find(first, end,
             [finder](size_t, uint64_t page) { return finder(page); });
        continue;
      }
      for (size_t i = first; i < end; ++i) {
        const auto* run = entries + slots[pages[i] >> shift];
        while (run[1].start <= pages[i]) ++run;
        pfns[i] = uint64_t{run->value} + (pages[i] - run->start);
      }
    }
  }

  void SearchSlots() const {
    const RunSearch search = NewSearch();
    Search(0, pages_.size(), [&](size_t i) {
      return AnswerFromSlots(search, extents_.fine_slots(), extents_.shift(),
                             Numbers(pages_), i, pages_.size());
    });
  }

  // Three stages that overlap the cache misses of kAhead pages: fetch the
  // directory slots, then the extents, then answer.  Without the overlap a
  // batch among a million extents is a third as fast (`targets:1048576/batch`).
  void FetchAhead() const {
    const auto* const entries = extents_.entries();
    const uint64_t last_page = map_.pages_ - 1;
    const RunSearch search = NewSearch();
    uint32_t starts[kAhead];
    const size_t n = pages_.size();
    for (size_t first = 0; first < n; first += kAhead) {
      const size_t next = std::min(first + kAhead, n);
      const size_t after = std::min(next + kAhead, n);
      for (size_t i = next; i < after; ++i) {
        extents_.PrefetchSlot(std::min(pages_[i].value(), last_page));
      }
      for (size_t i = first; i < next; ++i) {
        const uint64_t page = std::min(pages_[i].value(), last_page);
        starts[i - first] = extents_.StartOf(page);
        __builtin_prefetch(entries + starts[i - first] + 1);
      }
      if (can_search_) {
        Search(first, next, [&](size_t i) {
          return AnswerFromStarts(search, starts, first, Numbers(pages_), i,
                                  next);
        });
      } else {
        Find(first, next, [&](size_t i, uint64_t page) {
          return FindExtentFrom(entries, starts[i - first], page);
        });
      }
    }
  }

  // Answers pages [first, end).  find(i, page): the extent that holds
  // pages[i], if it is in the map.
  template <typename Finder>
  void Find(size_t first, size_t end, const Finder& find) const {
    // The compiler must assume that storing answers changes members; it knows
    // that local copies stay.
    const auto* const entries = extents_.entries();
    const uint64_t special = extents_.kSpecial, outside = map_.pages_;
    const absl::Span<const pgoff_t> pages = pages_;
    const int64_t nr_pages = nr_pages_;
    uint64_t* const pfns = out_.pfns;
    int64_t* const lengths = out_.lengths;
    for (size_t i = first; i < end; ++i) {
      const uint64_t page = pages[i].value();
      if (page < outside) [[likely]] {
        // A frame needs no DaxFrames; only stripes and errors make one.
        const auto* const extent = entries + find(i, page);
        if (extent->value < special) [[likely]] {
          pfns[i] = uint64_t{extent->value} + (page - extent->start);
          if (lengths != nullptr) {
            const uint64_t left = extent[1].start - page;
            lengths[i] = std::min(static_cast<int64_t>(left), nr_pages);
          }
          continue;
        }
      }
      Alone(i);
    }
  }

  // The same for a kernel that answers several pages at a time. answer(i)
  // returns the first page from pages[i] on that it did not answer.
  template <typename Answer>
  void Search(size_t first, size_t end, const Answer& answer) const {
    for (size_t i = first; i < end; ++i) {
      i = answer(i);
      if (i < end) Alone(i);
    }
  }

  RunSearch NewSearch() const {
    return {.entries = map_.narrow_extents_.entries(),
            .special = NarrowExtents::kSpecial,
            .end = map_.pages_,
            .nr_pages = nr_pages_,
            .pfns = out_.pfns,
            .lengths = out_.lengths};
  }

  void Alone(size_t i) const {
    DaxFrames frames = map_.Translate(pages_[i], nr_pages_);
    if (frames.ret == kAskOperations) frames = out_.chain(pages_[i]);
    out_.pfns[i] = frames.ret > 0 ? frames.pfn : kNoPfn;
    if (out_.lengths != nullptr) out_.lengths[i] = frames.ret;
  }

  const CompiledMap& map_;
  const ExtentTable<Word>& extents_;
  const bool can_search_;
  const absl::Span<const pgoff_t> pages_;
  const int64_t nr_pages_;
  const Batch& out_;
};

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
  narrow_ ? BatchWalk<uint32_t>(*this, simd, pages, nr_pages, out).Run()
          : BatchWalk<uint64_t>(*this, simd, pages, nr_pages, out).Run();
}

}  // namespace dmdax
