// SPDX-License-Identifier: Apache-2.0
#include "process/sweep/dax_sweep.h"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <numeric>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "base/round_up.h"
#include "process/sweep/sweep_probe.h"

namespace dmdax {
namespace {

// What SweepOutcome::Equals() compares, as one key for a hash map.
std::string KeyOf(const SweepOutcome& o) {
  std::string key = absl::StrCat(
      o.sig != 0 ? -o.sig : o.order, " ", o.si_code, o.zero_page ? " z " : " ",
      static_cast<int>(o.reason.code), " ", o.reason.order, " ", o.reason.err);
  if (o.reason.level.has_value()) {
    const TraceStep& step = *o.reason.level;
    absl::StrAppend(&key, " ", static_cast<int>(step.function), " ",
                    step.device, " ", step.target, " ", step.begin.value(), " ",
                    step.len.value());
  }
  return key;
}

// What single pages of a huge page got, by the kind of their cell.
class KnownPages {
 public:
  bool Has(SweepCell::Single single) const {
    return single <= SweepCell::Single::kHole && At(single) != kNone;
  }
  size_t Of(SweepCell::Single single) const { return At(single); }
  void Add(SweepCell::Single single, size_t outcome) {
    if (single == SweepCell::Single::kFrames) frames_ = outcome;
    if (single == SweepCell::Single::kHole) hole_ = outcome;
  }

 private:
  static constexpr size_t kNone = ~size_t{0};
  size_t At(SweepCell::Single single) const {
    return single == SweepCell::Single::kFrames ? frames_ : hole_;
  }
  size_t frames_ = kNone, hole_ = kNone;
};

class Sweeper {
 public:
  Sweeper(UserSpace& user, const SweepRequest& request)
      : faults_(user.faults()),
        want_(std::max({request.order, request.want, faults_.pmd_order()})),
        huge_(SweepHugePages(*request.file, faults_)),
        page_(faults_.page_size() / kPageSize),
        slot_(page_ << request.order),
        tile_(std::max(slot_, huge_)),
        probe_(request.file, faults_, user.mem(), request.access) {
    sweep_.slot_bytes = slot_ * kPageSize;
    const uint64_t end =
        request.length == 0 || request.length > request.size - request.offset
            ? request.size
            : request.offset + request.length;
    sweep_.first = request.offset / sweep_.slot_bytes;
    end_ = (end + sweep_.slot_bytes - 1) / sweep_.slot_bytes;
    sweep_.slots = end_ - sweep_.first;
    // The cells cover whole huge pages, also where the last slot ends inside
    // one.
    const uint64_t pages = RoundUp(end_ * slot_, tile_);
    cells_ = SweepCellsOf(*request.file, faults_, request.access, pages);
  }

  DaxSweep Run() {
    const uint64_t last = (end_ * slot_ + tile_ - 1) / tile_;
    for (uint64_t tile = sweep_.first * slot_ / tile_; tile < last;) {
      tile += Next(tile);
    }
    ClosePlain();
    return std::move(sweep_);
  }

 private:
  // --- tiles: one slot, or all slots of one huge page ---

  // Answers this tile and those after it that are alike; returns how many.
  uint64_t Next(uint64_t tile) {
    const uint64_t page = tile * tile_;
    while (cells_[cell_].end <= page) ++cell_;
    const SweepCell& cell = cells_[cell_];
    const uint64_t alike = Alike(tile, cell);
    const uint64_t repeat =
        cell.repeat == 0 ? 0 : std::lcm(cell.repeat, tile_) / tile_;
    // A period that comes only once saves nothing.
    if (repeat == 0 || alike < 2 * repeat) {
      AskTile(tile, &plain_);
      return 1;
    }
    // One period is asked tile by tile and stands for all others.
    std::vector<SweepRange> period;
    for (uint64_t i = 0; i < repeat; ++i) AskTile(tile + i, &period);
    if (period.size() == 1) {
      Add(period[0].first, alike * (tile_ / slot_), period[0].outcome, &plain_);
      return alike;
    }
    const uint64_t rounds = alike / repeat;
    AddBlock(period, repeat * (tile_ / slot_), rounds);
    return rounds * repeat;
  }

