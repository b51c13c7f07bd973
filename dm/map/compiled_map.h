// SPDX-License-Identifier: Apache-2.0
//
// CompiledMap: a whole stack of mapped devices as one table of page runs.
//
// The chain asks every level for its part of a translation.  A CompiledMap is
// what the chain would answer, worked out beforehand: the device's pages cut
// into extents, each of them a physical run, an error, a stripe in closed
// form, or a note to ask the chain after all.  A query costs one search
// however deep the stack is.
//
//   std::shared_ptr<const CompiledMap> map = BuildCompiledMap(md, table);
//   DaxFrames frames = map->Translate(pgoff_t{256}, 512);
//   if (frames.ret > 0) Use(map->At(frames));          // with kaddr and flags
//   // kAskOperations: the chain knows; else frames.ret is the errno
//
// Promise: Translate() answers bit for bit what the chain answers.  The length
// is clipped as every level would clip it: at row ends, chunk ends, max_sectors
// and the end of the memory.  So neighbours are not merged even where they are
// contiguous; the kernel does not merge them either.
//
// Exceptions that go to the chain: rows of targets without a dax_layout, chunks
// that are not whole pages, memory with bad blocks, devices stacked on
// themselves, and pages from 2^61 on, whose sector wraps.
//
// A query enters through a function made for the form of the map (its shortcut,
// see dax/dax_fast_path.h).  A map of one run is answered there at once.  Other
// maps save the virtual call of the operation and a search that first asks
// which index it has; with both, a query would take twice as long (measured
// with the benchmark family `targets:N`).
//
// A map never changes.  Whoever changes anything below does so in a
// DaxStackChange (dax/dax_users.h), which builds the maps above anew.
//
// Memory: 8 bytes an extent and up to 5 for the directory (16 + 5 when pages
// or frames need more than 32 bits).  Stripes are never spread out.
// Threading: immutable.
#ifndef DMDAX_DM_MAP_COMPILED_MAP_H_
#define DMDAX_DM_MAP_COMPILED_MAP_H_

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/types/span.h"
#include "base/units.h"
#include "dax/dax_fast_path.h"
#include "dm/map/batch_kernels.h"
#include "dm/map/dax_extent.h"
#include "dm/map/extent_table.h"
#include "dm/map/run_search.h"
#include "dm/map/stripe_kernels.h"
#include "dm/map/stripe_period.h"

namespace dmdax {

class CompiledMap : public DaxFastPath {
 public:
  // dm_dax_direct_access() for nr_pages >= 1, in either access mode;
  // kAskOperations: the chain must be asked.  The plain version of the
  // shortcuts.
  DaxFrames Translate(pgoff_t pgoff, int64_t nr_pages) const;

  // Where the answers of a batch go: pfns[i] is the frame, or kNoPfn;
  // lengths[i], unless null, is the number of pages or -errno. chain() answers
  // for pages that Translate() does not know.
  static constexpr uint64_t kNoPfn = ~uint64_t{0};
  struct Batch {
    uint64_t* pfns;
    int64_t* lengths;
    absl::FunctionRef<DaxFrames(pgoff_t page)> chain;
  };
  // Translate() for every page; `simd` at most BestSimd().
  void TranslateBatch(SimdLevel simd, absl::Span<const pgoff_t> pages,
                      int64_t nr_pages, const Batch& out) const;

  // Writes the extents of pages [*page, end) to `out`, in order and as many as
  // fit.  Each is what Translate() answers for as many pages as are left before
  // `end`.  Returns how many and moves *page behind the last.  Stops before a
  // page that is outside or that only the chain can answer.  Pages with an
  // error may come one by one or as one extent.  Allocates nothing.
  size_t FillExtents(uint64_t* page, uint64_t end,
                     absl::Span<DaxExtent> out) const;

