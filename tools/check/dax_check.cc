// SPDX-License-Identifier: Apache-2.0
#include "tools/check/dax_check.h"

#include <algorithm>
#include <cerrno>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/errno_status.h"
#include "base/one_line.h"
#include "base/units.h"
#include "process/mount_point.h"
#include "state/find_device.h"
#include "state/user_file.h"
#include "state/user_world.h"
#include "state/world_load.h"
#include "tools/byte_count.h"
#include "tools/check/cure_lines.h"
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
  std::map<ObstacleKey, uint64_t> met;  // and their bytes then
  std::vector<std::shared_ptr<const Cure>> cures;
  size_t next = 0;  // obstacle of `look` that is looked at
};

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

// Whether all cures together leave less than there was.
bool Worse(const DaxCheck& before, const Look& after) {
  return before.dax && Huge(after.shares) < Huge(before.now);
}

// Takes back what was said of cures: nobody is told to type them.
void Discard(DaxCheck& check) {
  for (Obstacle& o : check.obstacles) {
    if (!o.tried) continue;
    o.tried = false;
    o.untried = absl::StrCat(
        "with what else is in the way it leaves fewer large pages than the ",
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
      std::map<std::string, std::vector<Patient>> groups;
      for (Patient& p : patients) {
        const std::optional<size_t> next = Next(p);
        if (!next) {
          DaxCheck& check = checks_[p.number];
          if (Worse(check, p.look)) {
            Discard(check);
            continue;
          }
          check.best = p.look.shares;
          check.cured_dax = p.look.dax;
          check.cured_sync = p.look.sync;
          check.plan = PlanCures({.machine = machine_,
                                  .stands_on = stands_on_,
                                  .cured = world,
                                  .subject = p.look.subject,
                                  .cures = std::move(p.cures)});
          continue;
        }
        p.next = *next;
        groups[CureKey(p.look.reasons[*next], p.look.subject)].push_back(
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
    if (auto found = FindCure({.reason = reason,
                               .session = session,
                               .subject = first,
                               .order = OrderOf(wish_, session.user->faults()),
                               .machine = &machine_,
                               .stands_on = &stands_on_,
                               .used_end = parts.UsedEnd(first)},
                              better)) {
      if (found->in_world) cured = LoadWorld(better);
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
    } else if (!Helps(o, next)) {
      o.untried = "alone it changes nothing on this machine";
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

proto::World OnKernel(proto::World world, const std::string& kernel) {
  if (!kernel.empty()) world.set_kernel(kernel);
  return world;
}

bool HasWish(bool dax, bool sync, const PageShares& s, Wish wish) {
  switch (wish) {
    case Wish::kDax:
      return dax && s.signal == 0;
    case Wish::kSync:
      return dax && sync;
    case Wish::kPmd:
      return dax && s.pte + s.hole + s.signal == 0;
    case Wish::kPud:
      return dax && s.pte + s.pmd + s.hole + s.signal == 0;
  }
  return false;
}

// Without a size it ends with its last extent.
uint64_t SizeOf(const proto::File& in) {
  absl::StatusOr<FileOptions> file = FileFromProto(in);
  return file.ok() ? file->size : in.size();
}

}  // namespace

DaxChecker::DaxChecker(proto::World world, const std::string& kernel,
                       const SourceMap& map)
    : DaxChecker(world.kernel(), std::move(world), kernel, map) {}

DaxChecker::DaxChecker(const std::string& own_kernel, proto::World world,
                       const std::string& kernel, const SourceMap& map)
    : kernel_(kernel),
      world_(OnKernel(std::move(world), kernel)),
      session_(LoadWorld(world_, map)) {
  const bool own = kernel.empty() || kernel == own_kernel;
  if (!session_.ok() && !own) LoadWithoutRefused();
}

void DaxChecker::LoadWithoutRefused() {
  proto::World rest = world_;
  rest.clear_mount();
  rest.clear_process();
  absl::StatusOr<Session> session = LoadWorld(rest);
  if (!session.ok()) return;  // it is not for the mounts
  std::vector<RefusedMount> refused;
  for (const proto::Mount& mount : world_.mount()) {
    proto::World one;
    *one.add_mount() = mount;
    const absl::Status s = AddUserWorld(one, WorldKind::kWritten, *session);
    if (s.ok()) continue;
    // A file that makes no sense is the World's fault, on any kernel.
    const std::string path = MountPath(mount.path());
    if (session->user->FindMount(path).ok()) return;
    absl::StatusOr<BlockDevice*> bdev = FindDevice(*session, mount.device());
    if (!bdev.ok()) return;
    // The first is the one that the whole failed for, with its place.
    refused.push_back({path, *bdev, refused.empty() ? session_.status() : s});
  }
  proto::World running;
  for (const proto::Process& process : world_.process()) {
    const auto on_refused = [&](const proto::Vma& vma) {
      return std::any_of(
          refused.begin(), refused.end(), [&](const RefusedMount& r) {
            return absl::StartsWith(vma.file(), PathBelow(r.path, ""));
          });
    };
    if (std::none_of(process.vma().begin(), process.vma().end(), on_refused)) {
      *running.add_process() = process;
    }
  }
  if (refused.empty() ||
      !AddUserWorld(running, WorldKind::kWritten, *session).ok()) {
    return;
  }
  session->machine->log().TakeNew();
  session_ = std::move(session);
  refused_ = std::move(refused);
}

std::optional<Look> DaxChecker::LookAtRefused(const std::string& name) const {
  for (const RefusedMount& refused : refused_) {
    Subject subject{.name = name, .bdev = refused.bdev, .mount = refused.path};
    subject.dax = ErrnoError(EOPNOTSUPP, absl::StrCat("the mount is refused: ",
                                                      refused.why.message()));
    absl::string_view file = name;
    if (absl::ConsumePrefix(&file, PathBelow(refused.path, ""))) {
      for (const proto::Mount& mount : world_.mount()) {
        if (MountPath(mount.path()) != refused.path) continue;
        for (const proto::File& known : mount.file()) {
          if (known.name() == file) subject.size = SizeOf(known);
        }
      }
    } else {
      absl::StatusOr<BlockDevice*> bdev = FindDevice(*session_, name);
      const bool here =
          name == refused.path || (bdev.ok() && *bdev == refused.bdev);
      if (!here) continue;
      subject.kind = Subject::kDevice;
      subject.size = refused.bdev->nr_sectors() * kSectorSize;
    }
    Look look{.subject = std::move(subject)};
    look.shares.total = look.subject.size;
    AddNotDax(*session_, look);
    return look;
  }
  return std::nullopt;
}

std::vector<DaxCheck> DaxChecker::Check(absl::Span<const std::string> names,
                                        Wish wish) {
  std::vector<DaxCheck> checks(names.size());
  std::vector<Patient> patients;
  for (size_t i = 0; i < names.size(); ++i) {
    DaxCheck& check = checks[i];
    check.kernel = kernel_;
    check.error = session_.status();
    if (!check.error.ok()) continue;
    std::optional<Look> refused = LookAtRefused(names[i]);
    Look look =
        refused ? *std::move(refused) : LookAt(*session_, {names[i], wish});
    check.error = look.error;
    if (!check.error.ok()) continue;
    check.kernel = session_->machine->profile().name;
    check.dax = check.cured_dax = look.dax;
    check.sync = check.cured_sync = look.sync;
    check.now = check.best = look.shares;
    if (look.obstacles.empty()) continue;
    patients.push_back({.number = i, .look = std::move(look)});
  }
  if (!patients.empty()) {
    Curer(wish, world_, *session_, checks)
        .Run(world_, *session_, std::move(patients));
  }
  return checks;
}

bool Holds(const DaxCheck& check, Wish wish) {
  return check.error.ok() && HasWish(check.dax, check.sync, check.now, wish);
}

bool HoldsCured(const DaxCheck& check, Wish wish) {
  return check.error.ok() &&
         HasWish(check.cured_dax, check.cured_sync, check.best, wish);
}

}  // namespace dmdax
