// SPDX-License-Identifier: Apache-2.0
//
// The hot path: from the page to its frame.
//
// CompiledMap::Translate() is the plain version.  These give the same answers
// with faster code: the index is known, and nothing is called on the way to a
// frame, so the compiler saves no registers.
#include "dm/map/compiled_map.h"

namespace dmdax {

template <typename Word, ExtentShape kShape>
DaxFrames CompiledMap::FindShortcut(const DaxFastPath& fast_path, pgoff_t pgoff,
                                    int64_t nr_pages) {
  const auto& map = static_cast<const CompiledMap&>(fast_path);
  const uint64_t page = pgoff.value();
  if (page >= map.pages_) [[unlikely]]
    return Outside(page);
  const ExtentTable<Word>& extents = map.extents<Word>();
  const auto* const extent =
      extents.entries() + extents.template FindIn<kShape>(page);
  if (extent->value < extents.kSpecial) [[likely]] {
    return Run(extent->value + (page - extent->start), extent[1].start - page,
               nr_pages);
  }
  const uint64_t number = extent->value - extents.kSpecial;
  if (number < kErrors) return {-static_cast<int64_t>(number), 0};
  return map.TranslateSpecial(map.specials_[number - kErrors], page,
                              extent[1].start, nr_pages);
}

template <auto kAt>
DaxFrames CompiledMap::StripeShortcut(const DaxFastPath& fast_path,
                                      pgoff_t pgoff, int64_t nr_pages) {
  const auto& map = static_cast<const CompiledMap&>(fast_path);
  const uint64_t page = pgoff.value();
  if (page >= map.pages_) [[unlikely]]
    return Outside(page);
  const StripePeriod::Run run = ((*map.one_stripe_).*kAt)(page);
  return Run(run.pfn, run.pages, nr_pages);
}

template <typename Word>
CompiledMap::Shortcut CompiledMap::FindShortcutFor(ExtentShape shape) {
  switch (shape) {
    case ExtentShape::kOne:
      return FindShortcut<Word, ExtentShape::kOne>;
    case ExtentShape::kEqual:
      return FindShortcut<Word, ExtentShape::kEqual>;
    case ExtentShape::kFine:
      return FindShortcut<Word, ExtentShape::kFine>;
    case ExtentShape::kCoarse:
      return FindShortcut<Word, ExtentShape::kCoarse>;
    case ExtentShape::kDense:
      break;
  }
  return FindShortcut<Word, ExtentShape::kDense>;
}

void CompiledMap::ChooseShortcut() {
  leaves = leaves_.data();
  nr_leaves = leaves_.size();
  bare = nr_leaves == 1 && leaves_[0].kaddr == nullptr;
  if (bare) bare_flags = leaves_[0].pfn_flags;
  const auto choose = [&](const auto& extents) {
    if (extents.size() == 1 && extents[0].value < extents.kSpecial) {
      const DaxAccess first = At({1, extents[0].value});
      window = {.pages = pages_,
                .pfn = first.pfn,
                .pfn_flags = first.pfn_flags,
                .kaddr = static_cast<char*>(first.kaddr)};
    }
    using Word = decltype(extents[0].value);
    shortcut = FindShortcutFor<Word>(extents.shape());
  };
  static_assert(DaxRuns::kSpecial == NarrowExtents::kSpecial);
  if (narrow_ && narrow_extents_.shape() == ExtentShape::kFine) {
    runs = {.pages = pages_,
            .slots = narrow_extents_.fine_slots(),
            .entries = narrow_extents_.entries(),
            .shift = narrow_extents_.shift()};
  }
  narrow_ ? choose(narrow_extents_) : choose(wide_extents_);
  if (one_stripe_) {
    stripes = one_stripe_->Plain();
    shortcut = one_stripe_->shifts() ? StripeShortcut<&OneStripe::ShiftedAt>
                                     : StripeShortcut<&OneStripe::At>;
  }
}

}  // namespace dmdax
