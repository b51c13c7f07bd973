// SPDX-License-Identifier: Apache-2.0
#include "tools/check/cure_all.h"

#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"
#include "base/one_line.h"
#include "base/units.h"
#include "state/world_load.h"
#include "tools/byte_count.h"
#include "tools/check/cure_lines.h"
#include "tools/check/cure_plan.h"
#include "tools/check/dax_depth.h"
#include "tools/check/stands_on.h"
#include "tools/check/volume_cure.h"
#include "tools/check/world_part.h"
#include "tools/check/world_rows.h"

namespace dmdax {
namespace {

ObstacleKey KeyOf(const Obstacle& o) { return {o.name, o.device}; }

// The dearest obstacle that was not met before, or was larger then; or nothing.
std::optional<size_t> Dearest(const Look& look,
                              const std::map<ObstacleKey, uint64_t>& met) {
  std::optional<size_t> best;
  for (size_t i = 0; i < look.obstacles.size(); ++i) {
    const auto before = met.find(KeyOf(look.obstacles[i]));
    if (before != met.end() && before->second <= look.obstacles[i].bytes) {
      continue;
    }
    if (!best || look.obstacles[i].bytes > look.obstacles[*best].bytes) {
      best = i;
    }
  }
  return best;
}

uint64_t Huge(const PageShares& shares) { return shares.pud + shares.pmd; }

// Whether all cures together bring the wish no nearer.
bool InVain(const DaxCheck& before, const Look& after, Wish wish) {
  const PageShares& now = before.now;
  const PageShares& then = after.shares;
  if (!before.dax || !after.dax) return !after.dax;
  if (Huge(then) < Huge(now)) return true;
  return then.pud <= now.pud && Huge(then) == Huge(now) &&
         then.signal >= now.signal && then.hole >= now.hole &&
         (wish != Wish::kSync || after.sync <= before.sync);
}

// Takes back what was said of cures: nobody is told to type them.
void Discard(DaxCheck& check) {
  for (Obstacle& o : check.obstacles) {
    if (!o.tried) continue;
    o.tried = false;
    o.untried = absl::StrCat(
        "with what else is in the way it leaves no more large pages than the ",
        BytesText(Huge(check.now)), " that there are");
  }
}

// Whether `after` has come further than `before` with obstacle `o`: it is
// gone, or smaller.
bool Helps(const Obstacle& o, const Look& after) {
  for (const Obstacle& left : after.obstacles) {
    if (KeyOf(left) == KeyOf(o) && left.bytes >= o.bytes) return false;
  }
  return true;
}

// Whether `a` leaves the subject better than `b`.
bool IsBetter(const DaxCheck& a, const DaxCheck& b, Wish wish) {
  if (HoldsCured(a, wish) != HoldsCured(b, wish)) return HoldsCured(a, wish);
  if (a.cured_dax != b.cured_dax) return a.cured_dax;
  return Huge(a.best) > Huge(b.best);
}

class Curer {
 public:
  // `machine` is all of it, as it is.
  Curer(Wish wish, const proto::World& world, const Session& machine,
        std::vector<DaxCheck>& checks)
      : wish_(wish),
        machine_(machine),
        stands_on_(world, machine),
        checks_(checks) {}

  // Cures of this World those of its obstacles that it can, and of what comes
  // of it those of the next.
  void Run(const proto::World& world, const Session& session,
           std::vector<Patient> patients) {
    const WorldParts parts(world, session);
    while (!patients.empty()) {
      std::vector<Patient> again;
      std::map<std::string, std::vector<Patient>> groups;
      for (Patient& p : patients) {
        const std::optional<size_t> next = Next(p);
        if (!next) {
          DaxCheck& check = checks_[p.number];
          DaxCheck told = check;
          Finish(world, session, p, check);
          if (p.without != nullptr) {
            if (!IsBetter(check, *p.without, wish_)) check = *p.without;
          } else if (!p.in_vain.empty() && !HoldsCured(check, wish_)) {
            p.without = std::make_shared<const DaxCheck>(std::move(check));
            check = std::move(told);
            ForgetInVain(p, check);
            again.push_back(std::move(p));
          }
          continue;
        }
        p.next = *next;
        const char* how = p.without == nullptr ? "" : "together: ";
        groups[absl::StrCat(how,
                            CureKey(p.look.reasons[*next], p.look.subject))]
            .push_back(std::move(p));
      }
      patients = std::move(again);
      for (auto& [key, group] : groups) {
        Try(parts, session, std::move(group), patients);
      }
    }
  }

