// SPDX-License-Identifier: Apache-2.0
#include "state/session.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "state/dm_snapshot.h"
#include "state/hardware.h"
#include "state/user_world.h"
#include "state/world_load.h"

namespace dmdax {

Session& Session::operator=(Session&& other) noexcept {
  user = std::move(other.user);
  ctl = std::move(other.ctl);
  machine = std::move(other.machine);
  source = std::move(other.source);
  guesses = std::move(other.guesses);
  uses = std::move(other.uses);
  groups = std::move(other.groups);
  mounts_beside = std::move(other.mounts_beside);
  release = std::move(other.release);
  makers = std::move(other.makers);
  return *this;
}

void Session::AddWhatWasSaid(proto::World* world) const {
  *world->mutable_guess() = guesses;
  *world->mutable_use() = uses;
  *world->mutable_volume_group() = groups;
  *world->mutable_mount_beside() = mounts_beside;
  world->set_release(release);
  for (proto::MappedDevice& device : *world->mutable_mapped_device()) {
    const auto maker = makers.find(device.name());
    if (maker != makers.end()) device.set_maker(maker->second);
  }
}

Session NewSession(const KernelProfile& profile, uint32_t dm_major) {
  Session session;
  session.machine = std::make_unique<Machine>(profile);
  session.ctl = std::make_unique<DmCtl>(
      *session.machine, dm_major != 0 ? dm_major : DmCtl::kDefaultMajor);
  session.user = std::make_unique<UserSpace>(*session.machine, profile.fault);
  return session;
}

absl::StatusOr<Session> SessionFromSnapshot(
    const proto::StateSnapshot& snapshot) {
  return SessionFromState(snapshot, nullptr);
}

absl::StatusOr<Session> SessionFromState(const proto::StateSnapshot& snapshot,
                                         std::shared_ptr<DiskFiles> files) {
  absl::StatusOr<Session> session = BootWorld(snapshot.world());
  if (!session.ok()) return session.status();
  session->machine->set_disk_files(std::move(files));
  session->machine->AdvanceClock(snapshot.clock_offset());
  absl::Status s =
      FillMachine(snapshot.world(), WorldKind::kSnapshot, {}, *session);
  if (!s.ok()) {
    return absl::DataLossError(absl::StrCat("snapshot: ", s.message()));
  }
  session->ctl->RestoreGlobalEventNr(snapshot.global_event_nr());
  return session;
}

namespace {

proto::StateSnapshot SnapshotWith(const Session& session, uint64_t generation,
                                  proto::StateSnapshot snapshot) {
  snapshot.set_generation(generation);
  SaveHardware(*session.machine, session.ctl->major(),
               snapshot.mutable_world());
  snapshot.set_clock_offset(session.machine->clock_offset());
  snapshot.set_global_event_nr(session.ctl->global_event_nr());
  snapshot.set_no_free_minor_below(session.ctl->NoFreeMinorBelow());
  SaveUserWorld(*session.user, snapshot.mutable_world());
  session.AddWhatWasSaid(snapshot.mutable_world());
  return snapshot;
}

// Targets may write to their disks once more, so this goes first.
proto::StateSnapshot TablesOf(const Session& session) {
  proto::StateSnapshot snapshot;
  DmSnapshotter(*session.ctl).Save(snapshot.mutable_world());
  return snapshot;
}

}  // namespace

proto::StateSnapshot SnapshotOf(const Session& session, uint64_t generation) {
  return SnapshotWith(session, generation, TablesOf(session));
}

absl::StatusOr<proto::StateSnapshot> SnapshotToKeep(
    const Session& session, uint64_t generation,
    const std::shared_ptr<DiskFiles>& files, DiskBytes::KeepHow how) {
  proto::StateSnapshot tables = TablesOf(session);
  absl::Status s = KeepBytes(*session.machine, files, how);
  if (!s.ok()) return s;
  return SnapshotWith(session, generation, std::move(tables));
}

}  // namespace dmdax
