// SPDX-License-Identifier: Apache-2.0
//
// DmCtl: the commands of /dev/mapper/control, the only door to the devices.
//
// Each function is one ioctl with its payload typed: it takes the header as the
// caller filled it, checks in the kernel's order, and fills the header as the
// kernel's reply does.  A failure is a status with the errno; the kernel's
// words for it are in the machine's log, and the header is left as it came.
//
//   DmCtl ctl(machine);
//   DmIoctl create{.name = "d0"};              // a reply fills its header:
//   DmIoctl load = create, resume = create;    // one for each command
//   ctl.DevCreate(create);
//   ctl.TableLoad(load, {{sector_t{0}, 2048, "linear", "/dev/pmem0 0"}});
//   ctl.DevSuspend(resume);                    // no DM_SUSPEND_FLAG: resume
//   ctl.FindDevice("d0")->dax_dev();           // translate here
//
// Mirrors: drivers/md/dm-ioctl.c (6.1), struct dm_ioctl of
// include/uapi/linux/dm-ioctl.h.
// Threading: thread-safe; commands are serialised.
#ifndef DMDAX_DM_DM_IOCTL_H_
#define DMDAX_DM_DM_IOCTL_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "dm/dm_hash.h"
#include "dm/mapped_device_state.h"

namespace dmdax {

// DM_*_FLAG of the ioctl header.
enum DmFlag : uint32_t {
  DM_READONLY_FLAG = 1u << 0,
  DM_SUSPEND_FLAG = 1u << 1,
  DM_PERSISTENT_DEV_FLAG = 1u << 3,
  DM_STATUS_TABLE_FLAG = 1u << 4,
  DM_ACTIVE_PRESENT_FLAG = 1u << 5,
  DM_INACTIVE_PRESENT_FLAG = 1u << 6,
  DM_BUFFER_FULL_FLAG = 1u << 8,
  DM_SKIP_LOCKFS_FLAG = 1u << 10,
  DM_NOFLUSH_FLAG = 1u << 11,
  DM_QUERY_INACTIVE_TABLE_FLAG = 1u << 12,
  DM_UEVENT_GENERATED_FLAG = 1u << 13,
  DM_UUID_FLAG = 1u << 14,
  DM_SECURE_DATA_FLAG = 1u << 15,
  DM_DATA_OUT_FLAG = 1u << 16,
  DM_DEFERRED_REMOVE = 1u << 17,
  DM_INTERNAL_SUSPEND_FLAG = 1u << 18,
  DM_IMA_MEASUREMENT_FLAG = 1u << 19,
};

// struct dm_ioctl without its layout.  `dev` is the huge encoding, 0: none.
struct DmIoctl {
  uint32_t target_count = 0;
  int32_t open_count = 0;
  uint32_t flags = 0;
  uint32_t event_nr = 0;
  uint64_t dev = 0;
  std::string name;  // at most 127 bytes
  std::string uuid;  // at most 128 bytes
  // False: a call that succeeds leaves the request as it was.
  bool copied_back = true;
};

// struct dm_target_spec and its parameters: a row as loaded or reported.
struct DmTargetSpec {
  sector_t sector_start{};
  uint64_t length = 0;
  std::string target_type;
  std::string params;
};

// The rows as the ioctl takes them.
std::vector<DmTargetSpec> SpecsOf(const LinearRows& rows);

// struct dm_name_list.
struct DmNameEntry {
  uint64_t dev = 0;
  std::string name;
  uint32_t event_nr = 0;
  std::string uuid;
};

// When the kernel writes no reply, libdevmapper reads the request's own struct
// dm_target_msg as one; this is what it reads, as a string.
std::string UntouchedReply(sector_t sector, absl::string_view message);

class DmCtl {
 public:
  static constexpr size_t kNameLen = 127;
  static constexpr size_t kUuidLen = 128;
  // The major of mapped devices, as the oracle's guests have it; on a real
  // machine the kernel picks one at boot.
  static constexpr uint32_t kDefaultMajor = 254;

  explicit DmCtl(Machine& machine, uint32_t dm_major = kDefaultMajor);
  ~DmCtl();

  Machine& machine() const { return machine_; }
  uint32_t major() const { return major_; }

