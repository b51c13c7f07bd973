// SPDX-License-Identifier: Apache-2.0
//
// The mounts of a World, as cures read and type them.
// Threading: pure functions.
#ifndef DMDAX_TOOLS_CHECK_WORLD_MOUNT_H_
#define DMDAX_TOOLS_CHECK_WORLD_MOUNT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "iomap/file_extents.h"
#include "process/mount_point.h"
#include "state/world.pb.h"

namespace dmdax {

// By its path, as a World or as mount(2) has it; null: there is none.
proto::Mount* FindWorldMount(proto::World& world, const std::string& path);
const proto::Mount* FindWorldMount(const proto::World& world,
                                   const std::string& path);

// "ext4", also where the World does not say.
std::string WorldFsType(const proto::Mount& mount);

// The options that are typed on the machine: its own, which may be more than
// this kernel takes.
const std::string& MachineOptions(const proto::Mount& mount);
const std::string& MachineOptions(const MountPoint& mount);

// Of both, `change` makes others.
void ChangeOptions(absl::FunctionRef<std::string(const std::string&)> change,
                   proto::Mount* mount);

// "mount -o dax=always /dev/pmem0 /mnt", for a shell.
std::string WorldMountLine(const proto::Mount& mount,
                           const std::string& device_path);

// Gives the file these extents and no others.
void SetFileExtents(const std::vector<FileExtent>& extents, uint64_t size,
                    proto::File* file);

// That of a file system that has just been made: what mkfs wrote there counts,
// and no option about the old one's stripes overrides it.  It is writable:
// somebody will restore its data.
std::string WorldFreshMountLine(const proto::Mount& mount,
                                const std::string& device_path);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CHECK_WORLD_MOUNT_H_
