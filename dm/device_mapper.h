// SPDX-License-Identifier: Apache-2.0
//
// device_mapper.h: the one header that the author of a dm target reads.
//
// A target is a table of functions, the kernel's struct target_type.  A null
// operation is one that the target does not have; the core tests for null
// exactly where the kernel does (without direct_access the table is not DAX).
// A new target is one new file dm/targets/dm_foo.cc and no edit elsewhere:
//
//   // dm_foo.cc: `foo <dev> <start>`
//   absl::Status FooCtr(DmTarget& ti, absl::Span<const std::string> argv) {
//     if (argv.size() != 2) return DmError("Invalid argument count");
//     return absl::OkStatus();
//   }
//   const TargetType kFooTarget = {
//       .name = "foo",
//       .versions = DmVersion(1, 0, 0),
//       .ctr = FooCtr,
//       .map = FooMap,
//       .example = {.length = 2048, .params = "/dev/pmem0 16"},
//   };
//   DM_REGISTER_TARGET(kFooTarget);
//
// Other folders read all that they know of a target from its TargetType; no
// file but its own contains its name.
//
// Mirrors: include/linux/device-mapper.h (6.1).
// Threading: ctr and message run under the device's locks; map, status,
// iterate_devices and direct_access may run in several threads at once on an
// immutable target.
#ifndef DMDAX_DM_DEVICE_MAPPER_H_
#define DMDAX_DM_DEVICE_MAPPER_H_

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "base/kernel_profile.h"
#include "base/units.h"
#include "block/block_device.h"
#include "block/machine.h"
#include "dax/dax_device.h"
#include "dm/bio/dm_bio.h"
#include "dm/target_versions.h"

namespace dmdax {

class DmTable;
struct TargetType;

// A row's handle on a device below.  The mapped device owns it; it is valid as
// long as the table that got it.
struct DmDev {
  BlockDevice* bdev = nullptr;
  DaxDevice* dax_dev = nullptr;  // null: that device has no DAX
  unsigned mode = 0;             // FMODE_*
  std::string name;              // "259:0", whatever path was given
};

// Base of what a target keeps per row (ti->private).
struct DmTargetPrivate {
  virtual ~DmTargetPrivate() = default;
};

// struct dm_target: one row of a table.
struct DmTarget {
  DmTable* table = nullptr;
  const TargetType* type = nullptr;
  sector_t begin{};         // first sector of the row, device-relative
  sector_t len{};           // sectors, at least 1
  uint32_t max_io_len = 0;  // sectors; 0: only the row's end limits
  unsigned num_flush_bios = 0;
  unsigned num_discard_bios = 0;
  unsigned num_secure_erase_bios = 0;
  unsigned num_write_zeroes_bios = 0;
  bool flush_supported = false;      // even if no device below needs it
  bool discards_supported = false;   // even if devices below can not
  bool needs_stable_writes = false;  // even if no device below does
  std::unique_ptr<DmTargetPrivate> private_data;
  // The words that made the row, kept for a target without a status op: a
  // snapshot has nothing else to recreate the row from.
  std::string ctr_params;

  template <typename T>
  T& Private() const {
    return static_cast<T&>(*private_data);
  }
  // dm_target_offset(): `sector` of the device, from the row's start.
  uint64_t Offset(sector_t sector) const { return sector - begin; }
};

// What a status request asks for (status_type_t).
enum StatusType { STATUSTYPE_INFO, STATUSTYPE_TABLE, STATUSTYPE_IMA };

// DM_STATUS_*_FLAG: how it is asked.
enum StatusFlag : uint32_t {
  // The numbers as they are, without a commit of the metadata before
  // (`dmsetup status --noflush`).
  DM_STATUS_NOFLUSH_FLAG = 1u << 0,
};

// DM_TARGET_*: features of a target type.
enum TargetFeature : uint64_t {
  DM_TARGET_SINGLETON = 0x1,
  DM_TARGET_ALWAYS_WRITEABLE = 0x2,
  DM_TARGET_IMMUTABLE = 0x4,
  DM_TARGET_WILDCARD = 0x8,
  DM_TARGET_INTEGRITY = 0x10,
  DM_TARGET_PASSES_INTEGRITY = 0x20,
  DM_TARGET_ZONED_HM = 0x40,
  DM_TARGET_NOWAIT = 0x80,
  DM_TARGET_PASSES_CRYPTO = 0x100,
  DM_TARGET_MIXED_ZONED_MODEL = 0x200,
};

// Called with one device under a target, of which it uses sectors [start, start
// + len).  A non-zero result stops the iteration and becomes its result.
using IterateDevicesFn =
    absl::FunctionRef<int(const DmDev& dev, sector_t start, sector_t len)>;

// A row as arithmetic, which a compiled map can take apart instead of asking
// direct_access page by page.  Sector s of the row (from its start) lies
//
//   no legs      nowhere: every page is EIO
//   chunk == 0   at legs[0].start + s
//   chunk > 0    in chunk s / chunk; chunks are dealt out to the legs in turn
struct DaxLayout {
  struct Leg {
    const DmDev* dev = nullptr;
    sector_t start{};  // on dev
  };
  std::vector<Leg> legs;
  uint64_t chunk = 0;  // sectors; then also the row's max_io_len
};

// A table of one row that loads, on a machine with
//
//   pmem0, pmem1   64 MiB of persistent memory
//   mem0, mem1     the same with bytes, all zero: for metadata
//   sda, sdb       disks of 64 MiB, with blocks of 512 and of 4096 bytes
//
// tests/dm_core/registry_test.cc loads it in every kernel that has the type.
struct TargetExample {
  // A mapped device that must be there first, as /dev/mapper/below.
  struct Below {
    absl::string_view type;
    absl::string_view params;
    absl::string_view message;  // that it is sent once it is live
  };

