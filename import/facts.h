// SPDX-License-Identifier: Apache-2.0
//
// Facts: what the inputs of an import say of a machine, before it is a World.
//
//   Disk& disk = facts.DiskNamed("pmem0", place);
//   absl::Status s =
//       facts.Say(disk.dev, DevT{259, 1}, place, "pmem0", "number");
//   // ndctl.json:4:9: the number of pmem0 is 259:1; lsblk.json:3:5 says
//   // 259:0
//
// Every reader fills in what its input says; a second input that says
// otherwise is an error with both places.  What an input has that nobody can
// use is a note.
// Threading: thread-compatible.
#ifndef DMDAX_IMPORT_FACTS_H_
#define DMDAX_IMPORT_FACTS_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/dev_t.h"
#include "dm/dm_ioctl.h"
#include "fs/extents_text.h"
#include "import/import_input.h"
#include "import/lvm/lvm_group.h"
#include "import/size_range.h"
#include "state/world.pb.h"

namespace dmdax {

// The major number of mapped devices, unless an input says another.
inline constexpr uint32_t kDmMajor = 254;

template <typename T>
struct Fact {
  T value{};
  Place place;
};
template <typename T>
using Said = std::optional<Fact<T>>;

// A block device that is not device-mapper's, by its kernel's name.
struct Disk {
  std::string name;
  Place place;  // where it was first seen
  Said<DevT> dev;
  Said<SizeRange> size;
  bool size_is_taken = false;  // no input says it
  Said<std::string> type;    // as lsblk has it: "disk", "part", "loop", "raid1"
  Said<std::string> parent;  // of a partition
  Said<uint64_t> start;      // of a partition, sectors
  Said<bool> dax;
  Said<bool> virtio;  // whether its bus is virtio's
  Said<bool> read_only;
  // Why nobody knows what it is, which may be persistent memory; "": it is
  // known.
  std::string unknown;
  // Of a pmem: where its data begins, and the space before the data.
  Said<uint64_t> base;
  // Poisoned sectors from the start of the data: start, count.
  std::map<uint64_t, uint64_t> badblocks;
  Said<std::string> space;  // the namespace: "namespace0.0"
  Said<std::string> mode;   // ndctl's: fsdax, raw, sector, devdax
  // sysfs' queue attributes, and log-sec, phy-sec as lsblk calls them.
  std::map<std::string, Said<uint64_t>> queue;
};

// A mapped device, by its dm name.
struct Mapped {
  std::string name;
  Place place;
  Said<DevT> dev;
  Said<uint32_t> minor;  // where the major is not said
  Said<std::string> uuid;
  bool says_uuid = false;  // an input has it, or that there is none
  Said<SizeRange> size;
  std::optional<Place> table;  // where its table was seen
  std::vector<DmTargetSpec> rows;
  Said<uint64_t> nr_rows;  // of its live table, as a list of devices has it
  std::string type;        // as lsblk has it: "lvm", "crypt"
  bool read_only = false;
  bool suspended = false;
  uint32_t open = 0;      // how often it is, if an input says so
  std::string odd_table;  // why its table is not taken; "": it may be
  // By a report of LVM2 that does not say its table: its target, one without
  // DAX.
  std::string target;
  bool no_live_table = false;  // an input says that it has none
  bool boot_line = false;      // dm-mod.create= makes it
  Said<bool> dax;
  std::map<std::string, Said<uint64_t>> queue;
  // Of a thin-pool, the ids of its devices, as LVM's metadata has them.
  std::vector<std::string> thin_ids;
  // The order in which LVM makes its devices; 0: it is none of them, by what
  // inputs have of groups.
  size_t lvm_order = 0;
};

// A namespace as ndctl or sysfs knows it.
struct Namespace {
  std::string name;
  Place place;
  std::string mode;
  std::string map;  // "mem", "dev"
  Said<SizeRange> size;
  uint64_t align = 0;
  uint64_t sector_size = 0;
  std::string blockdev;
  std::string chardev;
  std::string persistence_domain;  // of its region
  std::string provider;            // of its bus: "ACPI.NFIT", "virtio-pmem"
  // Poisoned sectors from the start of the data: start, count; and how many
  // ranges there are, if an input says that.
  std::map<uint64_t, uint64_t> badblocks;
  uint64_t nr_badblocks = 0;
  bool has_uuid = false;  // of its info block or label
};

// A device-dax, "dax0.0".
struct DaxChar {
  std::string name;
  Place place;
  Said<SizeRange> size;
  Said<uint64_t> align;
  uint64_t space_align = 0;                           // its namespace's
  std::string space;                                  // its namespace, if any
  Said<std::string> mode;                             // "devdax", "system-ram"
  std::vector<std::pair<uint64_t, uint64_t>> ranges;  // start, bytes
  Place ranges_place;
};

// A mapped device by its kernel's name, "dm-0": its minor is the number in it,
// its dm name is what an input says, or that of the device with this minor.
struct KernelDm {
  Place place;
  Said<DevT> dev;
  Said<SizeRange> size;
  Said<std::string> name, uuid;
  Said<bool> dax;
  std::map<std::string, Said<uint64_t>> queue;
};

// A device of the nvdimm bus in sysfs: "pfn0.1", "namespace0.0".
using NdAttributes = std::map<std::string, Fact<std::string>>;

struct MountFact {
  Place place;
  std::string source, path, type, options;
  std::optional<DevT> dev;  // of the source, where an input has it
  // The directory of the file system that is mounted: "/", or that of a bind
  // mount or of a subvolume; "": the input has none.
  std::string root;
};

// What an input saw on a device.
struct UseFact {
  std::string device;  // a path, or just a name: "/dev/dm-2", "vg-home"
  std::string type;    // as blkid(8) calls it: "ext4", "LVM2_member"
  std::string label;
  bool active = false;               // swap in use
  std::optional<uint32_t> priority;  // of that, if it was given one
  uint32_t block_size = 0;           // of ext2 and its heirs; 0: not said
};

// A loop device, and the file that has its bytes.
struct LoopFact {
  std::string device;  // "/dev/loop0"
  std::string file;    // "/srv/db/disk.img"
};

// Which of LVM2's physical volumes an input saw on a device.
struct PvFact {
  Place place;
  std::string device;  // as UseFact has it
  std::string uuid;
};

// What xfs_info says of a file system.
struct XfsFact {
  Place place;
  std::string source;  // "/dev/pmem0"
  bool reflink = false;
  uint32_t block_size = 0;
};

// memmap=SIZE!START of the kernel's command line.
struct MemmapRange {
  Place place;
  uint64_t start = 0, size = 0;
};

struct FileFact {
  Place place;
  std::string path;  // as the tool was given it
  ExtentList list;
};

// What a file's inode says beside its extents.
struct FlagFact {
  Place place;
  std::string path;
  bool dax = false;        // FS_XFLAG_DAX
  bool says_dax = true;    // it would be said if it had that
  bool never_dax = false;  // encrypted, with verity or inline data, journalled
  bool realtime = false;   // its data is on the realtime device of its xfs
  bool says_realtime = false;  // it would be said if it was
  bool immutable = false;      // FS_IMMUTABLE_FL
  bool append_only = false;    // FS_APPEND_FL
};

struct IomemRange {
  Place place;
  uint64_t start, end;  // end is the last byte
  std::string name;
  size_t depth;
};

// What a report says nothing of but that it is there.
struct BareVolume {
  Place place;
  std::string group, name;
};

struct Facts {
  std::map<std::string, Disk> disks;
  std::map<std::string, Mapped> mapped;
  std::map<std::string, Namespace> namespaces;
  std::map<std::string, DaxChar> dax;
  std::vector<MountFact> mounts;
  std::string boot_root;         // root= of the boot line
  std::vector<MountFact> fstab;  // what is to be mounted at the next boot
  std::vector<UseFact> uses;
  std::vector<PvFact> pvs;
  std::vector<std::string> swap_files;  // in use
  std::vector<LoopFact> loops;
  std::vector<FileFact> files;
  std::vector<FlagFact> flags;
  std::vector<IomemRange> iomem;
  std::vector<MemmapRange> memmap;  // by start
  std::vector<XfsFact> xfs;
  // What a device stands on that is no row of a table and no partition's disk,
  // both by paths: "/dev/md0" on "/dev/pmem0", "/dev/mapper/home" on
  // "/dev/dm-2".
  std::map<std::string, std::set<std::string>> below;
  // The same when all names are joined, by CanonicalDevice() on either side.
  std::map<std::string, std::set<std::string>> stands_on;
  std::vector<LvmGroup> groups;
  // By reports: their segments are in sectors, PVs are called by their device.
  std::vector<LvmGroup> reported;
  Said<std::string> kernel;   // "5.14.0-427.el9.x86_64"
  Said<std::string> machine;  // uname -m: "x86_64"
  Said<uint32_t> dm_major;
  // By kernel name, "dm-0".
  std::map<std::string, KernelDm> dm_devs;
  std::map<std::string, NdAttributes> nd;
  // Of a disk, its device of the nvdimm bus.
  std::map<std::string, std::string> nd_of_disk;
  // Whether some input lists the tables that are live.
  bool live_tables = false;
  size_t lvm_devices = 0;
  // Which device has a number: "/dev/pmem0", "/dev/mapper/home".
  std::map<DevT, std::string> by_dev;
  std::vector<std::string> notes;
  std::set<std::string, std::less<>> noted_once;  // of NoteOnce()
  // Those of what is left out, which come first.
  std::vector<std::string> left_out_notes;
  // What is not in the World although an input has it: who asks about the
  // machine must be told.  Names, and why.
  std::map<std::string, std::string> left_out;
  // What nobody says and was taken, with where the input has the thing.
  std::vector<std::pair<Place, proto::Guess>> guesses;
  // The names and texts of them.
  std::set<std::pair<std::string, std::string>> guessed;
  // Namespaces that an input calls disabled.
  std::map<std::string, Place> disabled;
  // Volumes of LVM's reports without the columns that their tables need.
  std::vector<BareVolume> bare_volumes;
  // Whether persistent memory is used as system memory: it is no device then.
  bool has_system_ram = false;
  // What reading one input alone has skipped, and will skip again: the errors
  // of single lines.  Null: such a line is an error of all of the input.
  std::set<std::string>* odd_lines = nullptr;
  bool skips_new_lines = false;

