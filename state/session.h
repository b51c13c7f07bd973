// SPDX-License-Identifier: Apache-2.0
//
// Session: an emulated machine with its device-mapper and what runs on it, and
// where it is kept.
//
//   absl::StatusOr<Session> s = SessionFromSnapshot(snapshot);
//   RunDmsetup(*s->ctl, {"resume", "home"}, "");
//   dir.Write(SnapshotOf(*s, snapshot.generation()));
//
// Threading: as Machine and DmCtl.
#ifndef DMDAX_STATE_SESSION_H_
#define DMDAX_STATE_SESSION_H_

#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "block/disk_bytes.h"
#include "block/disk_files.h"
#include "block/machine.h"
#include "dm/dm_ioctl.h"
#include "google/protobuf/repeated_ptr_field.h"
#include "process/user_space.h"
#include "state/world.pb.h"

namespace dmdax {

struct Session {
  Session() = default;
  Session(Session&&) = default;
  // What stands on top goes first.
  Session& operator=(Session&& other) noexcept;

  // What machine->absent() needs, if there is any.
  std::shared_ptr<void> source;
  std::unique_ptr<Machine> machine;
  std::unique_ptr<DmCtl> ctl;
  // Mounts, device-dax and processes; never null in one that NewSession()
  // made.
  std::unique_ptr<UserSpace> user;
  // What an import had to take of the machine (World::guess).
  google::protobuf::RepeatedPtrField<proto::Guess> guesses;
  // What an import saw on devices (World::use).
  google::protobuf::RepeatedPtrField<proto::Use> uses;
  // What LVM2's metadata has besides (World::volume_group).
  google::protobuf::RepeatedPtrField<proto::VolumeGroup> groups;
  // What is mounted besides (World::mount_beside).
  google::protobuf::RepeatedPtrField<proto::MountBeside> mounts_beside;
  // What runs there, where the profile is only the nearest (World::release).
  std::string release;
  // By name, of mapped devices whose uuid nobody knows.
  std::map<std::string, proto::MappedDevice::Maker> makers;

  // What the kernel does not know, of the World that this was made from.
  void AddWhatWasSaid(proto::World* world) const;
};

// An empty machine with this kernel.
Session NewSession(const KernelProfile& profile, uint32_t dm_major);

// The machine a snapshot holds; an empty snapshot (generation 0) is an empty
// machine.  DataLoss when it contradicts itself.
absl::StatusOr<Session> SessionFromSnapshot(
    const proto::StateSnapshot& snapshot);

// The same, of a state directory that has the bytes of its disks in `files`.
absl::StatusOr<Session> SessionFromState(const proto::StateSnapshot& snapshot,
                                         std::shared_ptr<DiskFiles> files);

// What of a snapshot is not in its World: clock and counters.
void SaveCounters(const Session& session, proto::StateSnapshot* out);

// Of the machine as it is in memory.  `generation` is that of the snapshot the
// session came from.
proto::StateSnapshot SnapshotOf(const Session& session, uint64_t generation);

// The same, for a state directory: the bytes of its disks are in `files` first,
// all but those of disks that have few.  The errno of what could not be
// written.
absl::StatusOr<proto::StateSnapshot> SnapshotToKeep(
    const Session& session, uint64_t generation,
    const std::shared_ptr<DiskFiles>& files, DiskBytes::KeepHow how);

}  // namespace dmdax

#endif  // DMDAX_STATE_SESSION_H_