  uint64_t length = 0;  // sectors; 0: there is no example
  absl::string_view params;
  unsigned mode = FMODE_READ | FMODE_WRITE;  // of the table
  Below below;                               // without a type: none
  // For a type that can not be loaded on such a machine: what the load fails
  // with instead, once everything that can be checked has been.
  absl::string_view refusal;
  // Whether the kernel's own TABLE line is a table again.
  enum TableLine { kLoads, kIsRefused } table_line = kLoads;
};

// What the length of a row must be a multiple of, in sectors, and among how
// many devices it is divided.
struct RowUnit {
  uint64_t length = 1;
  uint64_t legs = 1;
};

// struct target_type.  Only name, versions, ctr, map and example are needed.
struct TargetType {
  absl::string_view name;
  TargetVersions versions;
  uint64_t features = 0;  // TargetFeature bits
  // Position in DM_LIST_VERSIONS, which lists the newest registered first: 0
  // for what is built into dm-mod, then the order of module loading.  Nothing:
  // the module is loaded when a table first asks for it, and is not listed.
  std::optional<int> registered;
  // Rows of this type know of rows in tables of other devices that are not
  // below them (the snapshots of one origin), so all must be loaded.
  bool knows_others = false;
  // Also (or, with map null, only) works on requests instead of bios.
  bool clone_and_map_rq = false;

