// SPDX-License-Identifier: Apache-2.0
#include "process/sweep/sweep_cells.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <numeric>
#include <optional>

#include "dax/dax_piece.h"
#include "dax/device_dax.h"
#include "fs/file_system.h"
#include "fs/file_system_type.h"
#include "process/sweep/extent_cursor.h"

namespace dmdax {
namespace {

using Single = SweepCell::Single;

constexpr uint64_t kNowhere = ~uint64_t{0};

// Places in a file where something changes that is not an extent.
class FileCuts {
 public:
  FileCuts(const DaxInode& inode, const FileSystem& fs)
      : inode_(inode), scale_(inode.profile->page_size() / kPageSize) {
    const uint64_t page = inode.profile->page_size();
    // A last page that the end of the file cuts is mapped though not all of it
    // is in the file, so it gets a cell of its own.
    const uint64_t whole = inode.i_size / page;
    places_ = {whole * scale_,
               (whole + (inode.i_size % page != 0 ? 1 : 0)) * scale_,
               fs.type().max_bytes / kPageSize};
  }

  // The first of them behind page `page`.
  uint64_t After(uint64_t page) const {
    uint64_t next = kNowhere;
    for (uint64_t place : places_) {
      if (place > page) next = std::min(next, place);
    }
    if (!inode_.entries.empty()) next = std::min(next, AfterEntry(page));
    const auto& holes = inode_.known_holes.all();
    auto hole = holes.upper_bound((page + 1) * kPageSize - 1);
    if (hole != holes.end()) next = std::min(next, hole->first / kPageSize);
    if (hole != holes.begin()) {
      const uint64_t end = std::prev(hole)->second / kPageSize;
      if (end > page) next = std::min(next, end);
    }
    return next;
  }

 private:
  uint64_t AfterEntry(uint64_t page) const {
    const DaxEntry* entry = inode_.entries.Find(page / scale_);
    if (entry != nullptr) {
      return (entry->index + (uint64_t{1} << entry->order)) * scale_;
    }
    entry = inode_.entries.AtOrAfter(page / scale_);
    return entry == nullptr ? kNowhere : entry->index * scale_;
  }

  const DaxInode& inode_;
  const uint64_t scale_;  // of the kernel's page
  std::array<uint64_t, 3> places_;
};

// Hands on cells in order, and cuts them where a file is cut.
class CellStream {
 public:
  // `cuts`, or null.  From page `most` on, which is one of them, pages get an
  // error.
  CellStream(uint64_t end, const FileCuts* cuts, uint64_t most, SweepCellFn fn)
      : end_(end), cuts_(cuts), most_(most), fn_(fn) {}

  uint64_t page() const { return page_; }
  bool done() const { return page_ >= end_; }

  // Leaves out what lies before page `page`.
  void SkipTo(uint64_t page) {
    if (page <= page_ || done()) return;
    HandOn();
    handed_on_ = page_ = std::min(page, end_);
  }

  // Adds a cell up to page `end`, or as far as the stream goes.
  void To(uint64_t end, uint64_t repeat, Single single) {
    end = std::min(end, end_);
    // Pages that must each be asked are one cell whatever lies between them: a
    // file may have a million extents of them.
    if (repeat == 0 && single == Single::kAny) {
      page_ = std::max(page_, end);
      if (done()) HandOn();
      return;
    }
    HandOn();
    while (page_ < end) {
      if (cuts_ != nullptr && cut_ <= page_) cut_ = cuts_->After(page_);
      const uint64_t stop = std::min(cut_, end);
      const bool error = page_ >= most_ && single != Single::kAny;
      fn_({stop, repeat, error ? Single::kAlike : single});
      handed_on_ = page_ = stop;
    }
  }

 private:
  // What is kAny and still kept back.
  void HandOn() {
    if (handed_on_ < page_) fn_({page_, 0, Single::kAny});
    handed_on_ = page_;
  }

  const uint64_t end_;
  const FileCuts* const cuts_;
  const uint64_t most_;
  SweepCellFn fn_;
  uint64_t page_ = 0, handed_on_ = 0;
  // The next cut; at or before the page: not known.
  uint64_t cut_ = cuts_ == nullptr ? kNowhere : 0;
};

class FileCells {
 public:
  FileCells(const DaxInode& inode, const FileSystem& fs, uint64_t huge,
            const SweepAccess& access, uint64_t pages, SweepDetail detail,
            SweepCellFn fn)
      : inode_(inode),
        huge_(huge),
        detail_(detail),
        // A private write copies what a read finds.
        allocates_(access.write && !access.is_private),
        converts_(allocates_ || access.unwritten_is_written),
        cuts_(inode, fs),
        list_(pages, &cuts_, fs.type().max_bytes / kPageSize, fn) {}

