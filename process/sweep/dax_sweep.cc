// SPDX-License-Identifier: Apache-2.0
#include "process/sweep/dax_sweep.h"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <deque>
#include <numeric>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "base/round_up.h"
#include "process/sweep/short_answers.h"
#include "process/sweep/sweep_outcomes.h"
#include "process/sweep/sweep_probe.h"

namespace dmdax {
namespace {

const std::string& NameOf(const SweepRequest& request) {
  return request.name.empty() ? request.file->path : request.name;
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
  Sweeper(UserSpace& user, const SweepRequest& request, HugeFaults huge_faults)
      : request_(request),
        faults_(user.faults()),
        want_(std::max({request.order, request.want, faults_.pmd_order()})),
        huge_(SweepHugePages(*request.file, faults_)),
        page_(faults_.page_size() / kPageSize),
        slot_(page_ << request.order),
        tile_(std::max(slot_, huge_)),
        probe_(request.file, faults_, user.mem(), request.access),
        answers_(*request.file, faults_, request.access, huge_faults),
        outcomes_(&sweep_.totals) {
    sweep_.slot_bytes = slot_ * kPageSize;
    const uint64_t end =
        request.length == 0 || request.length > request.size - request.offset
            ? request.size
            : request.offset + request.length;
    sweep_.first = request.offset / sweep_.slot_bytes;
    end_ = (end + sweep_.slot_bytes - 1) / sweep_.slot_bytes;
    sweep_.slots = end_ - sweep_.first;
    next_ = sweep_.first * slot_ / tile_;
    last_ = (end_ * slot_ + tile_ - 1) / tile_;
  }

  absl::StatusOr<DaxSweep> Run() {
    // The cells cover whole huge pages, also where the last slot ends inside
    // one.
    ForEachSweepCell(
        *request_.file, faults_, request_.access, next_ * tile_,
        RoundUp(end_ * slot_, tile_),
        slot_ < huge_ ? SweepDetail::kPages : SweepDetail::kHugePages,
        [this](const SweepCell& cell) { Take(cell); });
    if (sweep_.asked > request_.most_asked) {
      return ErrnoError(
          EFBIG,
          absl::StrCat("a limit of dmdax: more than ", request_.most_asked,
                       " pages of ", NameOf(request_),
                       " would have to be asked one by one, those from offset ",
                       next_ * tile_ * kPageSize,
                       " on; a part of it can be asked for"));
    }
    ClosePlain();
    return std::move(sweep_);
  }

 private:
  // --- tiles: one slot, or all slots of one huge page ---

  // Answers all tiles that lie in the cells up to this one.
  void Take(const SweepCell& cell) {
    if (cell.end <= next_ * tile_ || sweep_.asked > request_.most_asked) return;
    cells_.push_back(cell);
    while (next_ < last_ && sweep_.asked <= request_.most_asked) {
      const uint64_t page = next_ * tile_;
      while (!cells_.empty() && cells_.front().end <= page) cells_.pop_front();
      if (cells_.empty()) return;
      // A period that comes only once saves nothing.
      if (const uint64_t repeat = Period(cells_.front()); repeat != 0) {
        const uint64_t alike = Alike(next_, cells_.front());
        if (alike >= 2 * repeat) {
          AskPeriod(repeat, alike);
          continue;
        }
      }
      // The slots of a tile may lie in several cells.
      if (slot_ < huge_ && cells_.back().end < TileEnd(next_)) return;
      AskTile(next_++, &sweep_.ranges);
    }
  }

  // Tiles after which all comes again; 0: each must be asked.
  uint64_t Period(const SweepCell& cell) const {
    return cell.repeat == 0 ? 0 : std::lcm(cell.repeat, tile_) / tile_;
  }

  // One period is asked tile by tile and stands for all others.
  void AskPeriod(uint64_t repeat, uint64_t alike) {
    std::vector<SweepRange> period;
    for (uint64_t i = 0; i < repeat; ++i) {
      if (sweep_.asked > request_.most_asked) return;
      AskTile(next_ + i, &period);
    }
    if (period.size() == 1) {
      Add(period[0].first, alike * (tile_ / slot_), period[0].outcome,
          &sweep_.ranges);
      next_ += alike;
      return;
    }
    const uint64_t rounds = alike / repeat;
    AddBlock(period, repeat * (tile_ / slot_), rounds);
    next_ += rounds * repeat;
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

  uint64_t TileEnd(uint64_t tile) const {
    return std::min((tile + 1) * tile_, end_ * slot_);
  }

  void AskTile(uint64_t tile, std::vector<SweepRange>* to) {
    uint64_t page = tile * tile_;
    if (slot_ >= huge_) {
      return Add(page / slot_, 1, Ask(page), to);
    }
    page = std::max(page, sweep_.first * slot_);
    const uint64_t end = TileEnd(tile);
    KnownPages known;
    for (size_t cell = 0; page < end;) {
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

  // --- outcomes ---

  // What the page gets, by its number in `totals`.
  size_t Ask(uint64_t page) {
    ++sweep_.asked;
    const uint64_t slot = page / slot_;
    const ShortAnswer answer = answers_.Of(page, probe_.Writes(page));
    Class& known = classes_[answer.Class()];
    if (answer.kind == ShortAnswer::Kind::kNone || known.trust == Trust::kNo) {
      return outcomes_.Add(OutcomeOf(Fault(page)), slot);
    }
    if (known.trust == Trust::kUnknown) {
      FaultOutcome fault = Fault(page);
      known.trust = answers_.Agrees(answer, fault) ? Trust::kYes : Trust::kNo;
      known.outcome = outcomes_.Add(OutcomeOf(std::move(fault)), slot);
      return known.outcome;
    }
    if (answer.why != ShortAnswer::Why::kDevice) return known.outcome;
    return outcomes_.Add({.reason = answers_.Reason(answer)}, slot);
  }

  FaultOutcome Fault(uint64_t page) {
    ++sweep_.faults;
    return probe_.Ask(page);
  }

  SweepOutcome OutcomeOf(FaultOutcome fault) const {
    SweepOutcome o{.order = fault.order,
                   .sig = fault.sig,
                   .si_code = fault.si_code,
                   .zero_page = fault.sig == 0 && fault.zero_page};
    if (o.sig != 0 || o.order < want_) o.reason = std::move(fault.reason);
    return o;
  }

  // --- ranges ---

  // Those that go to `sweep_.ranges` are plain: no part of a period.
  void Add(uint64_t first, uint64_t slots, size_t outcome,
           std::vector<SweepRange>* to) {
    const bool plain = to == &sweep_.ranges;
    if (plain) sweep_.totals[outcome].slots += slots;
    if (to->size() > (plain ? plain_ : 0) && to->back().outcome == outcome) {
      to->back().slots += slots;
    } else {
      to->push_back({first, slots, outcome});
    }
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
    plain_ = sweep_.ranges.size();
  }

  void ClosePlain() {
    const std::vector<SweepRange>& ranges = sweep_.ranges;
    if (ranges.size() == plain_) return;
    const uint64_t first = ranges[plain_].first;
    const uint64_t slots = ranges.back().first + ranges.back().slots - first;
    sweep_.blocks.push_back(
        {first, slots, slots, plain_, ranges.size() - plain_});
    plain_ = ranges.size();
  }

  // A class of short answers: whether they are what a fault gets, and if all
  // are the same, which outcome.
  enum class Trust : uint8_t { kUnknown, kYes, kNo };
  struct Class {
    Trust trust = Trust::kUnknown;
    size_t outcome = 0;
  };

  const SweepRequest& request_;
  const FaultProfile& faults_;
  const int want_;  // order
  // In pages of 4096 bytes: a huge page (SweepHugePages()), the kernel's page,
  // a slot, a tile: the larger of a slot and a huge page.
  const uint64_t huge_, page_, slot_, tile_;
  SweepProbe probe_;
  ShortAnswers answers_;
  Class classes_[ShortAnswer::kClasses];
  DaxSweep sweep_;
  SweepOutcomes outcomes_;
  // Those that the next tile needs.
  std::deque<SweepCell> cells_;
  uint64_t next_ = 0, last_ = 0;  // tiles
  uint64_t end_ = 0;              // slot
  size_t plain_ = 0;              // of `sweep_.ranges`: those not in a block
};

// Whether a mapping of the file tries huge faults.
absl::StatusOr<HugeFaults> CheckRequest(UserSpace& user,
                                        const SweepRequest& request) {
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
  const std::string& name = NameOf(request);
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
  if (vma.ok()) return HugeFaultsOf(**vma);
  return ErrnoError(ErrnoOf(vma.status()),
                    absl::StrCat("mmap: ", ErrnoText(ErrnoOf(vma.status())),
                                 ": ", vma.status().message()));
}

}  // namespace

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
  const absl::StatusOr<HugeFaults> huge_faults = CheckRequest(user, request);
  if (!huge_faults.ok()) return huge_faults.status();
  if (request.size == 0) return DaxSweep{};
  return Sweeper(user, request, *huge_faults).Run();
}

}  // namespace dmdax
