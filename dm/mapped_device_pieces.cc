// SPDX-License-Identifier: Apache-2.0
//
// Works out the pieces of a mapped device (dax/dax_piece.h) from its table and
// the devices below.
//
// A linear row has the pieces of what lies below it.  A stripe of n legs and
// c pages a chunk moves c pages on every leg each c * n pages.  While none of
// the legs comes to the end of a piece, everything repeats as soon as the
// legs have moved by a common multiple of c and of what repeats below: so
// many rows of chunks, however long, are one piece.  From each time to the next
// a page's frame moves by the same number of pages, which depends on the leg.
#include <algorithm>
#include <vector>

#include "dm/map/stripe_period.h"
#include "dm/mapped_device.h"
#include "dm/stack_depth.h"

namespace dmdax {
namespace {

// From here on sectors may wrap.
constexpr uint64_t kMostPages = uint64_t{1} << 57;

// One leg of a stripe: its pieces, and where it is in them.
class LegCursor {
 public:
  LegCursor(DaxDevice* dev, uint64_t first, uint64_t pages, uint64_t unit) {
    uint64_t end = 0;
    DaxForEachPiece(dev, pgoff_t(first), pages, unit,
                    [&](const DaxPiece& piece) {
                      pieces_.push_back(piece);
                      ends_.push_back(end += piece.pages);
                    });
  }
  // Goes on to page `y`, counted from the first.
  void Seek(uint64_t y) {
    while (ends_[at_] <= y) ++at_;
  }
  const DaxPiece& piece() const { return pieces_[at_]; }
  uint64_t end() const { return ends_[at_]; }

 private:
  std::vector<DaxPiece> pieces_;
  std::vector<uint64_t> ends_;
  size_t at_ = 0;
};

// Pages [first, first + pages) of a stripe, from the stripe's own start.
class StripePieces {
 public:
  StripePieces(uint64_t chunk, uint64_t first, uint64_t pages, uint64_t unit,
               DaxPieceFn fn)
      : chunk_(chunk),
        first_(first),
        end_(first + pages),
        unit_(unit),
        fn_(fn) {}

  // Legs begin at page `start` of `dev`; all at the row of `first`.
  void AddLeg(DaxDevice* dev, uint64_t start, uint64_t count) {
    const uint64_t round = chunk_ * count;
    const uint64_t row = first_ / round;
    const uint64_t rows = (end_ - 1) / round + 1 - row;
    legs_.emplace_back(dev, start + row * chunk_, rows * chunk_, unit_);
    rows_ = rows;
    first_row_ = row;
  }

  void Run() {
    for (uint64_t row = 0; row < rows_;) {
      uint64_t whole = rows_ - row;
      for (LegCursor& leg : legs_) {
        leg.Seek(row * chunk_);
        whole = std::min(whole, leg.end() / chunk_ - row);
      }
      if (whole == 0 || FewChunks(whole)) {
        Chunks(row);
        ++row;
      } else {
        Put((first_row_ + row) * Round(),
            {whole * Round(), Repeat(), Single()});
        row += whole;
      }
    }
  }

 private:
  uint64_t Round() const { return chunk_ * legs_.size(); }

  uint64_t Repeat() const {
    uint64_t common = chunk_;
    for (const LegCursor& leg : legs_) {
      common = BoundedLcm(common, leg.piece().repeat, kMostPages);
    }
    return common > kMostPages / legs_.size() ? 0 : common * legs_.size();
  }

  DaxPiece::Pages Single() const {
    // Errors of several legs are not the same error.
    const bool frames =
        std::all_of(legs_.begin(), legs_.end(), [](const LegCursor& leg) {
          return leg.piece().single == DaxPiece::Pages::kFrames;
        });
    return frames ? DaxPiece::Pages::kFrames : DaxPiece::Pages::kAny;
  }

  // Whether it is better to report the chunks one by one: they are long, and
  // there are fewer of them than units until everything repeats.
  bool FewChunks(uint64_t rows) const {
    return chunk_ >= unit_ && rows * legs_.size() <= Repeat() / unit_;
  }

  // A row of chunks, each of them linear.
  void Chunks(uint64_t row) {
    uint64_t at = (first_row_ + row) * Round();
    for (LegCursor& leg : legs_) {
      const uint64_t end = (row + 1) * chunk_;
      for (uint64_t y = row * chunk_; y < end;) {
        leg.Seek(y);
        const uint64_t pages = std::min(end, leg.end()) - y;
        Put(at, {pages, leg.piece().repeat, leg.piece().single});
        y += pages;
        at += pages;
      }
    }
  }

  // The part of a piece at page `at` that was asked for.
  void Put(uint64_t at, DaxPiece piece) {
    const uint64_t from = std::max(at, first_);
    const uint64_t to = std::min(at + piece.pages, end_);
    if (from >= to) return;
    piece.pages = to - from;
    fn_(piece);
  }

  const uint64_t chunk_;  // pages
  const uint64_t first_, end_;
  const uint64_t unit_;
  DaxPieceFn fn_;
  uint64_t rows_ = 0, first_row_ = 0;
  std::vector<LegCursor> legs_;
};

// Whole pages [page, page + pages) of one row.
class RowPieces {
 public:
  // `layout`: memory for that of the row.
  RowPieces(const DmTarget& ti, uint64_t unit, DaxPieceFn fn, DaxLayout& layout)
      : ti_(ti), unit_(unit), fn_(fn), layout_(layout) {}

