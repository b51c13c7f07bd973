// SPDX-License-Identifier: Apache-2.0
#include "tools/check/cure_all.h"

#include <algorithm>
#include <iterator>
#include <numeric>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/one_line.h"
#include "state/world_load.h"
#include "tools/check/cure_plan.h"
#include "tools/check/cure_worth.h"
#include "tools/check/dax_depth.h"
#include "tools/check/fresh_files.h"
#include "tools/check/gone_with.h"
#include "tools/check/joint_list.h"
#include "tools/check/other_answer.h"
#include "tools/check/stands_on.h"
#include "tools/check/try_cure.h"
#include "tools/check/untried_cure.h"
#include "tools/check/world_part.h"

namespace dmdax {
namespace {

class Curer {
 public:
  // `machine` is all of it, as it is.
  Curer(const CureAllRequest& request, std::vector<DaxCheck>& checks)
      : wish_(request.wish),
        machine_(request.session),
        guesses_(request.guesses),
        stands_on_(request.world, machine_),
        trial_(wish_, machine_, stands_on_),
        checks_(checks) {}

  // Cures of this World those of its obstacles that it can, and of what comes
  // of it those of the next.
  void Run(const proto::World& world, const Session& session,
           std::vector<Patient> patients) {
    const WorldParts parts(world, session);
    OtherAnswers others(world, guesses_);
    while (!patients.empty()) {
      std::vector<Patient> again;
      std::map<std::string, std::vector<Patient>> groups;
      for (Patient& p : patients) {
        const std::optional<size_t> next = Next(session, others, p);
        if (!next) {
          DaxCheck& check = checks_[p.number];
          DaxCheck told = check;
          Finish(world, session, others, p, check);
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
    Joint joint{.members = std::move(members)};
    std::vector<const Subject*> subjects;
    for (const Patient& p : joint.members) subjects.push_back(&p.look.subject);
    if (all_parts_ == nullptr) {
      all_parts_ = std::make_unique<WorldParts>(stands_on_.world(), machine_);
    }
    joint.world = all_parts_->Of(subjects);
    joint.session = LoadWorld(joint.world);
    if (!joint.session.ok() || !joint.LookAgain(wish_)) return false;
    std::optional<OtherAnswers> others(std::in_place, joint.world, guesses_);
    const std::vector<size_t> order = InOrder(joint);
    for (size_t i = 0; i < order.size();) {
      Patient& p = joint.members[order[i]];
      std::optional<size_t> next = Next(*joint.session, *others, p);
      if (!next && p.without == nullptr && together_.contains(p.number) &&
          Huge(p.look.shares) < Huge(checks_[p.number].best)) {
        // From here on what helps it only together.
        p.without = std::make_shared<const DaxCheck>(checks_[p.number]);
        p.looked_at.clear();
        p.no_more.clear();
        next = Next(*joint.session, *others, p);
      }
      if (!next) {
        ++i;
      } else if (CureIn(joint, p, *next)) {
        if (!joint.LookAgain(wish_)) return false;
        others.emplace(joint.world, guesses_);
        i = 0;  // it may have made another one's worse
      }
    }
    return TellJoint(joint.members, joint.world, *joint.session, *others,
                     joint.cures);
  }

 private:
  // A machine on its way through the cures of a joint list.
  struct Joint {
    std::vector<Patient> members;
    proto::World world;
    absl::StatusOr<Session> session = absl::UnknownError("not loaded");
    std::vector<std::shared_ptr<const Cure>> cures;

    // False: one of them is not there any more.
    bool LookAgain(Wish wish) {
      for (Patient& p : members) {
        p.look = LookAt(*session, {p.look.subject.name, wish});
        if (!p.look.error.ok()) return false;
      }
      return true;
    }
  };

  // Those first whose group is laid out anew: that cures others too, and undoes
  // what they would have done before.
  std::vector<size_t> InOrder(const Joint& joint) const {
    std::vector<size_t> order(joint.members.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::stable_partition(order.begin(), order.end(), [&](size_t i) {
      const std::vector<Obstacle>& met =
          checks_[joint.members[i].number].obstacles;
      return std::any_of(met.begin(), met.end(), [](const Obstacle& o) {
        return o.tried && !o.cure->physical_volumes.empty();
      });
    });
    return order;
  }

  // Whether the machine is another one now.
  bool CureIn(Joint& joint, Patient& p, size_t number) {
    const Obstacle& o = p.look.obstacles[number];
    const ObstacleKey key = KeyOf(o);
    p.met[key] = o.bytes;
    ++p.looked_at[key];
    const TrialOf what =
        p.without == nullptr ? TrialOf::kAlone : TrialOf::kTogether;
    TriedCure tried = trial_.Run(
        joint.world, *joint.session, p.look, number,
        WorldParts(joint.world, *joint.session).UsedEnd(p.look.subject), what);
    if (!tried.cured.ok() ||
        (what == TrialOf::kAlone ? !trial_.Helps(*tried.cured, p.look, number)
                                 : !tried.cure->in_world)) {
      p.no_more.insert(key);
      return false;
    }
    p.cures.push_back(tried.cure);
    joint.cures.push_back(tried.cure);
    joint.world = std::move(tried.better);
    // The looks are of the one there was.
    std::swap(joint.session, tried.cured);
    return true;
  }

  void Finish(const proto::World& world, const Session& session,
              OtherAnswers& others, const Patient& p, DaxCheck& check) {
    check.cured_not_known = CuredNotKnown(session, others, p);
    // They end with the first of which nobody knows what it comes to.
    const bool open = !check.cured_not_known.empty();
    for (Obstacle& o : check.obstacles) {
      o.after_open |= open && o.tried && o.cure == p.cures.back();
    }
    if (!p.cures.empty() && check.cured_not_known.empty() &&
        InVain(check, p.look, wish_)) {
      DiscardCures(wish_, stands_on_, check);
      return;
    }
    check.best = p.look.shares;
    check.cured_dax = p.look.dax;
    check.cured_sync = p.look.sync;
    check.plan = PlanCures({.machine = machine_,
                            .stands_on = stands_on_,
                            .neighbours = trial_.neighbours(),
                            .cured = world,
                            .after = session,
                            .subject = p.look.subject,
                            .cures = p.cures});
    NoListInVain(p.cures, check);
  }

  void NoListInVain(const std::vector<std::shared_ptr<const Cure>>& cures,
                    DaxCheck& check) const {
    std::string why = GivenUpInVain(cures, check, wish_);
    if (!why.empty()) check.plan = {.remark = std::move(why)};
  }

  static void ForgetInVain(const Patient& p, DaxCheck& check) {
    std::erase_if(check.obstacles, [&](const Obstacle& o) {
      return !o.tried && p.in_vain.contains(KeyOf(o));
    });
  }

  // Of what is kept whatever it does the same obstacle may come again, which
  // has another cure then: each volume below may have to move for it.
  std::optional<size_t> NextTogether(const Patient& p) const {
    constexpr size_t kMostOfOne = 16;
    const BlockDevice* const bdev = p.look.subject.bdev;
    BlockDevice* const top =
        bdev == nullptr ? nullptr : machine_.machine->FindBdev(bdev->dev());
    const size_t most = std::min(
        kMostOfOne, 2 + (top == nullptr ? 0 : AllBelow(machine_, top).size()));
    size_t all = 0;
    std::map<ObstacleKey, uint64_t> done;
    for (const auto& [key, times] : p.looked_at) {
      all += times;
      if (times >= most || p.no_more.contains(key)) done[key] = 0;
    }
    return all < 2 * most ? Dearest(p.look, done) : std::nullopt;
  }

  bool TellJoint(const std::vector<Patient>& members, const proto::World& world,
                 const Session& session, OtherAnswers& others,
                 const std::vector<std::shared_ptr<const Cure>>& cures) {
    std::vector<const Subject*> with;
    std::vector<std::string> names;
    for (const Patient& p : members) {
      const DaxCheck& alone = checks_[p.number];
      if (Huge(p.look.shares) < Huge(alone.now)) return false;
      // What helps only together must do so here too.
      if (together_.contains(p.number) &&
          Huge(p.look.shares) < Huge(alone.best)) {
        return false;
      }
      if (&p != &members[0]) with.push_back(&p.look.subject);
      names.push_back(p.look.subject.name);
    }
    CurePlan plan = PlanCures({.machine = machine_,
                               .stands_on = stands_on_,
                               .neighbours = trial_.neighbours(),
                               .cured = world,
                               .after = session,
                               .subject = members[0].look.subject,
                               .with = std::move(with),
                               .cures = cures});
    plan.joint = std::move(names);
    for (const Patient& p : members) {
      DaxCheck& check = checks_[p.number];
      check.best = p.look.shares;
      check.cured_dax = p.look.dax;
      check.cured_sync = p.look.sync;
      check.cured_not_known = CuredNotKnown(session, others, p);
      check.plan = plan;
      NoListInVain(cures, check);
    }
    return true;
  }

  // What the answer with the cures depends on, and nobody said.
  std::vector<std::string> CuredNotKnown(const Session& session,
                                         OtherAnswers& others,
                                         const Patient& p) const {
    if (p.cures.empty()) return {};
    const bool anew =
        std::any_of(p.cures.begin(), p.cures.end(),
                    [](const auto& cure) { return MakesFilesAnew(*cure); });
    return NotKnown(session, guesses_, others, p.look, wish_,
                    anew ? FileSystemIs::kMadeAnew : FileSystemIs::kAsItWas)
        .open;
  }

  std::optional<size_t> Next(const Session& session, OtherAnswers& others,
                             const Patient& p) const {
    // Nobody makes a volume anew for a guess.
    if (!CuredNotKnown(session, others, p).empty()) return std::nullopt;
    if (p.without != nullptr) return NextTogether(p);
    // No stack has more in a row; a cure that another undoes must end.
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
    std::vector<Patient> others;
    if (cure != nullptr && IsForOneFile(*cure)) {
      std::move(group.begin() + 1, group.end(), std::back_inserter(others));
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
        ++p.looked_at[KeyOf(o)];
        if (!o.tried) p.no_more.insert(KeyOf(o));
      }
      if (!o.tried) o.cure = ToldAlone(std::move(o.cure), stands_on_);
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
    for (Patient& p : others) {
      std::vector<Patient> one;
      one.push_back(std::move(p));
      Try(parts, session, std::move(one), left);
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
  const GuessesByName& guesses_;
  StandsOn stands_on_;
  CureTrial trial_;
  std::vector<DaxCheck>& checks_;
  // Of the whole machine; few ask for them.
  std::unique_ptr<WorldParts> all_parts_;
  std::set<size_t> together_;  // those whose cures help only together
};

}  // namespace

void CureAll(const CureAllRequest& request, std::vector<Patient> patients,
             std::vector<DaxCheck>& checks) {
  Curer curer(request, checks);
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
    const size_t alone = curer.Join(std::move(members)) ? nr_joint : 1;
    for (size_t i = alone; i < group.size(); ++i) {
      // Typed behind the other one it would undo what that has made.
      checks[patients[group[i]].number].plan = {
          .remark =
              absl::StrCat("the list of ", OneLine(subjects[group[0]]->name),
                           " makes the same anew, and another would undo "
                           "that: type it, and ask again")};
    }
  }
}

}  // namespace dmdax
