// SPDX-License-Identifier: Apache-2.0
//
// The hardware part of a World: persistent memory, block devices, queues.
//
//   Machine machine(*profile);
//   AddHardware(world, machine);
//   SaveHardware(machine, ctl.major(), &saved);
#ifndef DMDAX_STATE_HARDWARE_H_
#define DMDAX_STATE_HARDWARE_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "block/disk_bytes.h"
#include "block/disk_files.h"
#include "block/machine.h"
#include "state/source_map.h"
#include "state/user_world.h"
#include "state/world.pb.h"

namespace dmdax {

// One device; the errors are those of Machine::AddPmem and AddBlock, or
// EINVAL for a bad device number, queue value or bad-block range.  Of what
// people write, not of a snapshot: EINVAL for the name "." or ".." and a
// partition that begins at sector 0, where its table is; EBUSY for one that
// overlaps another, as BLKPG_ADD_PARTITION answers.
absl::Status AddPmem(const proto::Pmem& pmem, Machine& machine,
                     WorldKind kind = WorldKind::kWritten);
absl::Status AddBlock(const proto::Block& block, Machine& machine,
                      WorldKind kind = WorldKind::kWritten);

// All of world.pmem, world.block and world.node.  Errors begin with the place
// that `map` knows.
absl::Status AddHardware(const proto::World& world, Machine& machine,
                         const SourceMap& map = {},
                         WorldKind kind = WorldKind::kWritten);

// Before SaveHardware() for a state directory: DiskBytes::Keep() of each disk,
// or of this one.
absl::Status KeepBytes(const Machine& machine,
                       const std::shared_ptr<DiskFiles>& files,
                       DiskBytes::KeepHow how);
absl::Status KeepBytes(const Machine& machine, BlockDevice& bdev,
                       const std::shared_ptr<DiskFiles>& files,
                       DiskBytes::KeepHow how);

// The reverse of AddHardware(): fills pmem, block and node of `world`.
void SaveHardware(const Machine& machine, uint32_t dm_major,
                  proto::World* world);
// Its parts: a disk or partition; the node of a path, if there is one and it
// does not come with its disk.
void SaveDisk(const Machine& machine, BlockDevice& bdev, proto::World* world);
void SaveNode(const Machine& machine, const std::string& path,
              proto::World* world);
// What is not a list of devices: kernel, dm_major, key and left_out.
void SaveKernel(const Machine& machine, uint32_t dm_major, proto::World* world);

// What a World says of a device that is not modelled; nothing, if it is.
void SetUnmodelled(const proto::Unmodelled& in, BlockDevice& bdev);
void SaveUnmodelled(const UnmodelledDevice& device, proto::Unmodelled* out);

}  // namespace dmdax

#endif  // DMDAX_STATE_HARDWARE_H_
