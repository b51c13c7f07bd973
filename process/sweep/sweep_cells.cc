// SPDX-License-Identifier: Apache-2.0
#include "process/sweep/sweep_cells.h"

#include <algorithm>
#include <numeric>

#include "dax/dax_piece.h"
#include "dax/device_dax.h"
#include "fs/file_system.h"
#include "fs/file_system_type.h"

namespace dmdax {
namespace {

using Single = SweepCell::Single;

// Collects cells in order, and cuts them at given pages too.
class CellList {
 public:
  // From page `most` on, which is one of the cuts, pages get an error.
  CellList(uint64_t end, uint64_t most, std::vector<uint64_t> cuts)
      : end_(end), most_(most), cuts_(std::move(cuts)) {
    std::sort(cuts_.begin(), cuts_.end());
  }

  uint64_t page() const { return page_; }

  // Adds a cell up to page `end`, or as far as the list goes.
  void To(uint64_t end, uint64_t repeat, Single single) {
    end = std::min(end, end_);
    while (page_ < end) {
      while (next_ < cuts_.size() && cuts_[next_] <= page_) ++next_;
      const uint64_t stop =
          next_ < cuts_.size() ? std::min(cuts_[next_], end) : end;
      const bool error = page_ >= most_ && single != Single::kAny;
      cells_.push_back({stop, repeat, error ? Single::kAlike : single});
      page_ = stop;
    }
  }

  std::vector<SweepCell> Take() { return std::move(cells_); }

 private:
  const uint64_t end_, most_;
  std::vector<uint64_t> cuts_;
  size_t next_ = 0;
  uint64_t page_ = 0;
  std::vector<SweepCell> cells_;
};

// Places where something changes that is not an extent.
std::vector<uint64_t> CutsOf(const DaxInode& inode, const FileSystem& fs) {
  const FaultProfile& faults = *inode.profile;
  const uint64_t scale = faults.page_size() / kPageSize;
  const uint64_t page = faults.page_size();
  // A last page that the end of the file cuts is mapped though not all of it is
  // in the file, so it gets a cell of its own.
  std::vector<uint64_t> cuts = {
      inode.i_size / page * scale,
      (inode.i_size / page + (inode.i_size % page != 0 ? 1 : 0)) * scale};
  cuts.push_back(fs.type().max_bytes / kPageSize);
  for (const DaxEntry& entry : inode.entries) {
    cuts.push_back(entry.index * scale);
    cuts.push_back((entry.index + (uint64_t{1} << entry.order)) * scale);
  }
  for (const auto& [start, end] : inode.known_holes.all()) {
    cuts.push_back(start / kPageSize);
    cuts.push_back(end / kPageSize);
  }
  return cuts;
}

class FileCells {
 public:
  FileCells(const DaxInode& inode, const FileSystem& fs, uint64_t huge,
            const SweepAccess& access, uint64_t pages)
      : inode_(inode),
        huge_(huge),
        // A private write copies what a read finds.
        allocates_(access.write && !access.is_private),
        converts_(allocates_ || access.unwritten_is_written),
        list_(pages, fs.type().max_bytes / kPageSize, CutsOf(inode, fs)) {}

  std::vector<SweepCell> Run() {
    for (const FileExtent& extent : inode_.extents.All()) {
      if (extent.logical % kPageSize != 0 || extent.length % kPageSize != 0) {
        return Opaque();
      }
      Hole(extent.logical / kPageSize);
      Extent(extent);
    }
    Hole(~uint64_t{0});
    return list_.Take();
  }

 private:
  // For extents that are not whole pages: each page must be asked.
  std::vector<SweepCell> Opaque() {
    list_.To(~uint64_t{0}, 0, Single::kAny);
    return list_.Take();
  }

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
    const bool full = bytes == page &&
                      !inode_.allocator->Clone()->Allocate(0, page).has_value();
    list_.To(end, repeat, full ? Single::kAlike : Single::kAny);
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
    if (at % kPageSize != 0) return list_.To(end, 0, Single::kAny);
    // The list may end inside the extent.
    DaxForEachPiece(
        inode_.dax_dev, pgoff_t(at / kPageSize), extent.length / kPageSize,
        huge_, [&](const DaxPiece& piece) {
          list_.To(list_.page() + piece.pages, piece.repeat, SingleOf(piece));
        });
  }

  static Single SingleOf(const DaxPiece& piece) {
    return piece.single == DaxPiece::Pages::kFrames  ? Single::kFrames
           : piece.single == DaxPiece::Pages::kError ? Single::kAlike
                                                     : Single::kAny;
  }

  const DaxInode& inode_;
  const uint64_t huge_;
  const bool allocates_;
  const bool converts_;  // unwritten extents
  CellList list_;
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

std::vector<SweepCell> SweepCellsOf(const File& file,
                                    const FaultProfile& faults,
                                    const SweepAccess& access, uint64_t pages) {
  const uint64_t huge = SweepHugePages(file, faults);
  const DevDax* dax = DevDaxOf(file);
  if (dax == nullptr) {
    return FileCells(*static_cast<const DaxInode*>(file.f_inode),
                     *static_cast<const FileSystem*>(file.f_op), huge, access,
                     pages)
        .Run();
  }
  CellList list(pages, pages, {});
  for (const DevDaxRange& range : dax->options().ranges) {
    list.To(list.page() + range.size / kPageSize, huge, Single::kAlike);
  }
  list.To(pages, huge, Single::kAlike);
  return list.Take();
}

}  // namespace dmdax