  // DM_DEV_CREATE.  EINVAL: no name, or one with '/'; ENXIO: the minor asked
  // for (DM_PERSISTENT_DEV_FLAG) is taken or >= 2^20; EBUSY: name or uuid.
  absl::Status DevCreate(DmIoctl& param);
  // DM_DEV_REMOVE.  ENXIO; EBUSY while open (not with DM_DEFERRED_REMOVE).
  absl::Status DevRemove(DmIoctl& param);
  // DM_REMOVE_ALL: removes devices that are not open until none is left that
  // can go.
  absl::Status RemoveAll(DmIoctl& param);
  // DM_DEV_RENAME to a new name, or with DM_UUID_FLAG a first uuid.
  absl::Status DevRename(DmIoctl& param, absl::string_view new_name);
  // DM_DEV_SUSPEND: suspends with DM_SUSPEND_FLAG, else resumes, which makes
  // an inactive table live.
  absl::Status DevSuspend(DmIoctl& param);
  // DM_DEV_STATUS.
  absl::Status DevStatus(DmIoctl& param);
  // DM_DEV_WAIT without the waiting: OK if event_nr differs from the one given,
  // higher or lower; EAGAIN while the kernel would block.
  absl::Status DevWait(DmIoctl& param);
  // DM_DEV_SET_GEOMETRY with its string "cylinders heads sectors start".
  absl::Status DevSetGeometry(DmIoctl& param, absl::string_view geometry);
  // DM_LIST_DEVICES.
  absl::Status ListDevices(DmIoctl& param, std::vector<DmNameEntry>* entries);

  // DM_TABLE_LOAD into the inactive slot; DM_READONLY_FLAG: a read-only
  // table.  EINVAL, ENXIO, EBUSY ... as the rows' constructors say.
  // `bad_row` (or null) learns which row was refused; nothing, if none was.
  absl::Status TableLoad(DmIoctl& param, absl::Span<const DmTargetSpec> specs,
                         std::optional<size_t>* bad_row = nullptr);
  // The same with the rows fetched one by one, as populate_table() walks the
  // ioctl's payload: `next(i)` is called only once row i-1 has been accepted,
  // and its failure is the load's (the caller has logged it).
  using NextSpecFn = absl::FunctionRef<absl::StatusOr<DmTargetSpec>(size_t i)>;
  absl::Status TableLoad(DmIoctl& param, uint32_t target_count, NextSpecFn next,
                         std::optional<size_t>* bad_row = nullptr);
  // The same with the rows as columns: what SpecsOf(*rows) would do, faster.
  absl::Status TableLoad(DmIoctl& param, std::shared_ptr<const LinearRows> rows,
                         std::optional<size_t>* bad_row = nullptr);
  // DM_TABLE_CLEAR: drops the inactive table, if any.
  absl::Status TableClear(DmIoctl& param);
  // DM_TABLE_DEPS: devices of the table in the kernel's order; `has_table`
  // false: there is none.
  absl::Status TableDeps(DmIoctl& param, std::vector<DevT>* deps,
                         bool* has_table);
  // DM_TABLE_STATUS: INFO, or TABLE with DM_STATUS_TABLE_FLAG, or IMA.
  absl::Status TableStatus(DmIoctl& param, std::vector<DmTargetSpec>* rows);
  // DM_TARGET_MSG; with a reply, DM_DATA_OUT_FLAG is set.  An empty reply
  // counts as a reply: the kernel has written nothing, and the caller finds its
  // own request in the buffer (UntouchedReply()).
  absl::Status TargetMsg(DmIoctl& param, sector_t sector,
                         absl::string_view message, std::string* reply);

  // The device called `name`, or null.  It stays usable (dead) after its
  // removal for as long as the pointer is held.
  std::shared_ptr<MappedDevice> FindDevice(absl::string_view name) const;
  std::shared_ptr<MappedDevice> FindMinor(uint32_t minor) const;

  // Lets the targets do what they do in the background, up to now on the
  // machine's clock.  Every command that tells of a device does so first; for
  // whoever has moved the clock.
  //
  //   machine.AdvanceClock(2);
  //   ctl.LetTimePass();
  void LetTimePass() {
    absl::MutexLock lock(&mu_);
    Elapse();
  }

  // Completes deferred removals.  Whoever closes a device calls this, where the
  // kernel has a work queue.
  void DoDeferredRemove();

  // dm_global_event_nr.
  uint64_t global_event_nr() const { return global_event_nr_.load(); }

  // --- snapshots (see dm/mapped_device_state.h) ---