 private:
  void Finish(const proto::World& world, const Session& session,
              const Patient& p, DaxCheck& check) {
    if (!p.cures.empty() && InVain(check, p.look, wish_)) {
      Discard(check);
      return;
    }
    check.best = p.look.shares;
    check.cured_dax = p.look.dax;
    check.cured_sync = p.look.sync;
    check.plan = PlanCures({.machine = machine_,
                            .stands_on = stands_on_,
                            .cured = world,
                            .after = session,
                            .subject = p.look.subject,
                            .cures = p.cures});
  }

  // They are met once more.
  static void ForgetInVain(const Patient& p, DaxCheck& check) {
    std::erase_if(check.obstacles, [&](const Obstacle& o) {
      return !o.tried && p.in_vain.contains(KeyOf(o));
    });
  }

  // Of what is kept whatever it does the same obstacle may come again, which
  // has another cure then.
  static std::optional<size_t> NextTogether(const Patient& p) {
    constexpr int kMostInAll = 8;
    int all = 0;
    std::map<ObstacleKey, uint64_t> done;
    for (const auto& [key, times] : p.looked_at) {
      all += times;
      if (times >= kMostOfOne) done[key] = 0;
    }
    return all < kMostInAll ? Dearest(p.look, done) : std::nullopt;
  }

  // How often one obstacle is met among cures that are kept together.
  static constexpr int kMostOfOne = 3;

  static std::optional<size_t> Next(const Patient& p) {
    if (p.without != nullptr) return NextTogether(p);
    // More than these no stack has in a row; a cure that another undoes must
    // end.
    constexpr size_t kMostObstacles = 32;
    if (p.met.size() + p.cures.size() >= kMostObstacles) return std::nullopt;
    return Dearest(p.look, p.met);
  }

  // Tries the cure that all of a group have in common.  Whom it does not help
  // goes to `left`.
  void Try(const WorldParts& parts, const Session& session,
           std::vector<Patient> group, std::vector<Patient>& left) {
    std::vector<const Subject*> subjects;
    for (const Patient& p : group) subjects.push_back(&p.look.subject);
    const Subject& first = *subjects[0];
    const FaultReason& reason = group[0].look.reasons[group[0].next];
    std::shared_ptr<const Cure> cure;
    proto::World better;
    absl::StatusOr<Session> cured = absl::UnknownError("not loaded");
    better = parts.Of(subjects);
    const std::string before =
        group[0].without == nullptr ? "" : better.SerializeAsString();
    if (auto found = FindCure({.reason = reason,
                               .session = session,
                               .subject = first,
                               .order = OrderOf(wish_, session.user->faults()),
                               .machine = &machine_,
                               .stands_on = &stands_on_,
                               .used_end = parts.UsedEnd(first)},
                              better)) {
      // What is kept whatever it does must do something.
      if (!before.empty() && better.SerializeAsString() == before) {
        found->in_world = false;
      }
      if (found->in_world) {
        if (MakesFilesAnew(*found)) PlaceAnew(session, first, better);
        cured = LoadWorld(better);
      }
      if (cured.ok()) AddVolumeShare(*cured, group[0].look, reason, *found);
      cure = std::make_shared<const Cure>(*std::move(found));
    }
    std::vector<Patient> helped;
    for (Patient& p : group) {
      Obstacle o = p.look.obstacles[p.next];
      p.met[KeyOf(o)] = o.bytes;
      if (cure != nullptr) o.cure = cure;
      const std::vector<Obstacle> beside = p.look.obstacles;
      if (cure != nullptr && cure->in_world) TryOn(cured, p, o);
      if (p.without != nullptr) {
        int& times = p.looked_at[KeyOf(o)];
        times = o.tried ? times + 1 : kMostOfOne;
      }
      o.after = p.look.shares;
      std::vector<Obstacle>& told = checks_[p.number].obstacles;
      told.push_back(o);
      if (o.tried) {
        p.cures.push_back(cure);
        TellGone(beside, o, p, told);
      }
      (o.tried ? helped : left).push_back(std::move(p));
    }
    if (!helped.empty()) Run(better, *cured, std::move(helped));
  }

