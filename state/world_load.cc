// SPDX-License-Identifier: Apache-2.0
#include "state/world_load.h"

#include <algorithm>
#include <cerrno>
#include <set>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "process/field_error.h"
#include "state/dm_snapshot.h"
#include "state/hardware.h"
#include "state/nodes.h"
#include "state/target_spec.h"

namespace dmdax {

absl::StatusOr<Session> BootWorld(const proto::World& world,
                                  const SourceMap& map) {
  const KernelProfile* profile = &DefaultKernelProfile();
  if (!world.kernel().empty()) {
    absl::StatusOr<const KernelProfile*> found =
        FindKernelProfile(world.kernel());
    if (!found.ok()) {
      return ErrnoError(
          EINVAL, absl::StrCat(map.Locate("kernel"), found.status().message()));
    }
    profile = *found;
  }
  if (!world.release().empty()) {
    absl::StatusOr<KernelAnswer> answer = AnswerForRelease(world.release());
    if (!answer.ok()) {
      return ErrnoError(EINVAL, absl::StrCat(map.Locate("release"),
                                             answer.status().message()));
    }
  }
  return NewSession(*profile, world.dm_major());
}

KernelAnswer KernelOf(const proto::World& world) {
  const KernelProfile* profile = &DefaultKernelProfile();
  if (absl::StatusOr<const KernelProfile*> found =
          FindKernelProfile(world.kernel());
      found.ok()) {
    profile = *found;
  }
  if (!world.release().empty()) {
    absl::StatusOr<KernelAnswer> answer = AnswerForRelease(world.release());
    if (answer.ok() && answer->profile == profile) return *std::move(answer);
    if (answer.ok() && answer->above == profile) {
      answer->note = answer->AboveNote();
      return *std::move(answer);
    }
  }
  return {profile, ""};
}

namespace {

// LVM2 takes two groups of one name apart by their UUIDs, which a World does
// not have: whose a volume is nobody could say.
absl::Status CheckGroups(const proto::World& world, const SourceMap& map) {
  absl::flat_hash_map<absl::string_view, int> first;
  for (int i = 0; i < world.volume_group_size(); ++i) {
    const auto [it, is_new] =
        first.try_emplace(world.volume_group(i).name(), i);
    if (is_new) continue;
    constexpr size_t kMostShown = 128;
    return ErrorAt(
        map, absl::StrCat("volume_group[", i, "]"),
        FieldError(
            EEXIST, "name",
            absl::StrCat("volume group '", it->first.substr(0, kMostShown),
                         "': it is volume_group[", it->second, "] already")));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status FillMachine(const proto::World& world, WorldKind kind,
                         const SourceMap& map, Session& session,
                         const TableMender& mend) {
  absl::Status s = AddHardware(world, *session.machine, map, kind);
  if (!s.ok()) return s;
  for (const proto::LeftOut& left : world.left_out()) {
    session.machine->AddLeftOut({left.name(), left.why()});
  }
  session.guesses.MergeFrom(world.guess());
  session.uses.MergeFrom(world.use());
  session.groups.MergeFrom(world.volume_group());
  session.mounts_beside.MergeFrom(world.mount_beside());
  session.release = world.release();
  for (const proto::MappedDevice& device : world.mapped_device()) {
    if (device.maker() != proto::MappedDevice::UUID_SAYS) {
      session.makers[device.name()] = device.maker();
    }
  }
  s = kind == WorldKind::kSnapshot
          ? DmSnapshotter(*session.ctl).Restore(world)
          : LoadMappedDevices(world, map, session, mend);
  if (s.ok() && kind == WorldKind::kWritten) {
    s = CheckNodes(world, session, map);
    if (s.ok()) s = CheckGroups(world, map);
  }
  if (!s.ok()) return s;
  s = AddUserWorld(world, kind, session, map);
  if (!s.ok()) return s;
  // What was refused or accepted on the way is no news.
  session.machine->log().TakeNew();
  return absl::OkStatus();
}

absl::StatusOr<Session> LoadWorld(const proto::World& world,
                                  const SourceMap& map,
                                  const TableMender& mend) {
  absl::StatusOr<Session> session = BootWorld(world, map);
  if (!session.ok()) return session.status();
  absl::Status s = FillMachine(world, WorldKind::kWritten, map, *session, mend);
  if (!s.ok()) return s;
  return session;
}

namespace {

// What the runtime said and people can write: messages, and max_sectors_kb.
void DescribeRuntime(const MappedDevice& md, proto::MappedDevice* d) {
  const uint32_t max_user = d->runtime().limits().max_user_sectors();
  if (max_user != 0) d->set_max_sectors_kb(max_user / 2);
  const DmTable* table = md.live_table();
  if (table == nullptr) return;
  for (const DmTable::TableDev& dd : table->devices()) {
    // It was set below after this device had stacked its limits; in a World it
    // is set before, so this device says what it has.
    if (max_user == 0 &&
        dd.dm_dev->bdev->queue().limits().max_user_sectors != 0) {
      d->set_max_sectors_kb(d->runtime().limits().max_sectors() / 2);
    }
  }
  for (const DmTarget& ti : table->targets()) {
    if (ti.type->messages == nullptr) continue;
    for (const std::string& message : ti.type->messages(ti)) {
      d->add_message(absl::StrCat(ti.begin.value(), " ", message));
    }
  }
}

}  // namespace

proto::World DescribeWorld(const Session& session) {
  proto::World world;
  SaveHardware(*session.machine, session.ctl->major(), &world);
  DmSnapshotter(*session.ctl).Save(&world);
  SaveUserWorld(*session.user, &world);
  session.AddWhatWasSaid(&world);
  for (proto::Pmem& pmem : *world.mutable_pmem()) pmem.clear_runtime();
  for (proto::Block& block : *world.mutable_block()) block.clear_runtime();
  for (proto::Mount& mount : *world.mutable_mount()) {
    mount.clear_runtime();
    for (proto::File& file : *mount.mutable_file()) file.clear_runtime();
  }
  std::set<std::string> made;  // nodes that come with their devices
  for (proto::MappedDevice& d : *world.mutable_mapped_device()) {
    made.insert(absl::StrCat("/dev/mapper/", d.name()));
    DescribeRuntime(*session.ctl->FindDevice(d.name()), &d);
    d.clear_runtime();
    for (proto::Table* table :
         {d.has_table() ? d.mutable_table() : nullptr,
          d.has_inactive_table() ? d.mutable_inactive_table() : nullptr}) {
      if (table == nullptr) continue;
      table->clear_runtime();
      for (proto::Target& target : *table->mutable_target()) {
        target = TargetFromSpec(SpecFromTarget(target));
      }
    }
  }
  // Nor those whose device has gone: a World that is loaded can not have any.
  auto& nodes = *world.mutable_node();
  nodes.erase(std::remove_if(nodes.begin(), nodes.end(),
                             [&](const proto::Node& node) {
                               const auto dev = ScanMajorMinor(node.dev());
                               return made.count(node.path()) != 0 || !dev ||
                                      !HasDevice(session, *dev);
                             }),
              nodes.end());
  return world;
}

}  // namespace dmdax