  Disk& DiskNamed(const std::string& name, const Place& place);
  KernelDm& KernelDmNamed(const std::string& kname, const Place& place);
  Mapped& MappedNamed(const std::string& name, const Place& place);
  // "<place>: <what>", or just <what> without a place.
  void Note(const Place& place, absl::string_view what);
  // As Note(), once for all that say the same.
  void NoteOnce(absl::string_view what);
  // Note() of what `name` is not in the World for.
  void LeaveOut(const Place& place, const std::string& name,
                absl::string_view why);
  // What an answer about a device or mount depends on and no input says.
  void Guess(const Place& place, proto::Guess guess);
  // Of a line that makes no sense: OK, and it is noted, where an input was not
  // chosen by anybody (ImportSource::kCollection), or the error.
  absl::Status SkipLine(absl::Status odd);

  // Remembers a value, or EINVAL if another was said.
  template <typename T>
  static absl::Status Say(Said<T>& slot, T value, const Place& place,
                          absl::string_view whose, absl::string_view what) {
    if (!slot) {
      slot = Fact<T>{std::move(value), place};
      return absl::OkStatus();
    }
    if (slot->value == value) return absl::OkStatus();
    return Contradiction(place, slot->place, whose, what, Text(value),
                         Text(slot->value));
  }
  // Sizes agree if one size can be meant by both.
  static absl::Status SaySize(Said<SizeRange>& slot, SizeRange value,
                              const Place& place, absl::string_view whose);
  // Rows of a table, which no other input may have given otherwise.
  absl::Status SayTable(Mapped& device, std::vector<DmTargetSpec> rows,
                        const Place& place);

 private:
  static absl::Status Contradiction(const Place& here, const Place& there,
                                    absl::string_view whose,
                                    absl::string_view what,
                                    const std::string& value,
                                    const std::string& other);
  static std::string Text(const std::string& s) { return Quoted(s); }
  static std::string Text(const DevT& dev) { return dev.ToString(); }
  static std::string Text(uint64_t n) { return absl::StrCat(n); }
  static std::string Text(uint32_t n) { return absl::StrCat(n); }
  static std::string Text(bool b) { return b ? "true" : "false"; }
};

}  // namespace dmdax

#endif  // DMDAX_IMPORT_FACTS_H_
