// SPDX-License-Identifier: Apache-2.0
#include "tools/check/stands_on.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "dm/dm_table.h"
#include "process/mount_point.h"
#include "state/find_device.h"
#include "tools/check/bdev_set.h"
#include "tools/check/dax_depth.h"
#include "tools/check/hidden_volume.h"
#include "tools/check/world_rows.h"

namespace dmdax {

StandsOn::StandsOn(const proto::World& world, const Session& session)
    : world_(world),
      session_(session),
      uses_(session),
      whole_files_(session),
      free_runs_(session) {
  for (BlockDevice* bdev : session.machine->BlockDevices()) {
    by_name_[NameOfDevice(session, *bdev)] = bdev;
    for (BlockDevice* below : DevicesBelow(session, *bdev)) {
      above_[below].push_back(bdev);
    }
  }
  // Those that the session's kernel refused too.
  for (const proto::Mount& mount : world.mount()) {
    const absl::StatusOr<BlockDevice*> bdev =
        FindDevice(session, mount.device());
    if (bdev.ok()) mounts_[*bdev].push_back(MountPath(mount.path()));
    by_path_[MountPath(mount.path())] = &mount;
  }
  for (int i = 0; i < world.mount_beside_size(); ++i) {
    besides_[MountPath(world.mount_beside(i).path())].push_back(i);
  }
  absl::flat_hash_map<const BlockDevice*, std::string> group_of;
  for (int i = 0; i < world.mapped_device_size(); ++i) {
    const proto::MappedDevice& device = world.mapped_device(i);
    in_world_[device.name()] = i;
    const auto lvm = LvmNameOf(device);
    BlockDevice* bdev = Find(device.name());
    if (!lvm || bdev == nullptr) continue;
    groups_[lvm->vg].push_back(bdev);
    if (IsPvmove(lvm->lv)) moves_.try_emplace(lvm->vg, *lvm);
    group_of[bdev] = lvm->vg;
  }
  for (const auto& [below, above] : above_) {
    for (const BlockDevice* bdev : above) {
      const auto vg = group_of.find(bdev);
      if (vg == group_of.end()) continue;
      first_group_on_.try_emplace(below, vg->second);
      groups_on_.insert({below, vg->second});
    }
  }
  for (const proto::VolumeGroup& group : world.volume_group()) {
    in_metadata_.try_emplace(group.name(), &group);
    for (const BlockDevice* bdev : KnownDevicesOf(group.name())) {
      first_group_on_.try_emplace(bdev, group.name());
      groups_on_.insert({bdev, group.name()});
    }
  }
  for (int i = 0; i < world.pmem_size(); ++i) {
    pmems_.try_emplace(world.pmem(i).name(), i);
  }
  for (int i = 0; i < world.block_size(); ++i) {
    const proto::Block& block = world.block(i);
    blocks_.try_emplace(block.name(), i);
    if (!block.partition_of().empty()) {
      partitions_[block.partition_of()].push_back(i);
    }
  }
}

std::string StandsOn::GroupOn(BlockDevice* bdev) const {
  const auto at = first_group_on_.find(bdev);
  return at == first_group_on_.end() ? "" : at->second;
}

const proto::VolumeGroup* StandsOn::GroupInWorld(const std::string& vg) const {
  const auto at = in_metadata_.find(vg);
  return at == in_metadata_.end() ? nullptr : at->second;
}

std::vector<BlockDevice*> StandsOn::KnownDevicesOf(
    const std::string& vg) const {
  std::vector<BlockDevice*> devices;
  const proto::VolumeGroup* const group = GroupInWorld(vg);
  if (group == nullptr) return devices;
  for (const std::string& device : group->device()) {
    const absl::StatusOr<BlockDevice*> bdev = FindDevice(session_, device);
    if (bdev.ok()) devices.push_back(*bdev);
  }
  return devices;
}

std::vector<std::string> StandsOn::IdleOn(const std::string& vg,
                                          const BlockDevice& bdev) const {
  std::vector<std::string> names;
  const proto::VolumeGroup* const group = GroupInWorld(vg);
  if (group == nullptr) return names;
  for (const proto::VolumeGroup::Volume& volume : group->idle()) {
    if (volume.hidden() || IsPoolSpare(volume.name())) continue;
    const bool here =
        volume.device().empty() ||
        std::any_of(volume.device().begin(), volume.device().end(),
                    [&](const std::string& device) {
                      const auto found = FindDevice(session_, device);
                      return found.ok() && *found == &bdev;
                    });
    if (here) names.push_back(volume.name());
  }
  return names;
}

std::set<std::string> StandsOn::LvmNamesOf(const std::string& vg) const {
  std::set<std::string> names;
  for (const BlockDevice* bdev : OfGroup(vg)) {
    // A layer has the name of its volume.
    names.insert(LvmNameOf(*InWorld(NameOfDevice(session_, *bdev)))->lv);
  }
  if (const proto::VolumeGroup* group = GroupInWorld(vg)) {
    for (const auto& volume : group->idle()) names.insert(volume.name());
  }
  return names;
}

bool StandsOn::HasGroup(BlockDevice* bdev, const std::string& vg) const {
  return groups_on_.contains(
      std::pair<const BlockDevice*, std::string>{bdev, vg});
}

const proto::Pmem* StandsOn::PmemInWorld(const std::string& name) const {
  const auto at = pmems_.find(name);
  return at == pmems_.end() ? nullptr : &world_.pmem(at->second);
}

const proto::Block* StandsOn::BlockInWorld(const std::string& name) const {
  const auto at = blocks_.find(name);
  return at == blocks_.end() ? nullptr : &world_.block(at->second);
}

absl::Span<const int> StandsOn::PartitionsOf(const std::string& disk) const {
  const auto at = partitions_.find(disk);
  if (at == partitions_.end()) return {};
  return at->second;
}

const proto::Mount* StandsOn::MountAt(const std::string& path) const {
  const auto at = by_path_.find(MountPath(path));
  return at == by_path_.end() ? nullptr : at->second;
}

absl::Span<BlockDevice* const> StandsOn::On(BlockDevice* bdev) const {
  const auto at = above_.find(bdev);
  if (at == above_.end()) return {};
  return at->second;
}

std::vector<std::string> StandsOn::NamesOn(BlockDevice* bdev) const {
  std::vector<std::string> names;
  for (const BlockDevice* above : On(bdev)) {
    names.push_back(NameOfDevice(session_, *above));
  }
  std::string mount = uses_.MountOf(*bdev);
  if (!mount.empty()) names.push_back(std::move(mount));
  return names;
}

std::vector<const proto::Mount*> StandsOn::MountsBelow(
    const std::string& path) const {
  const std::string below = path == "/" ? path : path + "/";
  std::vector<const proto::Mount*> mounts;
  for (auto at = by_path_.upper_bound(below);
       at != by_path_.end() && absl::StartsWith(at->first, below); ++at) {
    mounts.push_back(at->second);
  }
  return mounts;
}

absl::Span<const int> StandsOn::BesidesAt(const std::string& path) const {
  const auto at = besides_.find(MountPath(path));
  if (at == besides_.end()) return {};
  return at->second;
}

std::vector<int> StandsOn::BesidesBelow(const std::string& path) const {
  const std::string below = path == "/" ? path : path + "/";
  std::vector<int> numbers;
  for (auto at = besides_.upper_bound(below);
       at != besides_.end() && absl::StartsWith(at->first, below); ++at) {
    numbers.insert(numbers.end(), at->second.begin(), at->second.end());
  }
  return numbers;
}

absl::Span<const std::string> StandsOn::MountsOf(BlockDevice* bdev) const {
  const auto at = mounts_.find(bdev);
  if (at == mounts_.end()) return {};
  return at->second;
}

BlockDevice* StandsOn::Find(const std::string& name) const {
  const auto at = by_name_.find(name);
  return at == by_name_.end() ? nullptr : at->second;
}

const proto::MappedDevice* StandsOn::InWorld(const std::string& name) const {
  const auto at = in_world_.find(name);
  return at == in_world_.end() ? nullptr : &world_.mapped_device(at->second);
}

absl::Span<BlockDevice* const> StandsOn::OfGroup(const std::string& vg) const {
  const auto at = groups_.find(vg);
  if (at == groups_.end()) return {};
  return at->second;
}

const LvmName* StandsOn::MoveOf(const std::string& vg) const {
  const auto at = moves_.find(vg);
  return at == moves_.end() ? nullptr : &at->second;
}

BdevSet StandsOn::AllAbove(const BdevSet& devices, size_t most) const {
  BdevSet all = devices;
  std::vector<BlockDevice*> left(devices.begin(), devices.end());
  while (!left.empty() && all.size() <= most) {
    const auto above = above_.find(left.back());
    left.pop_back();
    if (above == above_.end()) continue;
    for (BlockDevice* bdev : above->second) {
      if (all.size() > most) break;
      if (all.insert(bdev).second) left.push_back(bdev);
    }
  }
  return all;
}

// Depth first, and without recursion: a stack may be deep.  Where it stands on
// itself, the way back does not count.
int StandsOn::Depth(BlockDevice* bdev) {
  std::vector<BlockDevice*> open = {bdev};
  while (!open.empty()) {
    BlockDevice* const at = open.back();
    const auto [known, fresh] = depths_.try_emplace(at, kBeingLookedAt);
    if (!fresh && known->second != kBeingLookedAt) {
      open.pop_back();
      continue;
    }
    int depth = 0;
    bool waits = false;
    for (BlockDevice* below : DevicesBelow(session_, *at)) {
      const auto of_below = depths_.find(below);
      if (of_below == depths_.end()) {
        open.push_back(below);
        waits = true;
      } else if (of_below->second != kBeingLookedAt) {
        depth = std::max(depth, of_below->second + 1);
      }
    }
    if (waits) continue;
    depths_[at] = depth;
    open.pop_back();
  }
  return depths_[bdev];
}

int StandsOn::GroupDepth(const std::string& vg) {
  const auto [at, fresh] = group_depths_.try_emplace(vg, 0);
  if (fresh) {
    for (BlockDevice* bdev : OfGroup(vg)) {
      const int depth = Depth(bdev);
      at->second = at->second == 0 ? depth : std::min(at->second, depth);
    }
    if (OfGroup(vg).empty()) {
      for (BlockDevice* bdev : KnownDevicesOf(vg)) {
        at->second = std::max(at->second, Depth(bdev) + 1);
      }
    }
  }
  return at->second;
}

void StandsOn::FindAreas() {
  has_areas_ = true;
  for (BlockDevice* bdev : session_.machine->BlockDevices()) {
    const DmTable* const table = LiveTable(session_, *bdev);
    if (table == nullptr) continue;
    for (const DmTarget& ti : table->targets()) {
      if (ti.type->iterate_devices == nullptr) continue;
      ti.type->iterate_devices(
          ti, [&](const DmDev& dev, sector_t start, sector_t len) {
            areas_[dev.bdev].push_back(
                {start.value(), start.value() + len.value(), 0, bdev});
            return 0;
          });
    }
  }
  for (auto& [below, areas] : areas_) {
    std::sort(areas.begin(), areas.end(),
              [](const Area& a, const Area& b) { return a.start < b.start; });
    uint64_t last = 0;
    for (Area& area : areas) area.last = last = std::max(last, area.end);
  }
}

BdevSet StandsOn::Within(const BlockDevice& below, uint64_t start, uint64_t end,
                         size_t most) {
  if (!has_areas_) FindAreas();
  BdevSet found;
  const auto areas = areas_.find(&below);
  if (areas == areas_.end()) return found;
  auto at =
      std::partition_point(areas->second.begin(), areas->second.end(),
                           [&](const Area& area) { return area.start < end; });
  while (at != areas->second.begin() && (--at)->last > start &&
         found.size() <= most) {
    if (at->end > start) found.insert(at->by);
  }
  return found;
}

}  // namespace dmdax
