// SPDX-License-Identifier: Apache-2.0
#include "tools/diff/page_diff.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <utility>
#include <vector>

#include "dm/map/stripe_period.h"
#include "tools/diff/page_runs.h"

namespace dmdax {
namespace {

// Pages that are looked at together, if nothing repeats.
constexpr uint64_t kWindow = uint64_t{1} << 18;
constexpr uint64_t kMostPeriod = uint64_t{1} << 40;

void Add(uint64_t pages, uint64_t first, PageDiff::Count* count) {
  if (pages == 0) return;
  if (count->pages == 0 || first < count->first) count->first = first;
  count->pages += pages;
}

// Pages [begin, end) that lie in one run of each device.
struct Overlap {
  uint64_t begin, end;
  PageRun a, b;

  bool both_have_frames() const { return a.frame >= 0 && b.frame >= 0; }
  // How far apart the frames of a page are.
  int64_t Apart() const { return b.FrameAt(begin) - a.FrameAt(begin); }
};

// From which page on requests get fewer pages, the nearer the end the fewer.
uint64_t Knee(const PageRun& run, int64_t nr_pages) {
  if (run.fixed) return std::numeric_limits<uint64_t>::max();
  const auto most = static_cast<uint64_t>(std::min(nr_pages, run.most));
  return run.end - std::min(most, run.end - run.begin);
}

// Pages [begin, end) of an overlap whose requests get different answers.
PageDiff::Count CountAnswers(const Overlap& o, uint64_t begin, uint64_t end,
                             int64_t nr_pages) {
  PageDiff::Count count;
  const uint64_t knees[] = {Knee(o.a, nr_pages), Knee(o.b, nr_pages)};
  while (begin < end) {
    uint64_t stop = end;
    for (const uint64_t knee : knees) {
      if (knee > begin) stop = std::min(stop, knee);
    }
    // Up to there the answers are constant or fall by one a page: they are
    // equal on one page at most, or on all.
    const auto differ = [&](uint64_t page) {
      return o.a.AnswerAt(page, nr_pages) != o.b.AnswerAt(page, nr_pages);
    };
    const bool a_falls = begin >= knees[0], b_falls = begin >= knees[1];
    if (a_falls == b_falls) {
      if (differ(begin)) Add(stop - begin, begin, &count);
    } else {
      const PageRun& falling = a_falls ? o.a : o.b;
      const int64_t constant = (a_falls ? o.b : o.a).AnswerAt(begin, nr_pages);
      const uint64_t same = falling.end - static_cast<uint64_t>(constant);
      const bool meets = constant > 0 && same >= begin && same < stop;
      Add(stop - begin - (meets ? 1 : 0), begin + (differ(begin) ? 0 : 1),
          &count);
    }
    begin = stop;
  }
  return count;
}

// Where a device repeats, and how soon.
struct Piece {
  uint64_t end, repeat;
};

std::vector<Piece> PiecesOf(const DaxQuery& query, uint64_t pages,
                            uint64_t unit, DiffBy by) {
  std::vector<Piece> pieces;
  if (by == DiffBy::kChain) return {{pages, 0}};
  uint64_t at = 0;
  query.ForEachPiece(unit, [&](const DaxPiece& piece) {
    at += piece.pages;
    if (piece.repeat == 0 && !pieces.empty() && pieces.back().repeat == 0) {
      pieces.back().end = at;
    } else {
      pieces.push_back({at, piece.repeat});
    }
  });
  if (at < pages) pieces.push_back({pages, unit});
  return pieces;
}

class Differ {
 public:
  Differ(const DaxQuery& a, const DaxQuery& b, int64_t nr_pages,
         const DiffBounds& bounds)
      : nr_pages_(nr_pages),
        questions_(bounds),
        a_(a, nr_pages, &questions_),
        b_(b, nr_pages, &questions_) {
    diff_.pages = std::max(a.nr_pages(), b.nr_pages());
  }

  absl::StatusOr<PageDiff> Run(const std::vector<Piece>& a,
                               const std::vector<Piece>& b) {
    uint64_t todo = 0;  // from here on pages wait to be looked at
    uint64_t begin = 0;
    for (size_t i = 0, j = 0; begin < diff_.pages;) {
      const uint64_t end = std::min(a[i].end, b[j].end);
      const uint64_t period = BoundedLcm(a[i].repeat, b[j].repeat, kMostPeriod);
      // Requests of the last pages reach out of the pieces.
      const auto reach = static_cast<uint64_t>(nr_pages_);
      if (period != 0 && end - begin >= 4 * period + reach) {
        const uint64_t times = (end - begin - reach) / period;
        absl::Status s = All(todo, begin);
        if (s.ok()) s = Repeated(begin, period, times);
        if (!s.ok()) return s;
        todo = begin + times * period;
      }
      begin = end;
      if (a[i].end == end) ++i;
      if (b[j].end == end) ++j;
    }
    absl::Status s = All(todo, diff_.pages);
    if (!s.ok()) return s;
    return diff_;
  }

