// SPDX-License-Identifier: Apache-2.0
#include "tools/check/dax_check.h"

#include <algorithm>
#include <cerrno>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "process/sweep/dax_sweep.h"
#include "state/world_load.h"

namespace dmdax {
namespace {

// What one look at the machine shows.  Goes as one: the subject's file is the
// session's.
struct Look {
  absl::Status error;
  bool dax = false;
  PageShares shares;
  std::vector<Obstacle> obstacles;   // those met at once
  std::vector<FaultReason> reasons;  // theirs
  Session session;                   // in which they were found
  Subject subject;
};

// What makes two obstacles the same one.
using ObstacleKey = std::pair<std::string, std::string>;  // name, device
ObstacleKey KeyOf(const Obstacle& o) { return {o.name, o.device}; }

class Looker {
 public:
  Looker(const CheckRequest& request, const SourceMap& map)
      : request_(request), map_(map) {}

  std::unique_ptr<Look> At(const proto::World& world) const {
    auto made = std::make_unique<Look>();
    Look& look = *made;
    absl::StatusOr<Session> session = Load(world);
    if (!session.ok()) {
      look.error = session.status();
      return made;
    }
    look.session = *std::move(session);
    absl::StatusOr<Subject> subject = OpenSubject(look.session, request_.name);
    if (!subject.ok()) {
      look.error = subject.status();
      return made;
    }
    look.subject = *std::move(subject);
    look.shares.total = look.subject.size;
    if (!look.subject.dax.ok()) {
      AddNotDax(look);
      return made;
    }
    look.dax = true;
    look.error = Sweep(look);
    return made;
  }

  bool Sync(const Look& look) const {
    if (!look.dax) return false;
    return SweepDax(*look.session.user,
                    {.file = look.subject.file,
                     .size = look.subject.size,
                     .order = Order(look),
                     .length = 1,
                     .access = {.write = true, .sync = true}})
        .ok();
  }

 private:
  absl::StatusOr<Session> Load(const proto::World& world) const {
    if (request_.kernel.empty()) return LoadWorld(world, map_);
    proto::World copy = world;
    copy.set_kernel(request_.kernel);
    return LoadWorld(copy, map_);
  }

  int Order(const Look& look) const {
    const FaultProfile& faults = look.session.user->faults();
    return request_.wish == Wish::kPud ? faults.pud_order()
                                       : faults.pmd_order();
  }

  void AddNotDax(Look& look) const {
    Obstacle o{.name = FaultReasonName(FaultReasonCode::kNotDax)};
    o.bytes = look.subject.size;
    o.text = std::string(look.subject.dax.message());
    if (look.subject.bdev != nullptr) {
      o.down = WhyNotDax(look.session, *look.subject.bdev);
    }
    if (!o.down.empty()) {
      o.device = o.down.back().bdev->name();
      o.level = absl::StrCat(o.down.back().device, ": ", o.down.back().why);
    }
    look.reasons.push_back({.code = FaultReasonCode::kNotDax});
    look.obstacles.push_back(std::move(o));
  }

