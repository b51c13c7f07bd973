// SPDX-License-Identifier: Apache-2.0
//
// The steps from Facts to a World, in the order in which they are taken.  Each
// notes what it had to leave out or choose.
// Threading: thread-compatible.
#ifndef DMDAX_IMPORT_BUILD_WORLD_H_
#define DMDAX_IMPORT_BUILD_WORLD_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "import/facts.h"
#include "state/world.pb.h"

namespace dmdax {

class MountTable;

// Physical volumes of LVM2 lie where their UUIDs were seen; what the metadata
// says of devices is a hint, of another day.
void PlacePvs(Facts* facts);

// Why rows by LVM2's metadata are not those of a live device: it stands on
// other persistent memory, as lsblk's tree has it; "": nothing is against them.
std::string WhyElsewhere(const Facts& facts, const Mapped& device,
                         const std::vector<DmTargetSpec>& rows);

// Every mapped device gets its number, and a table from LVM's metadata if no
// input has its live one.  EINVAL: inputs contradict each other.
absl::Status JoinMapped(Facts* facts);

// EINVAL: volumes of two groups of LVM2, of two inputs, have the same sectors.
absl::Status CheckSharedAreas(const Facts& facts);

// The sizes of pmems that the boot line makes (memmap=SIZE!START).
absl::Status SizeByBootLine(Facts* facts);

// What the kernel calls /dev/root.
void NameRootDevice(Facts* facts);

// Numbers and sizes for devices that only tables name.
void NameUnknown(Facts* facts);

// Where each pmem and device-dax is in memory; chosen if no input says so.
absl::Status PlacePmem(Facts* facts, proto::World* world);

// Which of them are virtio's, where their places are known.
void AddPmemBuses(Facts* facts, proto::World* world);

// Whether each has DAX, where no input says it.
void GuessPmemModes(Facts* facts, const proto::World& world);

// Disks, partitions and devices that only tables name.
void AddHardware(Facts* facts, proto::World* world);

// Tables in the World, their devices known to it.
void AddMapped(Facts* facts, proto::World* world);

// Mounts and the files in them.  EINVAL: inputs contradict each other.
absl::Status AddMounts(Facts* facts, proto::World* world);

// What lies on mapped devices and persistent memory, and is not in the World
// otherwise.
void AddUses(Facts* facts, proto::World* world);

// What LVM2's groups have and the World has not otherwise.
void AddGroups(const Facts& facts, proto::World* world);
absl::Status AddFiles(const MountTable& table, Facts* facts,
                      proto::World* world);

// Mounts that keep those of the World or their devices busy.
void AddMountsBeside(const MountTable& table, const Facts& facts,
                     proto::World* world);

// EINVAL for a name that is not UTF-8: a World with it could be printed, and
// never be read again.
absl::Status CheckText(const Facts& facts, const proto::World& world);

// Where the inputs have the object of the World at a path,
// "mapped_device[2].table"; none for no object of them.
Place PlaceInInputs(const Facts& facts, const proto::World& world,
                    absl::string_view path);

// Loads the World; what the emulated kernel refuses goes, or gets a stand-in,
// until it loads.  EINVAL: it never does.
absl::Status SettleWorld(Facts* facts, proto::World* world);

// Whether a device of the World, "/dev/mapper/home", stands on persistent
// memory, or on what no input describes.
bool MayHavePmem(const Facts& facts, const proto::World& world,
                 const std::string& device);

// Whether a disk's name is that of a pmem with DAX, "pmem0" or "pmem0.1".
bool IsPmemName(absl::string_view name);

// Facts::stands_on, when all names are joined.
void JoinBelow(Facts* facts);

// What a device stands on by Facts::stands_on, those of them that are known. It
// is called by its disk's name, or by its path.
std::vector<std::string> DevicesBelow(const Facts& facts,
                                      absl::string_view device);

// "/dev/pmem0" of "/dev/pmem0", "/dev/dm-3" as its mapper path, what
// /dev/<group>/<volume> is; "" for no device of these facts.
std::string CanonicalDevice(const Facts& facts, absl::string_view source);

// The same of what may have no path, as lsblk -f calls devices.
std::string CanonicalName(const Facts& facts, const std::string& said);

}  // namespace dmdax

#endif  // DMDAX_IMPORT_BUILD_WORLD_H_