  // Pages of the device; the last one may be cut.
  uint64_t pages() const { return pages_; }
  // Levels of mapped devices, this one included.
  int levels() const { return levels_; }
  size_t nr_extents() const;
  // Bytes of heap, not counting shared maps below.
  size_t MemoryBytes() const;

 private:
  friend class CompiledMapBuilder;

  // A value from kSpecial on is no frame: the first kErrors are -errno, the
  // others numbers of specials_.
  static constexpr uint64_t kErrors = 4096;

  // An extent that is more than a run or an error.
  struct Special {
    enum class Kind : uint8_t {
      kChain,   // ask the chain
      kPeriod,  // `period` at page + offset
      kHops,    // a stripe over maps below: `hops` at page + offset
      kBelow,   // `below` at page + offset
    };
    Kind kind = Kind::kChain;
    uint64_t cap = ~uint64_t{0};  // pages that one answer may have, >= 1
    uint64_t offset = 0;          // modulo 2^64
    std::shared_ptr<const StripePeriod> period;
    std::shared_ptr<const StripeHops> hops;
    std::shared_ptr<const CompiledMap> below;
  };

  struct ExtentFiller;  // see compiled_map_extents.cc

  DaxFrames TranslateSpecial(const Special& special, uint64_t page,
                             uint64_t end, int64_t nr_pages) const;
  // The sector of a page from here on does not fit 64 bits: the kernel's
  // product wraps and finds a row again.
  static constexpr uint64_t kWrappingPage = uint64_t{1} << 61;
  // The answer for a page behind the map.
  static DaxFrames Outside(uint64_t page) {
    return {page < kWrappingPage ? -EIO : kAskOperations, 0};
  }
  static DaxFrames Run(uint64_t pfn, uint64_t pages, int64_t nr_pages) {
    return {std::min(static_cast<int64_t>(pages), nr_pages), pfn};
  }

  // Chooses the shortcut (compiled_map_shortcut.cc has one for every index, and
  // one for a single stripe).
  void ChooseShortcut();
  // The map is nothing but specials_[0], which is a kPeriod.
  bool IsOneStripe() const {
    return nr_extents() == 1 && specials_.size() == 1 &&
           specials_[0].kind == Special::Kind::kPeriod;
  }
  template <typename Word, ExtentShape kShape>
  static DaxFrames FindShortcut(const DaxFastPath& fast_path, pgoff_t pgoff,
                                int64_t nr_pages);
  template <typename Word>
  static Shortcut FindShortcutFor(ExtentShape shape);
  // kAt: OneStripe's way to a page.
  template <auto kAt>
  static DaxFrames StripeShortcut(const DaxFastPath& fast_path, pgoff_t pgoff,
                                  int64_t nr_pages);
  template <typename Word>
  const ExtentTable<Word>& extents() const;
  // Chooses few_runs_ or one_stripe_, if the map is that simple.
  void FindKernel();
  void FindFewRuns();
  template <typename Word>
  class BatchWalk;  // see compiled_map_batch.cc
  template <typename Entry>
  void FillFrom(const Entry* entry, const Entry* whole,
                ExtentFiller& fill) const;
  bool FillSpecial(const Special& special, uint64_t stop,
                   ExtentFiller& fill) const;

  uint64_t pages_ = 0;
  int levels_ = 1;
  bool narrow_ = true;
  NarrowExtents narrow_extents_;
  WideExtents wide_extents_;
  std::vector<Special> specials_;
  std::vector<DaxLeaf> leaves_;  // ascending; at least one
  std::optional<FewRuns> few_runs_;
  std::optional<OneStripe> one_stripe_;
};

template <>
inline const NarrowExtents& CompiledMap::extents<uint32_t>() const {
  return narrow_extents_;
}
template <>
inline const WideExtents& CompiledMap::extents<uint64_t>() const {
  return wide_extents_;
}

}  // namespace dmdax

#endif  // DMDAX_DM_MAP_COMPILED_MAP_H_
