// SPDX-License-Identifier: Apache-2.0
#include "tools/check/dax_check.h"

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "state/world_load.h"
#include "tools/check/world_part.h"

namespace dmdax {
namespace {

// What makes two obstacles the same one.
using ObstacleKey = std::pair<std::string, std::string>;  // name, device
ObstacleKey KeyOf(const Obstacle& o) { return {o.name, o.device}; }

// A subject on its way through the cures.
struct Patient {
  size_t number;  // of its check
  Look look;
  std::set<ObstacleKey> met;
  size_t next = 0;  // obstacle of `look` that is looked at
};

// The dearest obstacle that was not met before, or nothing.
std::optional<size_t> Dearest(const Look& look,
                              const std::set<ObstacleKey>& met) {
  std::optional<size_t> best;
  for (size_t i = 0; i < look.obstacles.size(); ++i) {
    if (met.count(KeyOf(look.obstacles[i])) != 0) continue;
    if (!best || look.obstacles[i].bytes > look.obstacles[*best].bytes) {
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

class Curer {
 public:
  Curer(Wish wish, std::vector<DaxCheck>& checks)
      : wish_(wish), checks_(checks) {}

  // Cures of this World those of its obstacles that it can, and of what comes
  // of it those of the next.
  void Run(const proto::World& world, const Session& session,
           std::vector<Patient> patients) {
    const WorldParts parts(world, session);
    while (!patients.empty()) {
      std::map<std::string, std::vector<Patient>> groups;
      for (Patient& p : patients) {
        const std::optional<size_t> next = Next(p);
        if (!next) {
          checks_[p.number].best = p.look.shares;
          continue;
        }
        p.next = *next;
        const FaultReason& reason = p.look.reasons[*next];
        // A hole has no reason, and no cure that could be tried.
        groups[reason ? CureKey(reason, p.look.subject) : ""].push_back(
            std::move(p));
      }
      patients.clear();
      for (auto& [key, group] : groups) {
        Try(parts, session, std::move(group), patients);
      }
    }
  }

 private:
  static std::optional<size_t> Next(const Patient& p) {
    // More than these no stack has in a row; a cure that another undoes must
    // end.
    constexpr size_t kMostObstacles = 32;
    if (p.met.size() == kMostObstacles) return std::nullopt;
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
    if (reason) {
      better = parts.Of(subjects);
      if (auto found = FindCure({reason, session, first, parts.UsedEnd(first)},
                                better)) {
        cure = std::make_shared<const Cure>(*std::move(found));
        if (cure->in_world) cured = LoadWorld(better);
      }
    }
    std::vector<Patient> helped;
    for (Patient& p : group) {
      Obstacle o = p.look.obstacles[p.next];
      p.met.insert(KeyOf(o));
      if (cure != nullptr) o.cure = cure;
      if (cure != nullptr && cure->in_world) TryOn(cured, p, o);
      o.after = p.look.shares;
      (o.tried ? helped : left).push_back(std::move(p));
      checks_[(o.tried ? helped : left).back().number].obstacles.push_back(
          std::move(o));
    }
    if (!helped.empty()) Run(better, *cured, std::move(helped));
  }

  void TryOn(absl::StatusOr<Session>& cured, Patient& p, Obstacle& o) {
    if (!cured.ok()) {
      o.untried = std::string(cured.status().message());
      return;
    }
    Look next = LookAt(*cured, {p.look.subject.name, wish_});
    if (!next.error.ok()) {
      o.untried = std::string(next.error.message());
    } else if (!Helps(o, next)) {
      o.untried = "alone it changes nothing on this machine";
    } else {
      o.tried = true;
      p.look = std::move(next);
    }
  }

  const Wish wish_;
  std::vector<DaxCheck>& checks_;
};

proto::World OnKernel(proto::World world, const std::string& kernel) {
  if (!kernel.empty()) world.set_kernel(kernel);
  return world;
}

}  // namespace

DaxChecker::DaxChecker(proto::World world, const std::string& kernel,
                       const SourceMap& map)
    : kernel_(kernel),
      world_(OnKernel(std::move(world), kernel)),
      session_(LoadWorld(world_, map)) {}

std::vector<DaxCheck> DaxChecker::Check(absl::Span<const std::string> names,
                                        Wish wish) {
  std::vector<DaxCheck> checks(names.size());
  std::vector<Patient> patients;
  for (size_t i = 0; i < names.size(); ++i) {
    DaxCheck& check = checks[i];
    check.kernel = kernel_;
    check.error = session_.status();
    if (!check.error.ok()) continue;
    Look look = LookAt(*session_, {names[i], wish});
    check.error = look.error;
    if (!check.error.ok()) continue;
    check.kernel = session_->machine->profile().name;
    check.dax = look.dax;
    check.sync = look.sync;
    check.now = check.best = look.shares;
    if (look.obstacles.empty()) continue;
    patients.push_back({.number = i, .look = std::move(look)});
  }
  if (!patients.empty()) {
    Curer(wish, checks).Run(world_, *session_, std::move(patients));
  }
  return checks;
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