  // Parses the words after the type name and fills `ti`.  On failure: the
  // status' errno is the load's errno, its message is ti->error, the words
  // the kernel logs; or DmNotModelled().  Numbers are parsed with
  // base/kstrtox.h, whichever of its families the kernel's constructor uses;
  // devices with DmGetDevice().
  absl::Status (*ctr)(DmTarget& ti, absl::Span<const std::string> argv);
  // For a type whose rows may be nothing but a range of one device.  Fills `ti`
  // as ctr does for the words "<dev> <start>"; the device is open already, and
  // nothing can fail.  dax_layout must then describe that range.  Tables of
  // millions of such rows are kept as columns (see dm/linear_targets.h).
  void (*ctr_range)(DmTarget& ti, const DmDev* dev, sector_t start) = nullptr;
  // Where a sector of the device (not of the row) goes, and with it the sectors
  // behind it, as far as one bio reaches (see max_io_len).
  BioMap (*map)(const DmTarget& ti, sector_t sector, ReqOp op) = nullptr;
  // Null, or the same of a bio whose length in sectors matters; `map` is then
  // asked by who has only a sector.
  BioMap (*map_bio)(const DmTarget& ti, sector_t sector, uint64_t sectors,
                    ReqOp op) = nullptr;
  // The target reads or writes below by itself: 0, or the errno.  Nothing: this
  // bio goes through ->map.
  std::optional<int> (*submit)(const DmTarget& ti, const DmBio& bio) = nullptr;
  // What goes down instead of the data of a write: bytes of the same length in
  // `out`, or the errno.
  int (*encode)(const DmTarget& ti, sector_t sector,
                absl::Span<const char> data, std::vector<char>* out) = nullptr;
  // A bio is done, without an error: what a read has found may be changed in
  // place.  0, or the errno with which the target ends it (and says why in the
  // log).
  int (*end_io)(const DmTarget& ti, const DmBio& bio) = nullptr;
  // A bio has failed below: the target counts it, and may try elsewhere.  Null:
  // the bio fails; one that went to several places, if all of them have.
  AfterFailure (*io_failed)(const DmTarget& ti, const DmBio& bio,
                            const DmIoFailure& failure) = nullptr;
  // ->map is all that the target does to a read or a write: whoever knows where
  // it leads may go there by himself.
  bool only_remaps = false;
  // A request, which may cover many sectors, passes: ->map is asked of each
  // sector, and this once of all, to count it.
  void (*account)(const DmTarget& ti, ReqOp op) = nullptr;
  // Appends the INFO, TABLE or IMA text; `status_flags` are of StatusFlag.
  void (*status)(const DmTarget& ti, StatusType type, uint32_t status_flags,
                 std::string* out) = nullptr;
  // `dmsetup message`: the reply, or the errno; log the words with DmLog().
  absl::StatusOr<std::string> (*message)(
      DmTarget& ti, absl::Span<const std::string> argv) = nullptr;
  // preresume is asked before the table is resumed: 0, or the errno that
  // forbids it (the target logs it).  When all rows have agreed, resume is
  // called.
  int (*preresume)(DmTarget& ti) = nullptr;
  void (*resume)(DmTarget& ti) = nullptr;
  // The device is suspended now, or is about to be removed.
  void (*postsuspend)(DmTarget& ti) = nullptr;
  // The row goes for good: its table is replaced, or the device removed.  Its
  // devices are still open.
  void (*dtor)(DmTarget& ti) = nullptr;
  // What kernel threads do in the background, up to `now` on the machine's
  // clock (Machine::NowSeconds()).  Called of live rows that are not suspended,
  // before each command.
  void (*elapse)(DmTarget& ti, int64_t now) = nullptr;
  // ->map counts, so that it is called once for each sector that moves.
  bool map_counts = false;
  // Calls fn for every device and the part of it that is used.
  int (*iterate_devices)(const DmTarget& ti, IterateDevicesFn fn) = nullptr;
  // Adjusts the stacked limits of the row.
  void (*io_hints)(const DmTarget& ti, QueueLimits& limits) = nullptr;
  // DAX.  `pgoff` is device-relative and `nr_pages` already clipped to what
  // the row can answer; translate and call the DaxDevice below.
  DaxAccess (*direct_access)(const DmTarget& ti, pgoff_t pgoff,
                             int64_t nr_pages, DaxAccessMode mode,
                             Trace* trace) = nullptr;
  // The kernel's name of that function, as traces show it, where it is not
  // "<name>_dax_direct_access".
  absl::string_view dax_function;
  // The name of its event in recordings, where that is not "<name>_da"; and
  // whether the event also shows the row.
  absl::string_view dax_event;
  bool dax_event_has_row = false;
  // Describes what direct_access does, for as long as the table lives.  Null,
  // or false: direct_access is asked every time, which costs the chain's walk.
  bool (*dax_layout)(const DmTarget& ti, DaxLayout* layout) = nullptr;
  int (*dax_zero_page_range)(const DmTarget& ti, pgoff_t pgoff,
                             uint64_t nr_pages, Trace* trace) = nullptr;
  size_t (*dax_recovery_write)(const DmTarget& ti, pgoff_t pgoff,
                               uint64_t offset,
                               absl::Span<const char> bytes) = nullptr;

  // The state that messages or I/O have changed and the words of the table do
  // not show: written as bytes for a snapshot, and read back; none are needed
  // for what a new row has.  False: the bytes make no sense.
  std::string (*save_state)(const DmTarget& ti) = nullptr;
  bool (*restore_state)(DmTarget& ti, absl::string_view state) = nullptr;
  // Messages that lead a new target with the same words here, as far as
  // messages can: what a World that people read says instead of those bytes.
  std::vector<std::string> (*messages)(const DmTarget& ti) = nullptr;

  // Overwrites, in the text that status made, what `dmsetup table` shows only
  // with --showkeys.
  void (*hide_secrets)(std::string& params) = nullptr;
  // What the length of a row with these words must be a multiple of; nothing:
  // they make no sense.  Null: any length will do.
  std::optional<RowUnit> (*row_unit)(absl::Span<const std::string> argv) =
      nullptr;
  TargetExample example;

