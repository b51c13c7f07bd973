// SPDX-License-Identifier: Apache-2.0
//
// Tables that come as columns.  Mirrors nothing: the kernel adds every row with
// dm_table_add_target().  Our AddTarget() decides what is right here too; this
// file only saves most of its calls.
//
// A table of a million linear rows has few devices.  The first row on each
// device is added with AddTarget(), with all its checks and side effects.
// Another row on the same device can be refused only for its length.  What the
// kernel checks of all rows when it completes a table (whether a device is DAX,
// which limits it has) is checked of those first rows.  So a row costs a small
// part of AddTarget() (the benchmark family `load:N`).
#include <bit>
#include <optional>
#include <utility>

#include "dm/dm_table.h"
#include "dm/mapped_device.h"

namespace dmdax {
namespace {

constexpr char kLinear[] = "linear";

const DmDev* OnlyDevice(const DmTarget& ti) {
  const DmDev* found = nullptr;
  ti.type->iterate_devices(ti, [&](const DmDev& dev, sector_t, sector_t) {
    found = &dev;
    return 1;
  });
  return found;
}

// Whether all starts whose bits are or-ed in `bits` are multiples of `bytes`,
// which must be a power of two.
bool AllMultiples(uint64_t bits, uint32_t bytes) {
  if (bytes <= kSectorSize) return true;
  return std::has_single_bit(bytes) &&
         (bits & ((bytes >> kSectorShift) - 1)) == 0;
}

}  // namespace

absl::Status DmTable::AddLinearRows(std::shared_ptr<const LinearRows> rows,
                                    std::optional<size_t>* bad_row) {
  const TargetType* type = FindTargetType(kLinear, md_.machine().profile());
  std::vector<LinearTargets::Use> uses(rows->devices.size());
  size_t taken = 0;
  if (type != nullptr && type->ctr_range != nullptr && targets_.empty()) {
    absl::Status s = TakeColumns(*rows, &uses, &taken);
    if (bad_row != nullptr) *bad_row = taken;
    if (!s.ok()) return s;
  }
  // Each device is now in use once, by the first row on it.
  for (const LinearTargets::Use& use : uses) {
    if (use.dev == nullptr) continue;
    auto dd = device_by_number_.find(use.dev->bdev->dev());
    if (dd == device_by_number_.end() || dd->second->dm_dev != use.dev)
      continue;
    dd->second->count += static_cast<int>(use.rows) - 1;
  }
  if (taken > 0) {
    columns_ = std::make_unique<LinearTargets>(*this, *type, rows, taken,
                                               std::move(uses), size_);
  }
  for (size_t i = taken; i < rows->size(); ++i) {
    if (bad_row != nullptr) *bad_row = i;
    const uint64_t begin = size_;
    absl::Status s = AddTarget(kLinear, sector_t(begin),
                               sector_t(rows->length[i]), rows->Params(i));
    if (!s.ok()) return s;
  }
  if (bad_row != nullptr) bad_row->reset();
  return absl::OkStatus();
}

// Takes rows up to the first that AddTarget() might refuse or log about.  An
// error is that of AddTarget() for row *taken.
absl::Status DmTable::TakeColumns(const LinearRows& rows,
                                  std::vector<LinearTargets::Use>* uses,
                                  size_t* taken) {
  uint64_t end = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    *taken = i;
    const uint64_t length = rows.length[i];
    // AddTarget() will refuse this row, in the kernel's words.
    if (length == 0 || length > kMaxEnd - end) return absl::OkStatus();
    LinearTargets::Use& use = (*uses)[rows.device[i]];
    if (use.dev == nullptr) [[unlikely]] {
      absl::Status s =
          AddTarget(kLinear, sector_t(end), sector_t(length), rows.Params(i));
      if (!s.ok()) return s;
      use.dev = OnlyDevice(targets_.back());
      use.first_row = i;
      use.begin = end;
    }
    const uint64_t start = rows.start[i];
    // A sum that wraps counts as the highest, so that the rows are checked one
    // by one.
    use.end = std::max(use.end,
                       start + length < start ? ~uint64_t{0} : start + length);
    use.start_bits |= start;
    use.length_bits |= length;
    ++use.rows;
    end += length;
    size_ = end;
  }
  *taken = rows.size();
  return absl::OkStatus();
}

size_t DmTable::RowOf(size_t i) const {
  if (columns_ == nullptr) return i;
  // targets_ has the first row of each device in the order of the rows.
  uint64_t begin = targets_[i].begin.value();
  for (const LinearTargets::Use& use : columns_->uses()) {
    if (use.dev != nullptr && use.begin == begin) return use.first_row;
  }
  return i;
}

void DmTable::SpreadColumns() {
  const std::unique_ptr<LinearTargets> columns = std::move(columns_);
  targets_.clear();
  highs_.clear();
  uint64_t begin = 0;
  for (size_t i = 0; i < columns->size(); ++i) {
    targets_.push_back(columns->Make(i, begin));
    begin += columns->rows().length[i];
    highs_.push_back(begin - 1);
  }
}

// dm_calculate_queue_limits() for a table in which no check can fail: the
// limits of a row are then those of its device, wherever the row begins.
// Nothing if a check might fail.
std::optional<QueueLimits> DmTable::LimitsOfColumns() const {
  const KernelProfile& profile = md_.machine().profile();
  const absl::Span<const LinearTargets::Use> uses = columns_->uses();
  std::vector<QueueLimits> of_device(uses.size(),
                                     BlkSetStackingLimits(profile));
  uint64_t length_bits = 0;
  size_t used = 0;
  for (size_t d = 0; d < uses.size(); ++d) {
    const LinearTargets::Use& use = uses[d];
    if (use.dev == nullptr) continue;
    ++used;
    length_bits |= use.length_bits;
    const BlockDevice& bdev = *use.dev->bdev;
    const QueueLimits b = use.dev->bdev->queue().limits();
    // blk_stack_limits() derives an alignment from each of these sizes.  Where
    // all starts are multiples of them, every row is aligned.
    const bool fits =
        b.integrity_metadata_size == 0 &&
        (bdev.nr_sectors() == 0 || use.end <= bdev.nr_sectors()) &&
        AllMultiples(use.start_bits, b.physical_block_size) &&
        AllMultiples(use.start_bits, b.io_min) &&
        AllMultiples(use.start_bits, b.discard_granularity) &&
        BlkStackLimits(of_device[d], b, bdev.start_sect()) == 0 &&
        AllMultiples(use.start_bits | use.length_bits,
                     of_device[d].logical_block_size);
    if (!fits) return std::nullopt;
  }
  // Stacking a device's limits once more changes nothing as soon as it has
  // changed nothing, until another device's change something.
  QueueLimits limits = BlkSetStackingLimits(profile);
  std::vector<size_t> settled_in(uses.size(), 0);
  size_t version = 1, settled = 0;
  for (size_t i = 0; settled < used && i < columns_->size(); ++i) {
    const size_t d = columns_->rows().device[i];
    if (settled_in[d] == version) continue;
    const QueueLimits before = limits;
    if (BlkStackLimits(limits, of_device[d], sector_t{0}) < 0) {
      return std::nullopt;
    }
    if (limits == before) {
      settled_in[d] = version;
      ++settled;
    } else {
      ++version;
      settled = 0;
    }
  }
  // No row then begins or ends within a logical block of the table.
  if (!AllMultiples(length_bits, limits.logical_block_size)) {
    return std::nullopt;
  }
  return limits;
}

}  // namespace dmdax