  static bool MakesFilesAnew(const Cure& cure) {
    return std::any_of(cure.steps.begin(), cure.steps.end(),
                       [](const CureStep& step) {
                         return step.stage == CureStage::kMkfs ||
                                MakesAnew(step);
                       }) ||
           !cure.physical_volumes.empty();
  }

  // A file system that is made anew has its files elsewhere.
  static void PlaceAnew(const Session& session, const Subject& subject,
                        proto::World& world) {
    if (subject.bdev == nullptr || subject.mount.empty()) return;
    uint64_t sectors = subject.bdev->nr_sectors();
    if (proto::MappedDevice* volume =
            FindMapped(world, NameOfDevice(session, *subject.bdev))) {
      sectors = SectorsOf(volume);
    } else {
      const auto sizes = SizesOf(session, world);
      const auto size = sizes.find(subject.bdev->dev());
      if (size != sizes.end()) sectors = size->second;
    }
    PlaceFilesAnew(session, subject, sectors * kSectorSize, world);
  }

  // New blocks may come to lie where the volume has no huge page.
  static void AddVolumeShare(Session& cured, const Look& look,
                             const FaultReason& reason, Cure& cure) {
    const bool of_extents = reason.code == FaultReasonCode::kPfnExtent ||
                            reason.code == FaultReasonCode::kExtentShort;
    if (!of_extents || look.subject.bdev == nullptr) return;
    const std::string path = DevicePath(cured, *look.subject.bdev);
    const Look volume = LookAt(cured, {path, Wish::kPmd});
    const PageShares& s = volume.shares;
    if (!volume.error.ok() || Huge(s) + s.tail >= s.total) return;
    absl::StrAppend(&cure.remark, "; of ", OneLine(path), " itself ",
                    BytesText(s.total - s.tail - Huge(s)), " of ",
                    BytesText(s.total),
                    " have no large page: a file that comes to lie there has "
                    "none either");
  }

  // Obstacles that stood beside `cured` and went with it: nobody will meet them
  // any more.
  static void TellGone(const std::vector<Obstacle>& beside,
                       const Obstacle& cured, Patient& p,
                       std::vector<Obstacle>& told) {
    for (const Obstacle& before : beside) {
      const auto is_it = [&](const Obstacle& o) {
        return KeyOf(o) == KeyOf(before);
      };
      if (is_it(cured) || p.met.contains(KeyOf(before)) ||
          std::any_of(p.look.obstacles.begin(), p.look.obstacles.end(),
                      is_it)) {
        continue;
      }
      p.met[KeyOf(before)] = before.bytes;
      Obstacle gone = before;
      gone.cure = cured.cure;
      gone.tried = true;
      gone.after = cured.after;
      told.push_back(std::move(gone));
    }
  }

  void TryOn(absl::StatusOr<Session>& cured, Patient& p, Obstacle& o) {
    if (!cured.ok()) {
      o.untried = std::string(cured.status().message());
      return;
    }
    Look next = LookAt(*cured, {p.look.subject.name, wish_});
    if (!next.error.ok()) {
      o.untried = std::string(next.error.message());
    } else if (p.without == nullptr && !Helps(o, next)) {
      o.untried = "alone it changes nothing on this machine";
      p.in_vain.insert(KeyOf(o));
    } else {
      o.tried = true;
      p.look = std::move(next);
    }
  }

  const Wish wish_;
  const Session& machine_;
  StandsOn stands_on_;
  std::vector<DaxCheck>& checks_;
};

}  // namespace

void CureAll(const CureAllRequest& request, std::vector<Patient> patients,
             std::vector<DaxCheck>& checks) {
  Curer(request.wish, request.world, request.session, checks)
      .Run(request.world, request.session, std::move(patients));
}

}  // namespace dmdax