  absl::Status Sweep(Look& look) const {
    UserSpace& user = *look.session.user;
    const FaultProfile& faults = user.faults();
    const int order = Order(look);
    absl::StatusOr<DaxSweep> sweep = SweepDax(
        user,
        {.file = look.subject.file, .size = look.subject.size, .order = order});
    if (!sweep.ok()) return sweep.status();
    std::map<ObstacleKey, size_t> numbers;
    for (const SweepTotal& total : sweep->totals) {
      const SweepOutcome& out = total.outcome;
      // The last slot may be a part of one.
      const uint64_t bytes =
          std::min(total.slots * sweep->slot_bytes,
                   look.subject.size - total.first * sweep->slot_bytes);
      const bool tail = out.reason.code == FaultReasonCode::kEofInside;
      uint64_t& share = out.sig != 0                      ? look.shares.signal
                        : out.zero_page                   ? look.shares.hole
                        : tail                            ? look.shares.tail
                        : out.order >= faults.pud_order() ? look.shares.pud
                        : out.order >= faults.pmd_order() ? look.shares.pmd
                                                          : look.shares.pte;
      share += bytes;
      if (tail || out.zero_page) continue;
      if (!out.reason || (out.sig == 0 && out.order >= order)) continue;
      Obstacle o{.name = FaultReasonName(out.reason.code),
                 .text = FaultReasonText(out.reason)};
      if (out.reason.level.has_value()) {
        o.level = LevelText(*out.reason.level);
        o.device = out.reason.level->device;
      }
      o.bytes = bytes;
      const auto [it, fresh] =
          numbers.try_emplace(KeyOf(o), look.obstacles.size());
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

  // Not a reason of a fault: a read of it succeeds.
  void AddHole(Look& look) const {
    Obstacle o{.name = "hole",
               .text =
                   "these bytes have no blocks yet; which page a write "
                   "gets is decided when it gets its blocks",
               .bytes = look.shares.hole};
    if (look.subject.kind == Subject::kFile) {
      o.cure =
          Cure{.commands = {absl::StrCat("fallocate -l ", look.subject.size,
                                         " ", look.subject.name)},
               .remark = "then look where its blocks lie: filefrag -v"};
    }
    look.obstacles.push_back(std::move(o));
    look.reasons.emplace_back();
  }

  const CheckRequest& request_;
  const SourceMap& map_;
};

// The dearest obstacle that was not met before, or the number of all.
size_t Dearest(const Look& look, const std::set<ObstacleKey>& met) {
  size_t best = look.obstacles.size();
  for (size_t i = 0; i < look.obstacles.size(); ++i) {
    if (met.count(KeyOf(look.obstacles[i])) != 0) continue;
    if (best == look.obstacles.size() ||
        look.obstacles[i].bytes > look.obstacles[best].bytes) {
      best = i;
    }
  }
  return best;
}

// Whether `after` has come further than `before` with obstacle `o`: it is
// gone, or smaller.
bool Helps(const Obstacle& o, const Look& after) {
  for (const Obstacle& left : after.obstacles) {
    if (KeyOf(left) == KeyOf(o) && left.bytes >= o.bytes) return false;
  }
  return true;
}

}  // namespace

DaxCheck CheckSubject(const proto::World& world, const CheckRequest& request,
                      const SourceMap& map) {
  DaxCheck check{.kernel = request.kernel};
  const Looker looker(request, map);
  std::unique_ptr<Look> look = looker.At(world);
  check.error = look->error;
  if (!look->error.ok()) return check;
  check.kernel = look->session.machine->profile().name;
  check.dax = look->dax;
  check.sync = looker.Sync(*look);
  check.now = look->shares;
  // More than these no stack has in a row; a cure that another undoes must end.
  constexpr int kMostObstacles = 32;
  std::set<ObstacleKey> met;
  proto::World best = world;
  for (int i = 0; i < kMostObstacles; ++i) {
    const size_t n = Dearest(*look, met);
    if (n == look->obstacles.size()) break;
    Obstacle o = look->obstacles[n];
    met.insert(KeyOf(o));
    proto::World better = best;
    if (look->reasons[n]) {
      o.cure =
          FindCure({look->reasons[n], look->session, look->subject}, better);
    }
    if (o.cure.has_value() && o.cure->in_world) {
      std::unique_ptr<Look> next = looker.At(better);
      if (!next->error.ok()) {
        o.untried = std::string(next->error.message());
      } else if (!Helps(o, *next)) {
        o.untried = "alone it changes nothing on this machine";
      } else {
        o.tried = true;
        best = std::move(better);
        look = std::move(next);
      }
    }
    o.after = look->shares;
    check.obstacles.push_back(std::move(o));
  }
  check.best = look->shares;
  return check;
}

bool Holds(const DaxCheck& check, const PageShares& shares, Wish wish) {
  if (!check.error.ok()) return false;
  switch (wish) {
    case Wish::kDax:
      return check.dax && shares.signal == 0;
    case Wish::kSync:
      return check.dax && check.sync;
    case Wish::kPmd:
      return check.dax && shares.pte + shares.hole + shares.signal == 0;
    case Wish::kPud:
      return check.dax &&
             shares.pte + shares.pmd + shares.hole + shares.signal == 0;
  }
  return false;
}

}  // namespace dmdax