  // What ends at or before page `first` is not looked at.
  void Run(uint64_t first) {
    ExtentCursor cursor(inode_.extents);
    for (uint64_t pos = first * kPageSize; !list_.done();) {
      const FileExtent& extent = cursor.At(pos);
      if (extent.type == IOMAP_HOLE) {
        list_.SkipTo(pos / kPageSize);
        // What is not whole pages, the hole before it included.
        if (extent.end() % kPageSize != 0) return Opaque();
        Hole(extent.end() / kPageSize);
      } else {
        list_.SkipTo(extent.logical / kPageSize);
        if (extent.logical % kPageSize != 0 || extent.length % kPageSize != 0) {
          return Opaque();
        }
        Extent(extent);
      }
      pos = extent.end();
    }
  }

 private:
  // For extents that are not whole pages: each page must be asked.
  void Opaque() { list_.To(kNowhere, 0, Single::kAny); }

  // Adds a hole up to page `end`.  Its pages differ only by what an allocator
  // gives them.
  void Hole(uint64_t end) {
    if (!allocates_ || inode_.allocator == nullptr) {
      // Without extents it depends on the offset how far ext4 says that the
      // hole goes, and so whether it has all of a huge page.
      const uint64_t repeat = inode_.has_extents ? huge_ : 0;
      return list_.To(end, repeat, Single::kHole);
    }
    const uint64_t bytes = inode_.allocator->Repeat();
    const bool known = bytes != 0 && bytes % kPageSize == 0;
    const uint64_t repeat =
        known ? std::lcm(bytes / kPageSize, huge_) : uint64_t{0};
    // The first single page that is touched gets blocks for the whole huge
    // page, and then each page has its own.  The pages are alike only if there
    // are no blocks.
    const uint64_t page = inode_.profile->page_size();
    if (!full_.has_value()) {
      full_ = bytes == page &&
              !inode_.allocator->Clone()->Allocate(0, page).has_value();
    }
    list_.To(end, repeat, *full_ ? Single::kAlike : Single::kAny);
  }

  void Extent(const FileExtent& extent) {
    const uint64_t end = extent.end() / kPageSize;
    const bool written =
        allocates_ || (converts_ && extent.type == IOMAP_UNWRITTEN);
    if (written && extent.shared) return list_.To(end, 0, Single::kAny);
    const bool on_device = extent.type == IOMAP_MAPPED ||
                           (extent.type == IOMAP_UNWRITTEN && converts_);
    if (!on_device) {
      return list_.To(
          end, huge_,
          extent.type == IOMAP_UNWRITTEN ? Single::kHole : Single::kAlike);
    }
    const uint64_t at = extent.physical + inode_.dax_part_off;
    const bool skipped = detail_ == SweepDetail::kHugePages &&
                         extent.length < 2 * huge_ * kPageSize;
    if (at % kPageSize != 0 || skipped) return list_.To(end, 0, Single::kAny);
    // A write that converts may fail, or fall back, where a read of a page
    // beside it does not.
    const bool written_only = extent.type == IOMAP_UNWRITTEN;
    // The list may end inside the extent.
    DaxForEachPiece(
        inode_.dax_dev, pgoff_t(at / kPageSize), extent.length / kPageSize,
        huge_, [&](const DaxPiece& piece) {
          const Single single = SingleOf(piece);
          list_.To(list_.page() + piece.pages, piece.repeat,
                   written_only && single == Single::kFrames ? Single::kAlike
                                                             : single);
        });
  }

  static Single SingleOf(const DaxPiece& piece) {
    return piece.single == DaxPiece::Pages::kFrames  ? Single::kFrames
           : piece.single == DaxPiece::Pages::kError ? Single::kAlike
                                                     : Single::kAny;
  }

  const DaxInode& inode_;
  const uint64_t huge_;
  const SweepDetail detail_;
  const bool allocates_;
  const bool converts_;       // unwritten extents
  std::optional<bool> full_;  // no blocks are left
  const FileCuts cuts_;
  CellStream list_;
};

const DevDax* DevDaxOf(const File& file) {
  return file.f_inode->type == InodeType::kRegular
             ? nullptr
             : static_cast<const DevDax*>(file.f_op);
}

}  // namespace

uint64_t SweepHugePages(const File& file, const FaultProfile& faults) {
  uint64_t bytes = faults.pmd_size();
  if (const DevDax* dax = DevDaxOf(file)) {
    bytes = std::max(bytes, dax->options().align);
  }
  return bytes / kPageSize;
}

void ForEachSweepCell(const File& file, const FaultProfile& faults,
                      const SweepAccess& access, uint64_t first, uint64_t pages,
                      SweepDetail detail, SweepCellFn fn) {
  const uint64_t huge = SweepHugePages(file, faults);
  const DevDax* dax = DevDaxOf(file);
  if (dax == nullptr) {
    return FileCells(*static_cast<const DaxInode*>(file.f_inode),
                     *static_cast<const FileSystem*>(file.f_op), huge, access,
                     pages, detail, fn)
        .Run(first);
  }
  CellStream list(pages, nullptr, pages, fn);
  for (const DevDaxRange& range : dax->options().ranges) {
    list.To(list.page() + range.size / kPageSize, huge, Single::kAlike);
  }
  list.To(pages, huge, Single::kAlike);
}

}  // namespace dmdax
