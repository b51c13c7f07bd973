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
#include "base/units.h"
#include "process/mount_point.h"
#include "state/find_device.h"
#include "state/user_file.h"
#include "state/user_world.h"
#include "state/world_load.h"
#include "tools/check/cure_all.h"
#include "tools/check/not_known.h"

namespace dmdax {
namespace {

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
    check.kernel = session_->machine->profile().name;
    check.error = look.error;
    if (!check.error.ok()) continue;
    check.dax = check.cured_dax = look.dax;
    check.sync = check.cured_sync = look.sync;
    check.now = check.best = look.shares;
    check.not_known = NotKnown(*session_, look, wish);
    if (!check.not_known.empty()) {
      // Nobody makes a volume anew for a guess.
      check.obstacles = std::move(look.obstacles);
      for (Obstacle& o : check.obstacles) o.cure = nullptr;
      continue;
    }
    if (look.obstacles.empty()) continue;
    patients.push_back({.number = i, .look = std::move(look)});
  }
  if (!patients.empty()) {
    CureAll({wish, world_, *session_}, std::move(patients), checks);
  }
  return checks;
}

bool Holds(const DaxCheck& check, Wish wish) {
  return check.error.ok() && check.not_known.empty() &&
         HasWish(check.dax, check.sync, check.now, wish);
}

bool HoldsCured(const DaxCheck& check, Wish wish) {
  return check.error.ok() && check.not_known.empty() &&
         HasWish(check.cured_dax, check.cured_sync, check.best, wish);
}

}  // namespace dmdax
