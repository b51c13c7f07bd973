// SPDX-License-Identifier: Apache-2.0
//
// Answers whole ranges from a compiled map.
//
// The start of the range is looked up once.  From there a cursor goes from
// extent to extent, and in a stripe from granule to granule, without another
// search or division.
#include <algorithm>

#include "dm/map/compiled_map.h"

namespace dmdax {

// Where the extents go, and how far they may.
struct CompiledMap::ExtentFiller {
  uint64_t page;  // the next page
  uint64_t last;  // where to stop
  absl::Span<DaxExtent> out;
  size_t n = 0;

  bool full() const { return n == out.size() || page >= last; }
  void Put(int64_t pfn, uint64_t pages) {
    out[n++] = {pfn, pages};
    page += pages;
  }
};

namespace {

// How many extents are looked at together.
constexpr size_t kBlock = 64;

// Copies runs that are wanted whole, up to `most` of them or up to the first
// extent that is no run; returns how many.  A block is written before it is
// known to hold only runs, so no jump and no address in the loop depends on an
// extent.  A million extents take two thirds of the time of a copy.
template <typename Entry>
size_t CopyRuns(const Entry* __restrict entries, size_t most,
                decltype(Entry::value) limit, DaxExtent* __restrict out) {
  size_t done = 0;
  while (done < most) {
    const size_t n = std::min(kBlock, most - done);
    const Entry* from = entries + done;
    DaxExtent* to = out + done;
    bool runs = true;
    for (size_t i = 0; i < n; ++i) {
      to[i].pfn = static_cast<int64_t>(from[i].value);
      to[i].pages = from[i + 1].start - from[i].start;
      runs &= from[i].value < limit;
    }
    if (!runs) {
      while (entries[done].value < limit) ++done;
      return done;
    }
    done += n;
  }
  return done;
}

// The granules of a stripe from page `x` of it on.
class PeriodCursor {
 public:
  PeriodCursor(const StripePeriod& period, uint64_t x) : period_(period) {
    const Reciprocal::Quotient round = period.period.Divide(x);
    const Reciprocal::Quotient part = period.granule.Divide(round.remainder);
    moved_ = round.quotient * period.advance;
    part_ = part.quotient;
    inside_ = part.remainder;
  }

  StripePeriod::Run Next() {
    const uint64_t granules = period_.left.empty() ? 1 : period_.left[part_];
    const StripePeriod::Run run = {
        period_.base[part_] + moved_ + inside_,
        granules * period_.granule.divisor() - inside_};
    inside_ = 0;
    part_ += granules;
    if (part_ * period_.granule.divisor() >= period_.period.divisor()) {
      part_ = 0;
      moved_ += period_.advance;
    }
    return run;
  }

 private:
  const StripePeriod& period_;
  uint64_t moved_;   // pages, on every leg, in the periods before
  uint64_t part_;    // granule of the period
  uint64_t inside_;  // pages of it that are left out
};

}  // namespace

// The part of a special extent up to page `stop`.  False: the chain must be
// asked.
bool CompiledMap::FillSpecial(const Special& special, uint64_t stop,
                              ExtentFiller& fill) const {
  const uint64_t end = std::min(stop, fill.last);
  if (special.kind == Special::Kind::kPeriod) {
    PeriodCursor cursor(*special.period, fill.page + special.offset);
    while (fill.page < end && !fill.full()) {
      StripePeriod::Run run = cursor.Next();
      run.pages = std::min(run.pages, end - fill.page);
      while (run.pages > 0 && !fill.full()) {
        const uint64_t pages = std::min(run.pages, special.cap);
        fill.Put(static_cast<int64_t>(run.pfn), pages);
        run.pfn += pages;
        run.pages -= pages;
      }
    }
    return true;
  }
  while (fill.page < end && !fill.full()) {
    const DaxFrames frames = TranslateSpecial(
        special, fill.page, stop, static_cast<int64_t>(end - fill.page));
    if (frames.ret == kAskOperations) return false;
    const DaxExtent extent = DaxExtent::Of(frames);
    fill.Put(extent.pfn, extent.pages);
  }
  return true;
}

// Starts at `entry`, which holds the first page.  Entries before `whole` end
// inside the range.
template <typename Entry>
void CompiledMap::FillFrom(const Entry* entry, const Entry* whole,
                           ExtentFiller& fill) const {
  using Word = decltype(entry->value);
  constexpr Word kSpecial = ExtentTable<Word>::kSpecial;
  while (!fill.full()) {
    const uint64_t number = entry->value - kSpecial;
    if (entry->value >= kSpecial && number < kErrors) {
      const uint64_t end = std::min<uint64_t>(entry[1].start, fill.last);
      fill.Put(-static_cast<int64_t>(number), end - fill.page);
    } else if (entry->value >= kSpecial) {
      const Special& special = specials_[number - kErrors];
      if (!FillSpecial(special, entry[1].start, fill)) return;
    } else if (entry->start == fill.page && entry[1].start <= fill.last) {
      const size_t most = std::min<size_t>(fill.out.size() - fill.n,
                                           static_cast<size_t>(whole - entry));
      const size_t copied =
          CopyRuns(entry, most, kSpecial, fill.out.data() + fill.n);
      fill.n += copied;
      entry += copied;
      fill.page = entry->start;
      continue;
    } else {
      const uint64_t end = std::min<uint64_t>(entry[1].start, fill.last);
      fill.Put(static_cast<int64_t>(entry->value + (fill.page - entry->start)),
               end - fill.page);
    }
    if (fill.page >= entry[1].start) ++entry;
  }
}

size_t CompiledMap::FillExtents(uint64_t* page, uint64_t end,
                                absl::Span<DaxExtent> out) const {
  ExtentFiller fill{*page, std::min(end, pages_), out};
  if (fill.full()) return 0;
  const auto from = [&](const auto& extents) {
    const auto* last = &extents[extents.Find(fill.last - 1)];
    FillFrom(&extents[extents.Find(*page)],
             last + (last[1].start <= fill.last ? 1 : 0), fill);
  };
  narrow_ ? from(narrow_extents_) : from(wide_extents_);
  *page = fill.page;
  return fill.n;
}

}  // namespace dmdax
