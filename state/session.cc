// SPDX-License-Identifier: Apache-2.0
#include "state/session.h"

#include "absl/strings/str_cat.h"
#include "state/dm_snapshot.h"
#include "state/hardware.h"
#include "state/user_world.h"

namespace dmdax {

Session& Session::operator=(Session&& other) noexcept {
  user = std::move(other.user);
  ctl = std::move(other.ctl);
  machine = std::move(other.machine);
  return *this;
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
  const proto::World& world = snapshot.world();
  const KernelProfile* profile = &DefaultKernelProfile();
  if (!world.kernel().empty()) {
    absl::StatusOr<const KernelProfile*> found =
        FindKernelProfile(world.kernel());
    if (!found.ok()) return found.status();
    profile = *found;
  }
  Session session = NewSession(*profile, world.dm_major());
  if (absl::Status s = AddHardware(world, *session.machine); !s.ok()) {
    return absl::DataLossError(absl::StrCat("snapshot: ", s.message()));
  }
  DmSnapshotter dm(*session.ctl);
  absl::Status s = dm.Restore(world);
  if (!s.ok()) return s;
  dm.RestoreGlobalEventNr(snapshot.global_event_nr());
  s = AddUserWorld(world, WorldKind::kSnapshot, session);
  if (!s.ok()) {
    return absl::DataLossError(absl::StrCat("snapshot: ", s.message()));
  }
  session.machine->log().TakeNew();
  return session;
}

proto::StateSnapshot SnapshotOf(const Session& session, uint64_t generation) {
  proto::StateSnapshot snapshot;
  snapshot.set_generation(generation);
  SaveHardware(*session.machine, session.ctl->major(),
               snapshot.mutable_world());
  DmSnapshotter dm(*session.ctl);
  dm.Save(snapshot.mutable_world());
  snapshot.set_global_event_nr(dm.SaveGlobalEventNr());
  SaveUserWorld(*session.user, snapshot.mutable_world());
  return snapshot;
}

}  // namespace dmdax
