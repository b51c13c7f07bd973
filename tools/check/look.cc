// SPDX-License-Identifier: Apache-2.0
#include "tools/check/look.h"

#include <algorithm>
#include <cerrno>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/round_up.h"
#include "dm/stack_depth.h"
#include "iomap/dax_fault.h"
#include "iomap/dax_inode.h"
#include "tools/check/off_page.h"
#include "tools/check/too_deep.h"
#include "tools/check/zero_page.h"

namespace dmdax {
namespace {

// Not a reason of a fault: a read of it succeeds.
void AddHole(Look& look) {
  // Of a file that may only be read nobody asks for a write.
  const ReadsAsZeros zeros = ZerosOf(*look.subject.file, 0, look.subject.size);
  const bool unwritten = zeros.unwritten && !look.subject.file->writable;
  const char* text =
      !unwritten ? "these bytes have no blocks yet; which page a write gets is "
                   "decided when it gets its blocks"
      : zeros.holes
          ? "these bytes have no blocks, or blocks that were never written: a "
            "read gets zeros"
          : "the blocks of these bytes were never written: a read gets zeros";
  look.obstacles.push_back(
      {.name = "hole", .text = text, .bytes = look.shares.hole});
  look.reasons.emplace_back();
}

// Why MAP_SYNC cannot be had, from the file down to the memory.
std::string WhyNoSync(const Session& session, const Subject& subject) {
  if (!session.user->faults().has_map_sync) {
    return "MAP_SYNC came with Linux 4.15: a later kernel has it";
  }
  if (!subject.file->f_op->supports_map_sync()) {
    return "this file system has none: ext4 and xfs have it";
  }
  return "the memory is flushed by its driver alone (virtio-pmem): there "
         "fsync() must be called";
}

void AddNoSync(const Session& session, const absl::Status& why, Look& look) {
  Obstacle o{.name = "no_sync",
             .text = std::string(why.message()),
             .bytes = look.subject.size};
  o.cure = std::make_shared<const Cure>(
      Cure{.remark = WhyNoSync(session, look.subject)});
  look.obstacles.push_back(std::move(o));
  look.reasons.push_back({.code = FaultReasonCode::kNoSyncSupport});
}

// Whether less than this is short of the wish.
bool IsObstacle(const SweepOutcome& out, int order, Wish wish) {
  switch (wish) {
    case Wish::kDax:
      return out.sig != 0;
    case Wish::kSync:
      return false;
    case Wish::kPmd:
    case Wish::kPud:
      return out.sig != 0 || out.order < order;
  }
  return false;
}

bool HolesMatter(Wish wish) { return wish == Wish::kPmd || wish == Wish::kPud; }

// What a total of the sweep adds to the shares; true if it is an obstacle.
bool AddShare(const SweepOutcome& out, uint64_t bytes, int order, Wish wish,
              const FaultProfile& faults, PageShares& shares) {
  const ShareOf share = ShareOfOutcome(out, faults);
  shares.*share += bytes;
  const bool tail = share == &PageShares::tail;
  if (tail || out.zero_page || !out.reason) return false;
  return IsObstacle(out, order, wish);
}

// A fault does not know the name of the partition that its file is on.
FaultReason WithPartition(FaultReason reason, const Subject& subject) {
  const bool nameless = reason.code == FaultReasonCode::kPfnPartition &&
                        !reason.level.has_value();
  if (nameless && subject.bdev != nullptr && subject.bdev->is_partition()) {
    reason.level = TraceStep{.function = TraceFunction::kPmemDaxDirectAccess,
                             .device = subject.bdev->name(),
                             .name = subject.bdev->name()};
  }
  return reason;
}

// The model's mount has no free blocks where no input says which those are, and
// so no block for the hole that a huge page begins or ends with.  That is not
// what the file system would answer.
FaultReason WithoutFreeList(FaultReason reason, const File& file,
                            const SweepTotal& total, uint64_t slot_bytes) {
  if (reason.code != FaultReasonCode::kIomapError || reason.err != ENOSPC ||
      file.f_inode->type != InodeType::kRegular) {
    return reason;
  }
  const auto& inode = static_cast<const DaxInode&>(*file.f_inode);
  if (inode.allocator != nullptr) return reason;
  const uint64_t begin =
      RoundDown(total.first * slot_bytes, inode.profile->pmd_size());
  const FileExtent& extent = inode.extents.Find(begin);
  FaultReason shorter = DaxExtentShort(
      *inode.profile, extent.type, begin,
      std::min(extent.end(), begin + inode.profile->pmd_size()) - begin);
  shorter.order = reason.order;
  return shorter;
}

// `levels`: of mapped devices below the subject.
absl::Status Sweep(UserSpace& user, int levels, int order, Wish wish,
                   Look& look) {
  // Single pages are asked: of a huge page that is none, some may be holes, or
  // poisoned, and others not.
  // What may only be read nobody writes.
  SweepAccess access = kAsUsed;
  access.unwritten_is_written &= look.subject.file->writable;
  absl::StatusOr<DaxSweep> sweep =
      SweepDax(user, {.file = look.subject.file,
                      .size = look.subject.size,
                      .want = order,
                      .access = access,
                      .most_asked = MostAsked(levels)});
  if (!sweep.ok()) return sweep.status();
  // The last page may be a part of one.
  const SweepTotal* last = sweep->ranges.empty()
                               ? nullptr
                               : &sweep->totals[sweep->ranges.back().outcome];
  const uint64_t beyond = sweep->slots * sweep->slot_bytes - look.subject.size;
  // Name and device make two obstacles the same one.
  std::map<std::pair<std::string, std::string>, size_t> numbers;
  // In the order of their first places: the text of an obstacle is of the
  // first.
  std::vector<const SweepTotal*> totals;
  std::set<size_t> seen;
  for (const auto& range : sweep->ranges) {
    if (seen.insert(range.outcome).second) {
      totals.push_back(&sweep->totals[range.outcome]);
    }
  }
  for (const SweepTotal* at : totals) {
    const SweepTotal& total = *at;
    const SweepOutcome& out = total.outcome;
    const uint64_t bytes =
        total.slots * sweep->slot_bytes - (&total == last ? beyond : 0);
    if (!AddShare(out, bytes, order, wish, user.faults(), look.shares)) {
      continue;
    }
    const FaultReason reason =
        WithPartition(WithoutFreeList(out.reason, *look.subject.file, total,
                                      sweep->slot_bytes),
                      look.subject);
    Obstacle o{.name = FaultReasonName(reason.code),
               .text = FaultReasonText(reason)};
    if (reason.level.has_value()) {
      o.level = LevelText(reason.level);
      o.device = reason.level.device();
    }
    o.bytes = bytes;
    const auto [it, fresh] =
        numbers.try_emplace(std::pair(o.name, o.device), look.obstacles.size());
    if (!fresh) {
      look.obstacles[it->second].bytes += bytes;
      const bool row = reason.level && !reason.level.target().empty();
      look.obstacles[it->second].levels += row ? 1 : 0;
      continue;
    }
    look.obstacles.push_back(std::move(o));
    look.reasons.push_back(reason);
  }
  if (look.shares.hole != 0 && HolesMatter(wish)) AddHole(look);
  return absl::OkStatus();
}

// Whatever is wished for: nobody wants data that is overwritten.
void AddOffPage(const Session& session, Look& look) {
  if (session.machine->profile().dm_dax_alignment !=
      DmDaxAlignment::kRoundsDown) {
    return;  // it refuses them
  }
  const OffPage off = OffPageOf(session, look.subject);
  if (!off.row) return;
  look.shares.apart = std::min(off.sectors * kSectorSize, look.subject.size);
  look.obstacles.insert(look.obstacles.begin(), {.name = kOffPage,
                                                 .text = off.Text(),
                                                 .level = LevelText(off.row),
                                                 .device = off.row.device(),
                                                 .levels = off.rows,
                                                 .bytes = look.shares.apart});
  // What brings the row to a huge page brings it to a page.
  look.reasons.insert(look.reasons.begin(),
                      {.code = off.past == 0 ? FaultReasonCode::kRunChunk
                                             : FaultReasonCode::kPfnTarget,
                       .level = off.row});
}

// OK, or why a synchronous mapping is refused.  What may not be written can be
// mapped so all the same, to be read.
absl::Status CheckSync(UserSpace& user, int order, const Subject& subject) {
  return SweepDax(user,
                  {.file = subject.file,
                   .size = subject.size,
                   .order = order,
                   .length = 1,
                   .access = {.write = subject.file->writable, .sync = true}})
      .status();
}

}  // namespace

bool HasWish(const Look& look, Wish wish) {
  const PageShares& s = look.shares;
  if (s.apart != 0) return false;
  switch (wish) {
    case Wish::kDax:
      return look.dax && s.signal == 0;
    case Wish::kSync:
      return look.dax && look.sync;
    case Wish::kPmd:
      return look.dax && s.pte + s.hole + s.signal == 0;
    case Wish::kPud:
      return look.dax && s.pte + s.pmd + s.hole + s.signal == 0;
  }
  return false;
}

void AddNotDax(const Session& session, Look& look) {
  Obstacle o{.name = FaultReasonName(FaultReasonCode::kNotDax)};
  o.bytes = look.subject.size;
  o.text = std::string(look.subject.dax.message());
  if (look.subject.bdev != nullptr) {
    o.down = WhyNotDax(session, *look.subject.bdev);
  }
  if (!o.down.empty()) {
    o.device = o.down.back().bdev->name();
    o.level = absl::StrCat(o.down.back().device, ": ", o.down.back().why);
  }
  look.reasons.push_back({.code = FaultReasonCode::kNotDax});
  look.obstacles.push_back(std::move(o));
}

int OrderOf(Wish wish, const FaultProfile& faults) {
  return wish == Wish::kPud ? faults.pud_order() : faults.pmd_order();
}

ShareOf ShareOfOutcome(const SweepOutcome& out, const FaultProfile& faults) {
  if (out.sig != 0) return &PageShares::signal;
  if (out.zero_page) return &PageShares::hole;
  if (out.reason.code == FaultReasonCode::kEofInside) return &PageShares::tail;
  if (out.order >= faults.pud_order()) return &PageShares::pud;
  if (out.order >= faults.pmd_order()) return &PageShares::pmd;
  return &PageShares::pte;
}

Look LookAt(Session& session, const LookRequest& request) {
  Look look;
  absl::StatusOr<Subject> subject = OpenSubject(session, request.name);
  if (!subject.ok()) {
    look.error = subject.status();
    return look;
  }
  look.subject = *std::move(subject);
  const int levels = StackLevels(session, look.subject.bdev);
  if (levels > StackDepth::kMax) {
    look.error = StackTooDeep();
    CloseSubject(session, look.subject);
    return look;
  }
  look.shares.total = look.subject.size;
  if (!look.subject.dax.ok()) {
    AddNotDax(session, look);
    return look;
  }
  look.dax = true;
  look.error = CheckWalkBudget();
  if (!look.error.ok()) {
    CloseSubject(session, look.subject);
    return look;
  }
  const int order = OrderOf(request.wish, session.user->faults());
  look.error = Sweep(*session.user, levels, order, request.wish, look);
  AddOffPage(session, look);
  const absl::Status sync = CheckSync(*session.user, order, look.subject);
  look.sync = sync.ok();
  if (!look.sync && request.wish == Wish::kSync) AddNoSync(session, sync, look);
  CloseSubject(session, look.subject);
  return look;
}

}  // namespace dmdax
