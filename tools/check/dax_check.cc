// SPDX-License-Identifier: Apache-2.0
#include "tools/check/dax_check.h"

#include <algorithm>
#include <cerrno>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "base/kernel_profile.h"
#include "base/units.h"
#include "fs/dax_words.h"
#include "fs/file_system_type.h"
#include "process/mount_point.h"
#include "state/find_device.h"
#include "state/on_kernel.h"
#include "state/user_world.h"
#include "state/world_load.h"
#include "tools/check/cure_all.h"
#include "tools/check/file_blocks.h"
#include "tools/check/not_known.h"
#include "tools/check/only_by_volumes.h"
#include "tools/check/other_answer.h"
#include "tools/check/world_mount.h"

namespace dmdax {
namespace {

// The paths of mounts with DAX and reflink where the kernel takes the two only
// apart.  Files that share blocks are another matter.
std::vector<std::string> MountsWithReflink(const proto::World& world) {
  std::vector<std::string> paths;
  const absl::StatusOr<const KernelProfile*> kernel =
      FindKernelProfile(world.kernel());
  if (!kernel.ok() || (*kernel)->xfs_dax_reflink != XfsDaxReflink::kRefused) {
    return paths;
  }
  const auto is_shared = [](const proto::File& file) {
    return absl::c_any_of(file.extent(),
                          [](const proto::Extent& e) { return e.shared(); });
  };
  for (const proto::Mount& mount : world.mount()) {
    if (mount.reflink() && !DaxForAll(mount.options()).empty() &&
        absl::c_none_of(mount.file(), is_shared)) {
      paths.push_back(mount.path());
    }
  }
  return paths;
}

// The World that a kernel is asked about; `taken` gets the mounts that have no
// reflink there.
proto::World Asked(proto::World world, AskedAs as,
                   std::vector<std::string>* taken) {
  if (as != AskedAs::kNeighbour) return world;
  *taken = MountsWithReflink(world);
  for (proto::Mount& mount : *world.mutable_mount()) {
    if (absl::c_linear_search(*taken, mount.path())) mount.set_reflink(false);
  }
  return world;
}

}  // namespace

DaxChecker::DaxChecker(proto::World world, const std::string& kernel,
                       const SourceMap& map, AskedAs as)
    : kernel_(kernel),
      as_(as),
      is_own_(kernel.empty() || kernel == world.kernel()),
      world_(Asked(OnKernel(std::move(world), kernel), as, &taken_)),
      session_(LoadWorld(world_, map)) {
  if (!session_.ok() && !is_own_) LoadWithoutRefused();
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
    refused.push_back(
        {path, *bdev, refused.empty() ? session_.status() : s, &mount});
  }
  refused_ = std::move(refused);
  FindRefused();
  proto::World running;
  for (const proto::Process& process : world_.process()) {
    const auto on_refused = [&](const proto::Vma& vma) {
      return RefusedAbove(vma.file()) != nullptr;
    };
    if (std::none_of(process.vma().begin(), process.vma().end(), on_refused)) {
      *running.add_process() = process;
    }
  }
  if (refused_.empty() ||
      !AddUserWorld(running, WorldKind::kWritten, *session).ok()) {
    refused_.clear();
    return;
  }
  session->machine->log().TakeNew();
  session_ = std::move(session);
}

void DaxChecker::FindRefused() {
  for (const RefusedMount& refused : refused_) {
    refused_at_.try_emplace(refused.path, &refused);
    refused_on_.try_emplace(refused.bdev, &refused);
    for (const proto::File& file : refused.mount->file()) {
      // Of two the inner mount hides the other's.
      auto& known = refused_files_[PathBelow(refused.path, file.name())];
      if (known.first == nullptr ||
          known.first->path.size() < refused.path.size()) {
        known = {&refused, &file};
      }
    }
  }
}

const RefusedMount* DaxChecker::RefusedAbove(absl::string_view path) const {
  for (absl::string_view at : PathsAbove(path)) {
    const auto refused = refused_at_.find(at);
    if (refused != refused_at_.end()) return refused->second;
  }
  return nullptr;
}

