// SPDX-License-Identifier: Apache-2.0
//
// StandsOn: what stands on what in a machine, made once for many cures.
//
// Of pmem0 that is pmem0, its partitions, and the volumes on them.
//
// Threading: thread-compatible.
#ifndef DMDAX_TOOLS_CHECK_STANDS_ON_H_
#define DMDAX_TOOLS_CHECK_STANDS_ON_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/types/span.h"
#include "block/block_device.h"
#include "state/session.h"
#include "state/world.pb.h"
#include "tools/check/bdev_set.h"
#include "tools/check/device_use.h"
#include "tools/check/free_runs.h"
#include "tools/check/whole_files.h"
#include "tools/check/world_rows.h"

namespace dmdax {

class StandsOn {
 public:
  // `session` is that of the World; both outlive this.
  StandsOn(const proto::World& world, const Session& session);

  const proto::World& world() const { return world_; }
  // By name; null: there is none.
  BlockDevice* Find(const std::string& name) const;
  // The World's entry of a mapped device; null: there is none.
  const proto::MappedDevice* InWorld(const std::string& name) const;
  // LVM2's volumes of a group.
  absl::Span<BlockDevice* const> OfGroup(const std::string& vg) const;
  // A pvmove of the group that has not ended; null: there is none.
  const LvmName* MoveOf(const std::string& vg) const;
  // The group whose physical volume a device is, by a volume that stands there
  // or by the metadata; "": it is none.
  std::string GroupOn(BlockDevice* bdev) const;
  // What LVM2's metadata has of a group besides; null: nothing.
  const proto::VolumeGroup* GroupInWorld(const std::string& vg) const;
  // Of its physical volumes those that the metadata names, as far as they are
  // there.
  std::vector<BlockDevice*> KnownDevicesOf(const std::string& vg) const;
  // The names of all volumes of a group that are known, as lvs -a has them.
  std::set<std::string> LvmNamesOf(const std::string& vg) const;
  // Those of them without a mapped device that lvs shows and that lie on a
  // device, or of which nobody knows where they lie.
  std::vector<std::string> IdleOn(const std::string& vg,
                                  const BlockDevice& bdev) const;
  // Whether the group has it as a physical volume.
  bool HasGroup(BlockDevice* bdev, const std::string& vg) const;
  // The World's entry of a pmem, of another block device; null: there is none.
  const proto::Pmem* PmemInWorld(const std::string& name) const;
  const proto::Block* BlockInWorld(const std::string& name) const;
  // The partitions of a disk, by their numbers in the World.
  absl::Span<const int> PartitionsOf(const std::string& disk) const;
  // The World's mount at a path; null: there is none.
  const proto::Mount* MountAt(const std::string& path) const;
  // What stands on a device itself.
  absl::Span<BlockDevice* const> On(BlockDevice* bdev) const;
  // The names of that, and the mount of which it is the log or realtime device.
  std::vector<std::string> NamesOn(BlockDevice* bdev) const;
  // The World's mounts below a path: of /mnt that at /mnt/b.
  std::vector<const proto::Mount*> MountsBelow(const std::string& path) const;
  // What is mounted besides at a path, or below it: numbers in the World.
  absl::Span<const int> BesidesAt(const std::string& path) const;
  std::vector<int> BesidesBelow(const std::string& path) const;
  // Where a device is mounted.
  absl::Span<const std::string> MountsOf(BlockDevice* bdev) const;
  // What lies on devices besides.
  const DeviceUses& uses() const { return uses_; }
  WholeFiles& whole_files() { return whole_files_; }
  FreeRuns& free_runs() { return free_runs_; }
  // These and all that stands on them; more than `most` are not looked for.
  BdevSet AllAbove(const BdevSet& devices, size_t most) const;
  // How many levels of devices are below: of a disk 0.
  int Depth(BlockDevice* bdev);
  // That of the lowest volume of a group, with which the group goes.
  int GroupDepth(const std::string& vg);

  // The mapped devices whose live tables have data in sectors [start, end) of
  // `below`; more than `most` are not looked for.
  BdevSet Within(const BlockDevice& below, uint64_t start, uint64_t end,
                 size_t most);

 private:
  struct Area {
    uint64_t start, end;
    uint64_t last;  // the largest end so far, in the order of the starts
    BlockDevice* by;
  };
  void FindAreas();
  static constexpr int kBeingLookedAt = -1;

  const proto::World& world_;
  const Session& session_;
  const DeviceUses uses_;
  WholeFiles whole_files_;
  FreeRuns free_runs_;
  absl::flat_hash_map<std::string, BlockDevice*> by_name_;
  absl::flat_hash_map<std::string, int> in_world_, pmems_, blocks_;
  absl::flat_hash_map<std::string, std::vector<int>> partitions_;  // by disk
  absl::flat_hash_map<std::string, std::vector<BlockDevice*>> groups_;
  absl::flat_hash_map<std::string, const proto::VolumeGroup*> in_metadata_;
  std::map<std::string, LvmName> moves_;
  absl::flat_hash_map<std::string, int> group_depths_;  // those asked for
  absl::flat_hash_map<const BlockDevice*, std::string> first_group_on_;
  absl::flat_hash_set<std::pair<const BlockDevice*, std::string>> groups_on_;
  absl::flat_hash_map<BlockDevice*, std::vector<BlockDevice*>> above_;
  absl::flat_hash_map<BlockDevice*, int> depths_;  // those asked for
  absl::flat_hash_map<BlockDevice*, std::vector<std::string>> mounts_;
  std::map<std::string, const proto::Mount*> by_path_;
  std::map<std::string, std::vector<int>> besides_;  // by path
  // Few ask for them, and a table may have a million.
  bool has_areas_ = false;
  absl::flat_hash_map<const BlockDevice*, std::vector<Area>> areas_;
};

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CHECK_STANDS_ON_H_
