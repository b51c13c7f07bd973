// SPDX-License-Identifier: Apache-2.0
#include "state/session.h"

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
  release = std::move(other.release);
  makers = std::move(other.makers);
  return *this;
}

void Session::AddWhatWasSaid(proto::World* world) const {
  *world->mutable_guess() = guesses;
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
  absl::StatusOr<Session> session = BootWorld(snapshot.world());
  if (!session.ok()) return session.status();
  session->machine->AdvanceClock(snapshot.clock_offset());
  absl::Status s =
      FillMachine(snapshot.world(), WorldKind::kSnapshot, {}, *session);
  if (!s.ok()) {
    return absl::DataLossError(absl::StrCat("snapshot: ", s.message()));
  }
  session->ctl->RestoreGlobalEventNr(snapshot.global_event_nr());
  return session;
}

proto::StateSnapshot SnapshotOf(const Session& session, uint64_t generation) {
  proto::StateSnapshot snapshot;
  snapshot.set_generation(generation);
  // Targets may write to their disks once more.
  DmSnapshotter(*session.ctl).Save(snapshot.mutable_world());
  SaveHardware(*session.machine, session.ctl->major(),
               snapshot.mutable_world());
  snapshot.set_clock_offset(session.machine->clock_offset());
  snapshot.set_global_event_nr(session.ctl->global_event_nr());
  snapshot.set_no_free_minor_below(session.ctl->NoFreeMinorBelow());
  SaveUserWorld(*session.user, snapshot.mutable_world());
  session.AddWhatWasSaid(snapshot.mutable_world());
  return snapshot;
}

}  // namespace dmdax
