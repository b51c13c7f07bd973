// SPDX-License-Identifier: Apache-2.0
#include "tools/check/off_page.h"

#include <algorithm>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "base/units.h"
#include "dm/dm_table.h"
#include "dm/stack_depth.h"
#include "dm/walk_budget.h"
#include "iomap/dax_inode.h"
#include "tools/check/dax_depth.h"

namespace dmdax {
namespace {

// What lies below a row: it is looked at too, or not.
enum class Below { kToo, kNot };

class OffPageWalk {
 public:
  OffPageWalk(const Session& session, Below below)
      : session_(session), below_(below) {}

  // Sectors [begin, end) of a device.
  void Walk(BlockDevice& bdev, uint64_t begin, uint64_t end) {
    const DmTable* const table = LiveTable(session_, bdev);
    if (table == nullptr) return;
    const StackDepth depth;  // it counts
    end = std::min(end, table->size());
    while (begin < end && !gave_up_) {
      const DmTarget* const row = table->FindTarget(sector_t(begin));
      if (row == nullptr) return;
      const uint64_t start = row->begin.value();
      const uint64_t stop = std::min(end, start + row->len.value());
      // Where both legs are one device, and so on below, ways down double.
      gave_up_ = below_ == Below::kToo &&
                 (++looks_ > kMostLooks || WalkBudget::Spent());
      WalkRow(bdev, *row, begin - start, stop - start);
      begin = stop;
    }
  }

  bool gave_up() const { return gave_up_; }
  OffPage TakeFound() {
    found_.rows = rows_.size();
    return std::move(found_);
  }

 private:
  static constexpr uint64_t kMostLooks = uint64_t{1} << 20;

  // Sectors [from, to) of a row.
  void WalkRow(BlockDevice& bdev, const DmTarget& row, uint64_t from,
               uint64_t to) {
    layout_.chunk = 0;
    layout_.legs.clear();
    if (row.type->dax_layout == nullptr ||
        !row.type->dax_layout(row, &layout_) || layout_.legs.empty()) {
      return;
    }
    if (layout_.chunk == 0) {
      const DaxLayout::Leg leg = layout_.legs[0];
      return WalkLeg(bdev, row, leg, /*chunk=*/0, from, to);
    }
    // Rows below use the same memory.
    const DaxLayout layout = std::move(layout_);
    layout_ = {};
    const uint64_t chunk = layout.chunk, legs = layout.legs.size();
    for (uint64_t number = 0; number < legs; ++number) {
      WalkLeg(bdev, row, layout.legs[number], chunk,
              SectorsOfLeg(chunk, legs, number, from),
              SectorsOfLeg(chunk, legs, number, to));
    }
  }

  // How many of a stripe's first sectors one of its legs has.
  static uint64_t SectorsOfLeg(uint64_t chunk, uint64_t legs, uint64_t number,
                               uint64_t sectors) {
    const uint64_t rest = sectors % (chunk * legs);
    return sectors / (chunk * legs) * chunk +
           std::min(chunk, rest - std::min(rest, number * chunk));
  }

  // Sectors [from, to) of what a row has of a leg.
  void WalkLeg(BlockDevice& bdev, const DmTarget& row,
               const DaxLayout::Leg& leg, uint64_t chunk, uint64_t from,
               uint64_t to) {
    if (from >= to) return;
    BlockDevice& below = *leg.dev->bdev;
    const uint64_t past =
        (below.start_sect().value() + leg.start.value() - row.begin.value()) %
        kPageSectors;
    const bool odd = chunk % kPageSectors != 0;
    if (past == 0 && !odd) {
      if (below_ == Below::kNot) return;
      return Walk(below, leg.start.value() + from, leg.start.value() + to);
    }
    found_.sectors += to - from;
    rows_.emplace(&bdev, row.begin.value());
    if (found_.row) return;
    found_.row = TraceStep{.function = TraceFunction::kTargetDirectAccess,
                           .device = bdev.name(),
                           .name = NameOfDevice(session_, bdev),
                           .target = std::string(row.type->name),
                           .begin = row.begin,
                           .len = row.len,
                           .lower = leg.dev->name};
    found_.below = NameOfDevice(session_, below);
    found_.past = past;
  }

  const Session& session_;
  const Below below_;
  OffPage found_;
  absl::flat_hash_set<std::pair<const BlockDevice*, uint64_t>> rows_;
  uint64_t looks_ = 0;
  bool gave_up_ = false;
  DaxLayout layout_;
};

// The device that a file's pages are on: its file system's, or the realtime
// one.
BlockDevice* DeviceOf(const Session& session, const Subject& subject) {
  if (subject.bdev == nullptr || subject.kind != Subject::kFile) {
    return subject.bdev;
  }
  const auto& inode = static_cast<const DaxInode&>(*subject.file->f_inode);
  if (subject.bdev->whole().host_dax_dev() == inode.dax_dev) {
    return subject.bdev;
  }
  for (BlockDevice* bdev : session.machine->BlockDevices()) {
    if (!bdev->is_partition() && bdev->host_dax_dev() == inode.dax_dev) {
      return bdev;
    }
  }
  return subject.bdev;
}

SectorRanges RangesOf(const Subject& subject) {
  if (subject.kind == Subject::kDevice) {
    return {{0, subject.size / kSectorSize}};
  }
  SectorRanges ranges;
  const auto& inode = static_cast<const DaxInode&>(*subject.file->f_inode);
  for (const FileExtent& extent : inode.extents.All()) {
    if (extent.logical >= subject.size) break;
    const uint64_t begin = extent.physical / kSectorSize;
    const uint64_t length =
        std::min(extent.length, subject.size - extent.logical);
    ranges.emplace_back(begin, begin + length / kSectorSize);
  }
  return ranges;
}

}  // namespace

std::string OffPage::Text() const {
  const std::string how =
      past == 0
          ? "has chunks that are no whole pages of 8 sectors"
          : absl::StrCat("begins ", past, past == 1 ? " sector" : " sectors",
                         " past a page of ", below);
  return absl::StrCat(
      LevelText(row), " ", how,
      ": this kernel rounds down for DAX, and for block I/O it does not, so "
      "that files and what mkfs, the journal and a backup of the device write "
      "destroy each other");
}

OffPage OffPageOf(const Session& session, BlockDevice& bdev,
                  const SectorRanges& ranges) {
  OffPageWalk walk(session, Below::kToo);
  for (const auto& [begin, end] : ranges) walk.Walk(bdev, begin, end);
  OffPage found = walk.TakeFound();
  if (!walk.gave_up() || found.row) return found;
  // Each device once says whether there is any.
  OffPageWalk once(session, Below::kNot);
  for (BlockDevice* below : AllBelow(session, &bdev)) {
    once.Walk(*below, 0, below->nr_sectors());
  }
  return once.TakeFound();
}

OffPage OffPageOf(const Session& session, const Subject& subject) {
  if (subject.file == nullptr) return {};
  BlockDevice* const bdev = DeviceOf(session, subject);
  if (bdev == nullptr) return {};
  return OffPageOf(session, *bdev, RangesOf(subject));
}

}  // namespace dmdax
