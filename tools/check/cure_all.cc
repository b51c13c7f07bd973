// SPDX-License-Identifier: Apache-2.0
#include "tools/check/cure_all.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <set>

#include "absl/strings/str_cat.h"
#include "base/one_line.h"
#include "base/units.h"
#include "state/world_load.h"
#include "tools/byte_count.h"
#include "tools/check/cure_plan.h"
#include "tools/check/fresh_files.h"
#include "tools/check/joint_list.h"
#include "tools/check/stands_on.h"
#include "tools/check/try_cure.h"
#include "tools/check/world_part.h"

namespace dmdax {
namespace {

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

// Whether all cures together bring the wish no nearer.
bool InVain(const DaxCheck& before, const Look& after, Wish wish) {
  const PageShares& now = before.now;
  const PageShares& then = after.shares;
  if (!after.dax) return true;
  // Poison that goes is a gain for whoever asks for 1 GiB too.
  if (wish == Wish::kPud) {
    return then.pud <= now.pud && then.signal >= now.signal;
  }
  if (!before.dax) return false;
  if (Huge(then) < Huge(now)) return true;
  return then.pud <= now.pud && Huge(then) == Huge(now) &&
         then.signal >= now.signal && then.hole >= now.hole &&
         (wish != Wish::kSync || after.sync <= before.sync);
}

// Takes back what was said of cures: nobody is told to type them.
void Discard(DaxCheck& check, Wish wish) {
  for (Obstacle& o : check.obstacles) {
    if (!o.tried) continue;
    o.tried = false;
    if (wish == Wish::kPud) {
      // Steps that end in smaller pages are nothing that was asked for.
      o.cure = std::make_shared<const Cure>(
          Cure{.remark = absl::StrCat(
                   "none that helps: with what else is in the way there are no "
                   "more pages of 1 GiB than the ",
                   BytesText(check.now.pud), " now")});
      continue;
    }
    o.untried = absl::StrCat(
        "with what else is in the way it leaves no more large pages than the ",
        BytesText(Huge(check.now)), " that there are");
  }
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
        trial_(wish, machine, stands_on_),
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
            if (IsBetter(check, *p.without, wish_)) {
              together_.insert(p.number);
            } else {
              check = *p.without;
            }
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
        groups[absl::StrCat(
                   how, CureKey(p.look.reasons[*next], p.look.subject, world))]
            .push_back(std::move(p));
      }
      patients = std::move(again);
      for (auto& [key, group] : groups) {
        Try(parts, session, std::move(group), patients);
      }
    }
  }

  // Gives subjects one list in place of those that make the same things anew:
  // their cures one after the other on one machine.  False: it cannot be.
  bool Join(std::vector<Patient> members) {
    std::vector<const Subject*> subjects;
    for (const Patient& p : members) subjects.push_back(&p.look.subject);
    proto::World world = WorldParts(stands_on_.world(), machine_).Of(subjects);
    absl::StatusOr<Session> session = LoadWorld(world);
    if (!session.ok()) return false;
    for (Patient& p : members) {
      p.look = LookAt(*session, {p.look.subject.name, wish_});
      if (!p.look.error.ok()) return false;
    }
    std::vector<std::shared_ptr<const Cure>> cures;
    for (size_t i = 0; i < members.size();) {
      const std::optional<size_t> next = Next(members[i]);
      if (!next) {
        ++i;
        continue;
      }
      Patient& p = members[i];
      p.met[KeyOf(p.look.obstacles[*next])] = p.look.obstacles[*next].bytes;
      const uint64_t used = WorldParts(world, *session).UsedEnd(p.look.subject);
      TriedCure tried =
          trial_.Run(world, *session, p.look, *next, used, TrialOf::kAlone);
      if (!tried.cured.ok() || !trial_.Helps(*tried.cured, p.look, *next)) {
        continue;
      }
      p.cures.push_back(tried.cure);
      cures.push_back(tried.cure);
      world = std::move(tried.better);
      std::swap(session, tried.cured);
      for (Patient& each : members) {
        each.look = LookAt(*session, {each.look.subject.name, wish_});
        if (!each.look.error.ok()) return false;
      }
      i = 0;  // it may have made another one's worse
    }
    return TellJoint(members, world, *session, std::move(cures));
  }

 private:
  void Finish(const proto::World& world, const Session& session,
              const Patient& p, DaxCheck& check) {
    if (!p.cures.empty() && InVain(check, p.look, wish_)) {
      Discard(check, wish_);
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

  bool TellJoint(const std::vector<Patient>& members, const proto::World& world,
                 const Session& session,
                 std::vector<std::shared_ptr<const Cure>> cures) {
    std::vector<const Subject*> with;
    std::vector<std::string> names;
    for (const Patient& p : members) {
      const DaxCheck& alone = checks_[p.number];
      if (Huge(p.look.shares) < Huge(alone.now)) return false;
      // Cures that help only together come in no joint list.
      if (together_.contains(p.number) &&
          Huge(p.look.shares) < Huge(alone.best)) {
        return false;
      }
      if (&p != &members[0]) with.push_back(&p.look.subject);
      names.push_back(p.look.subject.name);
    }
    CurePlan plan = PlanCures({.machine = machine_,
                               .stands_on = stands_on_,
                               .cured = world,
                               .after = session,
                               .subject = members[0].look.subject,
                               .with = std::move(with),
                               .cures = std::move(cures)});
    plan.joint = std::move(names);
    for (const Patient& p : members) {
      DaxCheck& check = checks_[p.number];
      check.best = p.look.shares;
      check.cured_dax = p.look.dax;
      check.cured_sync = p.look.sync;
      check.plan = plan;
    }
    return true;
  }

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
    const TrialOf what =
        group[0].without == nullptr ? TrialOf::kAlone : TrialOf::kTogether;
    TriedCure tried =
        trial_.Run(parts.Of(subjects), session, group[0].look, group[0].next,
                   parts.UsedEnd(*subjects[0]), what);
    const std::shared_ptr<const Cure>& cure = tried.cure;
    // What one file gets the others have nothing of: each has its own.
    if (cure != nullptr && IsForOneFile(*cure)) {
      std::move(group.begin() + 1, group.end(), std::back_inserter(left));
      group.erase(group.begin() + 1, group.end());
    }
    std::vector<Patient> helped;
    for (Patient& p : group) {
      Obstacle o = p.look.obstacles[p.next];
      p.met[KeyOf(o)] = o.bytes;
      if (cure != nullptr) o.cure = cure;
      const std::vector<Obstacle> beside = p.look.obstacles;
      if (cure != nullptr && cure->in_world) TryOn(tried.cured, p, o);
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
    if (!helped.empty()) Run(tried.better, *tried.cured, std::move(helped));
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
    } else if (p.without == nullptr && !HelpsAgainst(o, next)) {
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
  CureTrial trial_;
  std::vector<DaxCheck>& checks_;
  std::set<size_t> together_;  // those whose cures help only together
};

}  // namespace

void CureAll(const CureAllRequest& request, std::vector<Patient> patients,
             std::vector<DaxCheck>& checks) {
  Curer curer(request.wish, request.world, request.session, checks);
  curer.Run(request.world, request.session, patients);
  std::vector<const Subject*> subjects;
  for (const Patient& p : patients) subjects.push_back(&p.look.subject);
  std::vector<const CurePlan*> plans;
  for (const Patient& p : patients) plans.push_back(&checks[p.number].plan);
  for (const std::vector<size_t>& group : PlansThatMeet(plans, subjects)) {
    const size_t nr_joint = std::min(group.size(), kMostFreshFiles);
    std::vector<Patient> members;
    for (size_t i = 0; i < nr_joint; ++i) {
      members.push_back(patients[group[i]]);
    }
    // Each of very many: the others' list, and then its own end.
    const size_t alone = curer.Join(std::move(members)) ? nr_joint : 1;
    for (size_t i = alone; i < group.size(); ++i) {
      CurePlan& plan = checks[patients[group[i]].number].plan;
      absl::StrAppend(&plan.remark, plan.remark.empty() ? "" : "; ",
                      "type the list of ", OneLine(subjects[group[0]]->name),
                      ", which makes the same anew, and of this one only what "
                      "is about ",
                      OneLine(subjects[group[i]]->name), " itself");
    }
  }
}

}  // namespace dmdax