std::optional<Look> DaxChecker::LookAtRefused(const std::string& name) const {
  if (refused_.empty()) return std::nullopt;
  // The errors of a name that is another thing's cost as much as all devices.
  if (session_->user->FindFile(name).ok() ||
      session_->user->dev_daxes().contains(name)) {
    return std::nullopt;
  }
  Subject subject{.name = name};
  const RefusedMount* refused = nullptr;
  if (const auto file = refused_files_.find(name);
      file != refused_files_.end()) {
    refused = file->second.first;
    const auto blocks = BlocksOfFile(*session_, name, *file->second.second);
    if (blocks) subject.size = blocks->size;
  } else if (const auto at = refused_at_.find(name); at != refused_at_.end()) {
    refused = at->second;
    subject.kind = Subject::kDevice;
  } else {
    const absl::StatusOr<BlockDevice*> bdev = FindDevice(*session_, name);
    const auto on = bdev.ok() ? refused_on_.find(*bdev) : refused_on_.end();
    if (on != refused_on_.end()) refused = on->second;
    subject.kind = Subject::kDevice;
  }
  if (refused == nullptr) return std::nullopt;
  subject.bdev = refused->bdev;
  subject.mount = refused->path;
  if (subject.kind == Subject::kDevice) {
    subject.size = refused->bdev->nr_sectors() * kSectorSize;
  }
  subject.dax = ErrnoError(EOPNOTSUPP, absl::StrCat("the mount is refused: ",
                                                    refused->why.message()));
  Look look{.subject = std::move(subject)};
  look.shares.total = look.subject.size;
  AddNotDax(*session_, look);
  return look;
}

std::string DaxChecker::NotAsItRuns(const Look& look) const {
  if (as_ == AskedAs::kItself || look.dax) return "";
  const proto::Mount* const mount = FindWorldMount(world_, look.subject.mount);
  if (mount == nullptr) return "";
  const std::string option = DaxForAll(mount->options());
  if (option.empty()) return "";
  const auto refused = refused_at_.find(look.subject.mount);
  if (refused == refused_at_.end()) {
    // A file may be without DAX for itself.
    const absl::StatusOr<MountPoint*> at =
        session_->user->FindMount(look.subject.mount);
    if (!at.ok() || (*at)->sb().ShouldEnableDax(false)) return "";
    const FileSystemType* type = (*at)->sb().s_type;
    if (type != nullptr && !type->no_dax.empty()) return "";
  }
  return absl::StrCat(
      look.subject.mount, " is mounted with ", option, ", which ",
      session_->machine->profile().name, " refuses: ",
      refused == refused_at_.end() ? "it mounts without DAX"
                                   : refused->second->why.message());
}

std::vector<std::string> DaxChecker::Notes() const {
  std::vector<std::string> notes;
  for (const std::string& path : taken_) {
    notes.push_back(absl::StrCat(
        path, " is mounted with DAX and has reflink, which ", kernel_,
        " refuses together: it is asked what it does without reflink"));
  }
  return notes;
}

std::string DaxChecker::OwnUnknown() const {
  return kernel_.empty() ? KernelOf(world_).unknown : "";
}

std::vector<DaxCheck> DaxChecker::Check(absl::Span<const std::string> names,
                                        Wish wish) {
  std::vector<DaxCheck> checks(names.size());
  std::vector<Patient> patients;
  std::optional<GuessesByName> guesses;
  std::optional<OtherAnswers> others;
  std::optional<OnlyByVolumes> by_volumes;
  const std::string own_unknown = OwnUnknown();
  if (session_.ok()) {
    guesses.emplace(*session_);
    others.emplace(world_, *guesses);
  }
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
    Unknown unknown = NotKnown(*session_, *guesses, *others, look, wish);
    check.not_known = std::move(unknown.open);
    check.either_way = std::move(unknown.either_way);
    if (std::string shown = NotAsItRuns(look); !shown.empty()) {
      check.not_known.push_back(std::move(shown));
    }
    if (!own_unknown.empty()) check.not_known.push_back(own_unknown);
    if (look.dax) {
      if (!by_volumes) by_volumes.emplace(world_, *session_);
      std::string why = by_volumes->Why(look.subject);
      if (!why.empty()) check.not_known.push_back(std::move(why));
    }
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
    CureAll({wish, world_, *session_, *guesses}, std::move(patients), checks);
  }
  return checks;
}

bool Holds(const DaxCheck& check, Wish wish) {
  return check.error.ok() && check.not_known.empty() &&
         HasWish({.dax = check.dax, .sync = check.sync, .shares = check.now},
                 wish);
}

bool HoldsCured(const DaxCheck& check, Wish wish) {
  return check.error.ok() && check.not_known.empty() &&
         check.cured_not_known.empty() &&
         HasWish({.dax = check.cured_dax,
                  .sync = check.cured_sync,
                  .shares = check.best},
                 wish);
}

}  // namespace dmdax