  // {0,0,0}: that kernel has no such target.
  TargetVersion version(const KernelProfile& profile) const {
    return versions.At(profile.release);
  }
};

// DMEMIT_TARGET_NAME_VERSION, with which an IMA text begins:
// "target_name=linear,target_version=1.4.0".
std::string DmTargetNameVersion(const DmTarget& ti);

// A constructor's refusal: EINVAL with ti->error's words.
absl::Status DmError(absl::string_view error);

// A refusal that is ours, not the kernel's: what was asked for is beyond the
// model.  EOPNOTSUPP, which no table load of dm answers by itself, and "not
// modelled: <what> (needs <needed>)", which is not logged: commands print it
// as their own words.
//
//   return DmNotModelled("raid sets", "md and its superblocks");
absl::Status DmNotModelled(absl::string_view what, absl::string_view needed);
bool IsNotModelled(const absl::Status& status);

// dm_get_device(): opens the device that `path` names ("259:0" or a path) for
// the table of `ti`, once per table; the table closes it.
//   EOVERFLOW  major:minor out of range      ENODEV  no such path (<= 6.5)
//   ENXIO      no such device                ENOENT, ENOTBLK ... (>= 6.6)
//   EBUSY      held by somebody else         EINVAL  the device itself
absl::StatusOr<const DmDev*> DmGetDevice(DmTarget& ti, absl::string_view path);

// The same, for a constructor that reports one text for any failure: the
// status has dm_get_device's errno and `error` as its message.
absl::StatusOr<const DmDev*> DmGetDevice(DmTarget& ti, absl::string_view path,
                                         absl::string_view error);

// The same with a mode (FMODE_*) other than the table's.
absl::StatusOr<const DmDev*> DmGetDevice(DmTarget& ti, absl::string_view path,
                                         unsigned mode,
                                         absl::string_view error);

// dm_put_device(): gives back what DmGetDevice() gave outside a constructor
// (a table closes what its constructors opened).
void DmPutDevice(DmTarget& ti, const DmDev* dev);

// dm_table_event(): something happened that a waiter (`dmsetup wait`) wants to
// know.  Without effect while the table is not live.
void DmTableEvent(const DmTarget& ti);

// dm_set_target_max_io_len(): EINVAL "Maximum size of target IO is too large"
// above 2^32-1 (logged too).
absl::Status DmSetTargetMaxIoLen(DmTarget& ti, uint64_t len);

// The machine, and the kernel, that the target runs in.
Machine& MachineOf(const DmTarget& ti);
const KernelProfile& ProfileOf(const DmTarget& ti);

// "device-mapper: <prefix>: <text>" into the kernel log, as DMERR and its
// siblings write it; prefix is the file's DM_MSG_PREFIX.
void DmLog(Machine& machine, KernLevel level, absl::string_view prefix,
           absl::string_view text);

// Asks the device below for `sector`, which the target has computed, and
// records the target's step in the trace.
DaxAccess DmDaxForward(const DmTarget& ti, const DmDev& dev, sector_t sector,
                       pgoff_t pgoff, int64_t nr_pages, DaxAccessMode mode,
                       Trace* trace);

// The same for a target that answers every direct_access with -err.
DaxAccess DmDaxRefuse(const DmTarget& ti, int err, pgoff_t pgoff,
                      int64_t nr_pages, DaxAccessMode mode, Trace* trace);

// The pgoff on dev's DaxDevice for sector `sector` of dev; false (-EINVAL)
// where the profile refuses one that is not on a page boundary.
bool DmDaxPgoff(const KernelProfile& profile, const DmDev& dev, sector_t sector,
                pgoff_t* pgoff);

// dm_register_target().
//   EEXIST  "linear: target already registered": some kernel would have two
//           types of that name
//   EINVAL  it has no example, or no version
absl::Status DmRegisterTarget(const TargetType& type);

// Calls DmRegisterTarget() for all that DM_REGISTER_TARGET named.  Whoever
// first asks for a type or makes a DmCtl calls this; later calls do nothing.
// If a target is refused, the program says so and ends.
void RegisterLinkedTargets();

// What DM_REGISTER_TARGET makes; it exists for its constructor only.
class TargetRegistrar {
 public:
  explicit TargetRegistrar(const TargetType& type);
};

#define DM_REGISTER_TARGET(type) \
  const ::dmdax::TargetRegistrar type##Registrar(type)

// dm_get_target_type(): null when the kernel of `profile` has none.
const TargetType* FindTargetType(absl::string_view name,
                                 const KernelProfile& profile);

// The target types that are loaded at boot, in the order of DM_LIST_VERSIONS.
std::vector<const TargetType*> TargetTypes(const KernelProfile& profile);

// All that a table may name, by name.
std::vector<const TargetType*> KnownTargetTypes(const KernelProfile& profile);

}  // namespace dmdax

#endif  // DMDAX_DM_DEVICE_MAPPER_H_
