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
#include <numeric>
#include <vector>

#include "dax/dax_piece_walk.h"
#include "dm/map/stripe_period.h"
#include "dm/mapped_device.h"
#include "dm/stack_depth.h"
#include "dm/walk_budget.h"

namespace dmdax {
namespace {

// From here on sectors may wrap.
constexpr uint64_t kMostPages = uint64_t{1} << 57;

// The walk that this thread is on.
thread_local DaxPieceWalk* walk;

// DaxPieceWalk::Row(), which is work as a level is.
bool WalkRow() {
  StackDepth::CountWalked(1);
  return walk->Row();
}

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

// Whole pages [page, page + pages) of a striped row.  Where chunks do not begin
// and end on pages, or a leg does not and the kernel minds, pages differ within
// a chunk; then some rows of chunks together take the place of one, after which
// pages lie again as they did.
class StripePieces {
 public:
  StripePieces(const DmTarget& ti, const DaxLayout& layout, uint64_t unit,
               DaxPieceFn fn)
      : ti_(ti),
        layout_(layout),
        shift_(ti.begin.value() % kPageSectors),
        turns_(kPageSectors / std::gcd(layout.chunk, kPageSectors)),
        leg_pages_(turns_ * layout.chunk / kPageSectors),
        unit_(unit),
        fn_(fn),
        odd_(shift_ != 0 || turns_ != 1) {}

  void Run(uint64_t page, uint64_t pages) {
    for (const DaxLayout::Leg& leg : layout_.legs) {
      pgoff_t q;
      if (leg.start.value() / kPageSectors > kMostPages) {
        return fn_(OpaquePiece(pages));
      }
      odd_ |= !DmDaxPgoff(ProfileOf(ti_), *leg.dev, leg.start, &q);
    }
    first_ = page - ti_.begin.value() / kPageSectors - (shift_ == 0 ? 0 : 1);
    end_ = first_ + pages;
    first_row_ = first_ / Round();
    rows_ = (end_ - 1) / Round() + 1 - first_row_;
    for (const DaxLayout::Leg& leg : layout_.legs) {
      pgoff_t q;
      (void)DmDaxPgoff(ProfileOf(ti_), *leg.dev, leg.start, &q);
      const uint64_t first = q.value() + first_row_ * leg_pages_;
      legs_.push_back({LegCursor(leg.dev->dax_dev, first,
                                 rows_ * leg_pages_ + (odd_ ? 1 : 0), unit_),
                       first});
    }
    for (uint64_t row = 0; row < rows_;) {
      if (!WalkRow()) {
        return Put((first_row_ + row) * Round(),
                   OpaquePiece((rows_ - row) * Round()));
      }
      const uint64_t whole = AlikeFrom(row);
      if (whole != 0 && !FewChunks(whole)) {
        Put((first_row_ + row) * Round(),
            {whole * Round(), Repeat(), Single()});
        row += whole;
      } else {
        odd_ ? OddChunks(row) : Chunks(row);
        ++row;
      }
    }
  }

 private:
  struct Leg {
    LegCursor cursor;
    uint64_t first;  // its page in the device below
  };

  uint64_t Round() const { return leg_pages_ * layout_.legs.size(); }

  // The rows from this one on in which no leg comes to the end of a piece.
  uint64_t AlikeFrom(uint64_t row) {
    uint64_t end = rows_;
    for (Leg& leg : legs_) {
      leg.cursor.Seek(row * leg_pages_);
      // A page may begin in one row's last sectors and be the next one's first.
      end = std::min(end, (leg.cursor.end() - (odd_ ? 1 : 0)) / leg_pages_);
    }
    return end > row ? end - row : 0;
  }

  uint64_t Repeat() const {
    uint64_t common = leg_pages_;
    for (const Leg& leg : legs_) {
      common = BoundedLcm(common, leg.cursor.piece().repeat, kMostPages);
    }
    return common > kMostPages / legs_.size() ? 0 : common * legs_.size();
  }

  DaxPiece::Pages Single() const {
    // Errors of several legs are not the same error.
    const bool frames =
        !odd_ && std::all_of(legs_.begin(), legs_.end(), [](const Leg& leg) {
          return leg.cursor.piece().single == DaxPiece::Pages::kFrames;
        });
    return frames ? DaxPiece::Pages::kFrames : DaxPiece::Pages::kAny;
  }

  // Whether it is better to report the chunks one by one: they are long, and
  // there are fewer of them than units until everything repeats.
  bool FewChunks(uint64_t rows) const {
    return layout_.chunk / kPageSectors >= unit_ &&
           rows * turns_ * legs_.size() <= Repeat() / unit_;
  }

  // A row of chunks, each of them linear.
  void Chunks(uint64_t row) {
    uint64_t at = (first_row_ + row) * Round();
    for (Leg& leg : legs_) {
      at = LegPages(leg, row * leg_pages_, leg_pages_, at);
    }
  }