  // Calls fn for each device, in the order in which they got their names.  `fn`
  // must not run commands.
  void ForEachDevice(absl::FunctionRef<void(const HashCell& cell)> fn) const;
  // Calls it for the device of that minor, if there is one.
  void ForDevice(uint32_t minor,
                 absl::FunctionRef<void(const HashCell& cell)> fn) const;
  // Makes devices exactly as they were, in the order of ForEachDevice().  The
  // disks below them must be there already; they may stand on each other.
  // Errors name the device.  EINVAL: a value that no device can have; EBUSY: a
  // name or uuid comes twice; or the errno of an open.  What it returns is a
  // line of each row that could not be made again, and fails from now on: its
  // constructor found other bytes on a disk than it had left there.
  absl::StatusOr<std::vector<std::string>> Restore(
      absl::Span<const DmDeviceState> devices);
  void RestoreGlobalEventNr(uint64_t nr) { global_event_nr_.store(nr); }
  // Says that no minor below `minor` is free, and that devices which are named
  // from now on come after those with an order of `inserted`.  Where not all
  // devices are loaded, one cannot see that.
  void RestoreOrder(uint32_t minor, uint64_t inserted);
  // A minor below which none is free.
  uint32_t NoFreeMinorBelow();
  // Devices that are named from now on come after those with this order.
  uint64_t LastInserted() const;
  // The minors of devices with rows that may be others though no command has
  // named the device: what they save is changed by I/O, by time or by what is
  // told another device.
  std::set<uint32_t> Restless() const;

 private:
  HashCell* FindCell(const DmIoctl& param) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // FindCell, or ENXIO.
  absl::StatusOr<HashCell*> GetCell(const DmIoctl& param) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // The same for a command that may change it, whatever its answer.
  absl::StatusOr<HashCell*> CellToChange(const DmIoctl& param)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Fills the reply of a command that has succeeded: FillIdentity() and
  // FillStatus().
  void Answer(const HashCell& cell, DmIoctl& param) const;
  // name, uuid and DM_INACTIVE_PRESENT_FLAG alone.
  static void FillIdentity(const HashCell& cell, DmIoctl& param);
  void FillStatus(const HashCell& cell, DmIoctl& param) const;
  absl::Status CheckName(absl::string_view name) const;
  bool HasDisk(const MappedDevice& md) const;
  absl::Status CheckRename(const DmIoctl& param, absl::string_view value) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status DoResume(DmIoctl& param) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status DoSuspend(DmIoctl& param) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Adds the rows to an empty table.
  using AddRowsFn = absl::FunctionRef<absl::Status(DmTable& table)>;
  absl::Status LoadRows(DmIoctl& param, size_t target_count, AddRowsFn add);
  absl::Status PopulateTable(DmTable& table, size_t target_count, AddRowsFn add)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status CheckLoad(MappedDevice& md, DmTable& table)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status MessageForTarget(HashCell& cell, sector_t sector,
                                absl::Span<const std::string> argv,
                                std::string* reply)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status StatsMessage(MappedDevice& md,
                            absl::Span<const std::string> argv,
                            std::string* reply)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  const DmTable* QueriedTable(const HashCell& cell, const DmIoctl& param) const;
  void RemoveCell(HashCell* cell) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Removes those of `minors` that LockForDeletion() lets go, then in turn the
  // devices that they had open.
  void RemoveClosed(std::vector<uint32_t> minors, bool mark_deferred,
                    bool only_deferred) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // LetTimePass(); and to be called when a device has got a live table.
  void Elapse() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void NoteBackground(const MappedDevice& md)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // To be called when it has got a table, live or inactive.
  void NoteRestless(const MappedDevice& md, const DmTable& table)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // To be called when a device's deferred_remove() may have changed.
  void NoteDeferred(const MappedDevice& md) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status RestoreDevice(const DmDeviceState& state)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status RestoreTables(const DmDeviceState& state,
                             std::vector<std::string>* lost)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status Fail(int err, absl::string_view text) const;
  void GlobalEvent() { global_event_nr_.fetch_add(1); }
  // event_callback(): each event of a device also counts as a global event.
  void DeviceEvents(const MappedDevice& md, uint32_t event_nr_before) {
    global_event_nr_.fetch_add(md.event_nr() - event_nr_before);
  }

  Machine& machine_;
  const uint32_t major_;
  mutable absl::Mutex mu_;
  DmHash hash_ ABSL_GUARDED_BY(mu_);
  // The minors of the devices that are removed at their last close.  Every
  // command checks whether one can go now; a search among all devices, which
  // may be 100,000, would cost too much.
  std::set<uint32_t> deferred_ ABSL_GUARDED_BY(mu_);
  // Likewise those whose targets do something in the background.
  std::set<uint32_t> background_ ABSL_GUARDED_BY(mu_);
  // Those that have, or had, a table with rows of that kind.
  std::set<uint32_t> restless_ ABSL_GUARDED_BY(mu_);
  std::atomic<uint64_t> global_event_nr_{0};
};

}  // namespace dmdax

#endif  // DMDAX_DM_DM_IOCTL_H_