  // How many tiles from this one on have their huge page inside the cell and
  // are asked for as a whole.
  uint64_t Alike(uint64_t tile, const SweepCell& cell) const {
    const uint64_t page = tile * tile_;
    if (slot_ < tile_ && page < sweep_.first * slot_) return 0;
    const uint64_t asked =
        slot_ < tile_ ? end_ * slot_ : (end_ - 1) * slot_ + huge_;
    const uint64_t end = std::min(cell.end, asked);
    return page + huge_ > end ? 0 : (end - huge_ - page) / tile_ + 1;
  }

  void AskTile(uint64_t tile, std::vector<SweepRange>* to) {
    uint64_t page = tile * tile_;
    if (slot_ >= huge_) {
      return Add(page / slot_, 1, Ask(page), to);
    }
    page = std::max(page, sweep_.first * slot_);
    const uint64_t end = std::min((tile + 1) * tile_, end_ * slot_);
    KnownPages known;
    for (size_t cell = CellAt(page); page < end;) {
      while (cells_[cell].end <= page) ++cell;
      const SweepCell::Single single = cells_[cell].single;
      const size_t outcome = known.Has(single) ? known.Of(single) : Ask(page);
      const SweepOutcome& o = sweep_.totals[outcome].outcome;
      uint64_t alike = end;
      // The page got an entry smaller than the huge page, so its answer is that
      // of single pages of this kind.
      if (o.sig != 0 || (page_ << o.order) < huge_) {
        known.Add(single, outcome);
        alike = single != SweepCell::Single::kAny
                    ? std::min(end, cells_[cell].end)
                    : page;
      }
      const uint64_t slots =
          alike > page ? std::max<uint64_t>(1, (alike - page) / slot_) : 1;
      Add(page / slot_, slots, outcome, to);
      page += slots * slot_;
    }
  }

  // From the current cell on, which is at or before the page.
  size_t CellAt(uint64_t page) const {
    return static_cast<size_t>(
        std::partition_point(
            cells_.begin() + static_cast<ptrdiff_t>(cell_), cells_.end(),
            [&](const SweepCell& cell) { return cell.end <= page; }) -
        cells_.begin());
  }

  // --- outcomes ---

  // What the page gets, by its number in `totals`.
  size_t Ask(uint64_t page) {
    ++sweep_.asked;
    FaultOutcome fault = probe_.Ask(page);
    SweepOutcome o{.order = fault.order,
                   .sig = fault.sig,
                   .si_code = fault.si_code,
                   .zero_page = fault.sig == 0 && fault.zero_page};
    if (o.sig != 0 || o.order < want_) o.reason = std::move(fault.reason);
    const auto [it, fresh] = numbers_.try_emplace(KeyOf(o), numbers_.size());
    if (fresh) {
      sweep_.totals.push_back({.outcome = std::move(o), .first = page / slot_});
    }
    return it->second;
  }

  // --- ranges ---

  static void Append(const SweepRange& range, std::vector<SweepRange>* to) {
    if (!to->empty() && to->back().outcome == range.outcome) {
      to->back().slots += range.slots;
    } else {
      to->push_back(range);
    }
  }

  void Add(uint64_t first, uint64_t slots, size_t outcome,
           std::vector<SweepRange>* to) {
    Append({first, slots, outcome}, to);
    if (to == &plain_) sweep_.totals[outcome].slots += slots;
  }

  void AddBlock(const std::vector<SweepRange>& period, uint64_t repeat,
                uint64_t rounds) {
    ClosePlain();
    sweep_.blocks.push_back({period[0].first, rounds * repeat, repeat,
                             sweep_.ranges.size(), period.size()});
    for (const SweepRange& range : period) {
      sweep_.totals[range.outcome].slots += range.slots * rounds;
      sweep_.ranges.push_back(range);
    }
  }