 private:
  // Pages [begin, end), none of which tells of another.
  absl::Status All(uint64_t begin, uint64_t end) {
    while (begin < end) {
      const uint64_t stop = begin + std::min(kWindow, end - begin);
      absl::StatusOr<std::vector<Overlap>> overlaps = Read(begin, stop);
      if (!overlaps.ok()) return overlaps.status();
      for (const Overlap& o : *overlaps) One(o);
      begin = stop;
    }
    return absl::OkStatus();
  }

  void One(const Overlap& o) {
    if (o.a.FrameAt(o.begin) != o.b.FrameAt(o.begin)) {
      return Add(o.end - o.begin, o.begin, &diff_.frames);
    }
    const PageDiff::Count runs = CountAnswers(o, o.begin, o.end, nr_pages_);
    Add(runs.pages, runs.first, &diff_.runs);
  }

  // Pages [begin, begin + period * times).  From each period to the next a
  // page's frame moves by the same (dm/mapped_device_pieces.cc), so two tell of
  // all.
  absl::Status Repeated(uint64_t begin, uint64_t period, uint64_t times) {
    absl::StatusOr<std::vector<Overlap>> first = Read(begin, begin + period);
    if (!first.ok()) return first.status();
    absl::StatusOr<std::vector<Overlap>> second =
        Read(begin + period, begin + 2 * period);
    if (!second.ok()) return second.status();
    uint64_t at = begin;
    for (size_t i = 0, j = 0; at < begin + period;) {
      const Overlap& x = (*first)[i];
      const Overlap& y = (*second)[j];
      const uint64_t end = std::min(x.end, y.end - period);
      Each({at, end, x.a, x.b}, {at + period, end + period, y.a, y.b}, period,
           times);
      at = end;
      if (x.end == end) ++i;
      if (y.end == end + period) ++j;
    }
    return absl::OkStatus();
  }

  // An overlap, the same a period later, and so on.
  void Each(const Overlap& o, const Overlap& next, uint64_t period,
            uint64_t times) {
    const uint64_t pages = o.end - o.begin;
    if (!o.both_have_frames()) {
      // Errors are those of all periods.
      if (o.a.frame != o.b.frame) {
        return Add(pages * times, o.begin, &diff_.frames);
      }
      return AddRuns(o, 0, times);
    }
    const int64_t apart = o.Apart(), moves = next.Apart() - apart;
    if (moves == 0 && apart == 0) return AddRuns(o, 0, times);
    // Frames that come closer are the same in one period at most.
    if (moves != 0 && -apart % moves == 0 && -apart / moves >= 0 &&
        static_cast<uint64_t>(-apart / moves) < times) {
      const auto meet = static_cast<uint64_t>(-apart / moves);
      Add(pages * (times - 1), o.begin + (meet == 0 ? period : 0),
          &diff_.frames);
      return AddRuns(o, meet * period, 1);
    }
    Add(pages * times, o.begin, &diff_.frames);
  }

  // Those of `times` periods, of which the first is `after` pages later.
  void AddRuns(const Overlap& o, uint64_t after, uint64_t times) {
    const PageDiff::Count runs = CountAnswers(o, o.begin, o.end, nr_pages_);
    Add(runs.pages * times, runs.first + after, &diff_.runs);
  }

  absl::StatusOr<std::vector<Overlap>> Read(uint64_t begin, uint64_t end) {
    absl::Status s = a_.Read(begin, end, &runs_a_);
    if (s.ok()) s = b_.Read(begin, end, &runs_b_);
    if (!s.ok()) return s;
    std::vector<Overlap> overlaps;
    for (size_t i = 0, j = 0; begin < end;) {
      const PageRun& a = runs_a_[i];
      const PageRun& b = runs_b_[j];
      const uint64_t stop = std::min({a.end, b.end, end});
      overlaps.push_back({begin, stop, a, b});
      begin = stop;
      if (a.end == stop) ++i;
      if (b.end == stop) ++j;
    }
    return overlaps;
  }

  const int64_t nr_pages_;
  DiffQuestions questions_;
  PageRunReader a_, b_;
  std::vector<PageRun> runs_a_, runs_b_;
  PageDiff diff_;
};

}  // namespace

absl::StatusOr<PageDiff> DiffPages(const DaxQuery& a, const DaxQuery& b,
                                   int64_t nr_pages, DiffBy by,
                                   const DiffBounds& bounds) {
  const uint64_t pages = std::max(a.nr_pages(), b.nr_pages());
  const uint64_t unit = std::bit_ceil(static_cast<uint64_t>(nr_pages));
  return Differ(a, b, nr_pages, bounds)
      .Run(PiecesOf(a, pages, unit, by), PiecesOf(b, pages, unit, by));
}

}  // namespace dmdax
