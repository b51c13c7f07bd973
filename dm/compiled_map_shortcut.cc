// SPDX-License-Identifier: Apache-2.0
//
// The hot path: one function from the caller to the answer.
//
// CompiledMap::Translate() is the plain version, which answers everything.
// These do what it does for the common cases (one leaf, or leaves that need not
// be told apart), and leave the rest to
// DaxDirectAccessChecked(), which comes to it.  They differ from it in what
// the compiler makes of them: the index is known, nothing is called, so no
// register is saved, and the answer is written once, where the caller wants
// it.
#include <cerrno>

#include "base/srcu.h"
#include "dm/compiled_map.h"

namespace dmdax {
namespace {

// All Srcu share their readers: this section is the device's io_barrier, too.
constinit Srcu io_barrier;

}  // namespace

template <typename Word, ExtentShape kShape>
void CompiledMap::FindShortcut(DaxDevice* dev, pgoff_t pgoff, int64_t nr_pages,
                               DaxAccess* access, DaxAccessMode mode,
                               Trace* trace) {
  if (trace == nullptr && nr_pages >= 1 && dev->alive()) [[likely]] {
    SrcuFastReadLock live(io_barrier);
    const auto* map = static_cast<const CompiledMap*>(dev->snapshot());
    // The snapshot may have been replaced since the shortcut was chosen.
    if (live.entered() && map != nullptr &&
        map->shortcut == FindShortcut<Word, kShape>) [[likely]] {
      const uint64_t page = pgoff.value();
      if (page < map->pages_) [[likely]] {
        const ExtentTable<Word>& extents = map->extents<Word>();
        const auto* const extent =
            extents.entries() + extents.template FindIn<kShape>(page);
        if (extent->value < extents.kSpecial) [[likely]] {
          return SetRunOf(map->leaves_[0],
                          extent->value + (page - extent->start),
                          extent[1].start - page, nr_pages, access);
        }
        const uint64_t number = extent->value - extents.kSpecial;
        if (number < kErrors) {
          return SetError(static_cast<int>(number), access);
        }
      } else if (page < kWrappingPage) {
        return SetError(EIO, access);
      }
    }
  }
  DaxDirectAccessChecked(dev, pgoff, nr_pages, access, mode, trace);
}

void CompiledMap::StripeShortcut(DaxDevice* dev, pgoff_t pgoff,
                                 int64_t nr_pages, DaxAccess* access,
                                 DaxAccessMode mode, Trace* trace) {
  if (trace == nullptr && nr_pages >= 1 && dev->alive()) [[likely]] {
    SrcuFastReadLock live(io_barrier);
    const auto* map = static_cast<const CompiledMap*>(dev->snapshot());
    if (live.entered() && map != nullptr && map->shortcut == StripeShortcut)
        [[likely]] {
      const uint64_t page = pgoff.value();
      if (page < map->pages_) [[likely]] {
        const StripePeriod::Run run = map->one_stripe_->At(page);
        return SetRunOf(map->leaves_[0], run.pfn, run.pages, nr_pages, access);
      }
      if (page < kWrappingPage) {
        return SetError(EIO, access);
      }
    }
  }
  DaxDirectAccessChecked(dev, pgoff, nr_pages, access, mode, trace);
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
  if (leaves_.size() != 1) {
    shortcut = DaxDirectAccessChecked;
  } else if (one_stripe_) {
    shortcut = StripeShortcut;
  } else {
    shortcut = narrow_ ? FindShortcutFor<uint32_t>(narrow_extents_.shape())
                       : FindShortcutFor<uint64_t>(wide_extents_.shape());
  }
}

}  // namespace dmdax