  // `cap`: pages that max_sectors allows a request of a stripe.
  void Run(uint64_t page, uint64_t pages, uint64_t cap) {
    if (ti_.type->direct_access == nullptr) return Error(pages);
    layout_.chunk = 0;
    layout_.legs.clear();
    if (ti_.type->dax_layout == nullptr ||
        !ti_.type->dax_layout(ti_, &layout_) ||
        ti_.max_io_len != layout_.chunk) {
      return fn_(OpaquePiece(pages));
    }
    if (layout_.legs.empty()) return Error(pages);
    if (layout_.chunk == 0) return Linear(layout_.legs[0], page, pages);
    if (cap == 0) return Error(pages);
    Striped(layout_, page, pages);
  }

 private:
  void Error(uint64_t pages) { fn_(ErrorPiece(pages, unit_)); }

  void Linear(const DaxLayout::Leg& leg, uint64_t page, uint64_t pages) {
    const uint64_t relative =
        leg.start.value() + ti_.Offset(PageToSector(pgoff_t(page)));
    const uint64_t sector = relative + leg.dev->bdev->start_sect().value();
    if (relative < leg.start.value() || sector / kPageSectors > kMostPages) {
      return fn_(OpaquePiece(pages));
    }
    pgoff_t q;
    if (!DmDaxPgoff(ProfileOf(ti_), *leg.dev, sector_t(relative), &q)) {
      return Error(pages);
    }
    DaxForEachPiece(leg.dev->dax_dev, q, pages, unit_, fn_);
  }

  void Striped(const DaxLayout& layout, uint64_t page, uint64_t pages) {
    const uint64_t count = layout.legs.size();
    if (ti_.begin.value() % kPageSectors != 0 ||
        layout.chunk % kPageSectors != 0 ||
        ti_.len.value() % (count * layout.chunk) != 0) {
      return fn_(OpaquePiece(pages));
    }
    StripePieces stripe(layout.chunk / kPageSectors,
                        page - ti_.begin.value() / kPageSectors, pages, unit_,
                        fn_);
    for (const DaxLayout::Leg& leg : layout.legs) {
      pgoff_t q;
      if (leg.start.value() / kPageSectors > kMostPages ||
          !DmDaxPgoff(ProfileOf(ti_), *leg.dev, leg.start, &q)) {
        return fn_(OpaquePiece(pages));
      }
      stripe.AddLeg(leg.dev->dax_dev, q.value(), count);
    }
    stripe.Run();
  }

  const DmTarget& ti_;
  const uint64_t unit_;
  DaxPieceFn fn_;
  DaxLayout& layout_;
};

// The rows of a table one after the other.
class RowCursor {
 public:
  explicit RowCursor(const DmTable& table)
      : table_(table),
        // A table of columns makes the rows that are looked for.
        rows_(table.columns() == nullptr ? table.targets()
                                         : absl::Span<const DmTarget>()) {}

  // The row that holds `sector`, or null; most often it is the next one.
  const DmTarget* Seek(sector_t sector) {
    if (next_ < rows_.size()) {
      const DmTarget& row = rows_[next_];
      if (sector >= row.begin && row.Offset(sector) < row.len.value()) {
        ++next_;
        return &row;
      }
    }
    const DmTarget* row = table_.FindTarget(sector);
    if (row != nullptr && !rows_.empty()) {
      next_ = static_cast<size_t>(row - rows_.data()) + 1;
    }
    return row;
  }

 private:
  const DmTable& table_;
  const absl::Span<const DmTarget> rows_;
  size_t next_ = 0;
};

}  // namespace

void MappedDevice::ForEachPiece(pgoff_t first, uint64_t pages, uint64_t unit,
                                DaxPieceFn fn) {
  const StackDepth depth;
  if (StackDepth::now() == 1) {
    // Who gets a piece may ask the device, and does not stand on its levels.
    return ForEachPiece(first, pages, unit, [fn](const DaxPiece& piece) {
      const StackDepth::Aside aside;
      fn(piece);
    });
  }
  const uint64_t end = first.value() + pages;
  if (depth.too_deep() || end < pages || end > kMostPages) {
    return fn(OpaquePiece(pages));
  }
  SrcuReadLock live(io_barrier_);
  const DmTable* table = map_.load(std::memory_order_acquire);
  const uint64_t cap = machine_.profile().dm_max_io_len_has_max_sectors
                           ? disk_.queue().max_sectors() / kPageSectors
                           : ~uint64_t{0};
  if (table == nullptr) return fn(ErrorPiece(pages, unit));
  RowCursor rows(*table);
  DaxLayout layout;
  for (uint64_t page = first.value(); page < end;) {
    const DmTarget* ti = rows.Seek(PageToSector(pgoff_t(page)));
    if (ti == nullptr) return fn(ErrorPiece(end - page, unit));
    // A page belongs to the row that has its first sector; one that the row's
    // end cuts has no address.
    const uint64_t whole = (ti->begin.value() + ti->len.value()) / kPageSectors;
    const uint64_t last = std::min(end, std::max(whole, page));
    if (last == page) {
      fn(ErrorPiece(1, unit));
      ++page;
      continue;
    }
    RowPieces(*ti, unit, fn, layout).Run(page, last - page, cap);
    page = last;
  }
}

}  // namespace dmdax