  void ClosePlain() {
    if (plain_.empty()) return;
    const uint64_t first = plain_[0].first;
    const uint64_t slots = plain_.back().first + plain_.back().slots - first;
    sweep_.blocks.push_back(
        {first, slots, slots, sweep_.ranges.size(), plain_.size()});
    sweep_.ranges.insert(sweep_.ranges.end(), plain_.begin(), plain_.end());
    plain_.clear();
  }

  const FaultProfile& faults_;
  const int want_;  // order
  // In pages of 4096 bytes: a huge page (SweepHugePages()), the kernel's page,
  // a slot, a tile: the larger of a slot and a huge page.
  const uint64_t huge_, page_, slot_, tile_;
  SweepProbe probe_;
  std::vector<SweepCell> cells_;
  size_t cell_ = 0;
  uint64_t end_ = 0;  // slot
  std::vector<SweepRange> plain_;
  absl::flat_hash_map<std::string, size_t> numbers_;
  DaxSweep sweep_;
};

absl::Status CheckRequest(UserSpace& user, const SweepRequest& request) {
  const FaultProfile& faults = user.faults();
  const File& file = *request.file;
  if (faults.page_size() != kPageSize) {
    return ErrnoError(
        EOPNOTSUPP,
        absl::StrCat("not modelled: a sweep in pages of ", faults.page_size(),
                     " bytes; it cuts a "
                     "file into pages of ",
                     kPageSize));
  }
  if (request.order != 0 && request.order != faults.pmd_order() &&
      request.order != faults.pud_order()) {
    return ErrnoError(
        EINVAL, absl::StrCat("order ", request.order, ": 0, ",
                             faults.pmd_order(), " or ", faults.pud_order()));
  }
  const std::string& name = request.name.empty() ? file.path : request.name;
  if (file.f_inode->type == InodeType::kRegular && !file.f_inode->s_dax) {
    return ErrnoError(EOPNOTSUPP,
                      absl::StrCat(name, " is not DAX: its pages are cached"));
  }
  const VmaOptions vma_options{
      .file = request.file,
      .length = SweepHugePages(file, faults) * kPageSize,
      .address = faults.pud_size(),
      .prot = SweepProt(file, request.access),
      .is_private = request.access.is_private,
      .sync = request.access.sync};
  if (absl::Status s = CheckMapSync(vma_options); !s.ok()) return s;
  if (request.offset > 0 && request.offset >= request.size) {
    return ErrnoError(EINVAL,
                      absl::StrCat("offset ", request.offset, ": ", name,
                                   " has only ", request.size, " bytes"));
  }
  // The file must be one that can be mapped at all.
  Task task(/*pid=*/1, faults, user.mem());
  absl::StatusOr<VmAreaStruct*> vma = task.Map(vma_options);
  if (vma.ok()) return absl::OkStatus();
  return ErrnoError(ErrnoOf(vma.status()),
                    absl::StrCat("mmap: ", ErrnoText(ErrnoOf(vma.status())),
                                 ": ", vma.status().message()));
}

}  // namespace

bool SweepOutcome::Equals(const SweepOutcome& other) const {
  return KeyOf(*this) == KeyOf(other);
}

void DaxSweep::ForEachRange(
    absl::FunctionRef<bool(const SweepRange&)> fn) const {
  for (const SweepBlock& block : blocks) {
    for (uint64_t moved = 0; moved < block.slots; moved += block.repeat) {
      for (size_t i = 0; i < block.nr_ranges; ++i) {
        SweepRange range = ranges[block.first_range + i];
        range.first += moved;
        if (!fn(range)) return;
      }
    }
  }
}

uint64_t DaxSweep::NrRanges() const {
  uint64_t n = 0;
  for (const SweepBlock& block : blocks) {
    n += block.slots / block.repeat * block.nr_ranges;
  }
  return n;
}

absl::StatusOr<DaxSweep> SweepDax(UserSpace& user,
                                  const SweepRequest& request) {
  if (absl::Status s = CheckRequest(user, request); !s.ok()) return s;
  if (request.size == 0) return DaxSweep{};
  return Sweeper(user, request).Run();
}

}  // namespace dmdax