  // The same where a chunk may end within a page, which then has no address.
  void OddChunks(uint64_t row) {
    const uint64_t end = (first_row_ + row + 1) * Round();
    for (uint64_t at = end - Round(); at < end;) {
      const uint64_t offset =
          (at + (shift_ == 0 ? 0 : 1)) * kPageSectors - shift_;
      const uint64_t chunk = offset / layout_.chunk;
      const uint64_t into = offset % layout_.chunk;
      const uint64_t left = layout_.chunk - into;
      const size_t number = chunk % legs_.size();
      const DaxLayout::Leg& leg = layout_.legs[number];
      pgoff_t q;
      const bool has_page = DmDaxPgoff(
          ProfileOf(ti_), *leg.dev,
          leg.start + chunk / legs_.size() * layout_.chunk + into, &q);
      const uint64_t pages = std::min(left / kPageSectors, end - at);
      if (pages != 0 && has_page) {
        at =
            LegPages(legs_[number], q.value() - legs_[number].first, pages, at);
      } else if (pages != 0) {
        Put(at, ErrorPiece(pages, unit_));
        at += pages;
      }
      if (left % kPageSectors != 0 && at < end) {
        Put(at++, ErrorPiece(1, unit_));
      }
    }
  }

  // Pages [y, y + pages) of a leg, which are pages `at` and up of the stripe.
  // Returns the page behind them.
  uint64_t LegPages(Leg& leg, uint64_t y, uint64_t pages, uint64_t at) {
    for (const uint64_t end = y + pages; y < end;) {
      leg.cursor.Seek(y);
      const uint64_t n = std::min(end, leg.cursor.end()) - y;
      Put(at, {n, leg.cursor.piece().repeat, leg.cursor.piece().single});
      y += n;
      at += n;
    }
    return at;
  }

  // The part of a piece at page `at` that was asked for.
  void Put(uint64_t at, DaxPiece piece) {
    const uint64_t from = std::max(at, first_);
    const uint64_t to = std::min(at + piece.pages, end_);
    if (from >= to) return;
    piece.pages = to - from;
    fn_(piece);
  }

  const DmTarget& ti_;
  const DaxLayout& layout_;
  // By so many sectors the row begins behind the begin of a page.
  const uint64_t shift_;
  const uint64_t turns_;      // rows of chunks that make a row here
  const uint64_t leg_pages_;  // of such a row
  const uint64_t unit_;
  DaxPieceFn fn_;
  bool odd_;
  // Pages are counted from the row's first whole one, rows from `first_row_`.
  uint64_t first_ = 0, end_ = 0;
  uint64_t rows_ = 0, first_row_ = 0;
  std::vector<Leg> legs_;
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
    // A chunk in which no page fits: dm_dax_direct_access() is EIO for all.
    if (layout.chunk < kPageSectors) return Error(pages);
    if (ti_.len.value() % (layout.legs.size() * layout.chunk) != 0) {
      return fn_(OpaquePiece(pages));
    }
    StripePieces(ti_, layout, unit_, fn_).Run(page, pages);
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

// Pages [first, first + pages) of a table.  `cap`: as above.
void TablePieces(const DmTable& table, pgoff_t first, uint64_t pages,
                 uint64_t unit, uint64_t cap, DaxPieceFn fn) {
  const uint64_t end = first.value() + pages;
  RowCursor rows(table);
  DaxLayout layout;
  for (uint64_t page = first.value(); page < end;) {
    if (!WalkRow()) return fn(OpaquePiece(end - page));
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

}  // namespace

void MappedDevice::ForEachPiece(pgoff_t first, uint64_t pages, uint64_t unit,
                                DaxPieceFn fn) {
  const StackDepth depth;
  if (StackDepth::now() == 1) {
    DaxPieceWalk* const before = walk;
    DaxPieceWalk down(WalkBudget::Spent() ? 0 : pages);
    walk = &down;
    ForEachPiece(first, pages, unit, [fn](const DaxPiece& piece) {
      // Who gets a piece may ask the device, and does not stand on its levels.
      const StackDepth::Aside aside;
      fn(piece);
    });
    walk = before;
    return;
  }
  const uint64_t end = first.value() + pages;
  if (depth.too_deep() || end < pages || end > kMostPages || !walk->Look()) {
    return fn(OpaquePiece(pages));
  }
  SrcuReadLock live(io_barrier_);
  const DmTable* table = map_.load(std::memory_order_acquire);
  if (table == nullptr) return fn(ErrorPiece(pages, unit));
  const uint64_t cap = machine_.profile().dm_max_io_len_has_max_sectors
                           ? disk_.queue().max_sectors() / kPageSectors
                           : ~uint64_t{0};
  const uint64_t whole = std::min(table->size() / kPageSectors, kMostPages);
  const auto all = [&](DaxPieceFn put) {
    TablePieces(*table, pgoff_t(0), whole, unit, cap, put);
  };
  const uint64_t known = walk->Known(this, first, pages, whole, all, fn);
  StackDepth::CountWalked(known);
  if (known == 0) TablePieces(*table, first, pages, unit, cap, fn);
}

}  // namespace dmdax
