// SPDX-License-Identifier: Apache-2.0
#include "tools/check/look.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"

namespace dmdax {
namespace {

int OrderOf(Wish wish, const FaultProfile& faults) {
  return wish == Wish::kPud ? faults.pud_order() : faults.pmd_order();
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

// Not a reason of a fault: a read of it succeeds.
void AddHole(Look& look) {
  Obstacle o{.name = "hole",
             .text =
                 "these bytes have no blocks yet; which page a write gets "
                 "is decided when it gets its blocks",
             .bytes = look.shares.hole};
  if (look.subject.kind == Subject::kFile) {
    o.cure = std::make_shared<Cure>(
        Cure{.commands = {absl::StrCat("fallocate -l ", look.subject.size, " ",
                                       look.subject.name)},
             .remark = "then look where its blocks lie: filefrag -v"});
  }
  look.obstacles.push_back(std::move(o));
  look.reasons.emplace_back();
}

// What a total of the sweep adds to the shares; true if it is an obstacle.
bool AddShare(const SweepOutcome& out, uint64_t bytes, int order,
              const FaultProfile& faults, PageShares& shares) {
  const ShareOf share = ShareOfOutcome(out, faults);
  shares.*share += bytes;
  const bool tail = share == &PageShares::tail;
  if (tail || out.zero_page || !out.reason) return false;
  return out.sig != 0 || out.order < order;
}

absl::Status Sweep(UserSpace& user, int order, Look& look) {
  absl::StatusOr<DaxSweep> sweep = SweepDax(
      user,
      {.file = look.subject.file, .size = look.subject.size, .order = order});
  if (!sweep.ok()) return sweep.status();
  // Name and device make two obstacles the same one.
  std::map<std::pair<std::string, std::string>, size_t> numbers;
  for (const SweepTotal& total : sweep->totals) {
    const SweepOutcome& out = total.outcome;
    // The last slot may be a part of one.
    const uint64_t bytes =
        std::min(total.slots * sweep->slot_bytes,
                 look.subject.size - total.first * sweep->slot_bytes);
    if (!AddShare(out, bytes, order, user.faults(), look.shares)) continue;
    Obstacle o{.name = FaultReasonName(out.reason.code),
               .text = FaultReasonText(out.reason)};
    if (out.reason.level.has_value()) {
      o.level = LevelText(*out.reason.level);
      o.device = out.reason.level->device;
    }
    o.bytes = bytes;
    const auto [it, fresh] =
        numbers.try_emplace(std::pair(o.name, o.device), look.obstacles.size());
    if (!fresh) {
      look.obstacles[it->second].bytes += bytes;
      ++look.obstacles[it->second].levels;
      continue;
    }
    look.obstacles.push_back(std::move(o));
    look.reasons.push_back(out.reason);
  }
  if (look.shares.hole != 0) AddHole(look);
  return absl::OkStatus();
}

bool HasSync(UserSpace& user, int order, const Subject& subject) {
  return SweepDax(user, {.file = subject.file,
                         .size = subject.size,
                         .order = order,
                         .length = 1,
                         .access = {.write = true, .sync = true}})
      .ok();
}

}  // namespace

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
  look.shares.total = look.subject.size;
  if (!look.subject.dax.ok()) {
    AddNotDax(session, look);
    return look;
  }
  look.dax = true;
  const int order = OrderOf(request.wish, session.user->faults());
  look.error = Sweep(*session.user, order, look);
  look.sync = HasSync(*session.user, order, look.subject);
  CloseSubject(session, look.subject);
  return look;
}

}  // namespace dmdax
