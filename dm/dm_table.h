// SPDX-License-Identifier: Apache-2.0
//
// DmTable: the rows of a mapped device.
//
// Built row by row with every check of the kernel, in its order, then
// completed; from then on immutable, so that readers take no lock:
//
//   DmTable table(md, FMODE_READ | FMODE_WRITE);
//   table.AddTarget("linear", sector_t{0}, sector_t{2048}, "/dev/pmem0 0");
//   table.Complete();
//   const DmTarget* ti = table.FindTarget(sector_t{8});
//
// A refusal is a status with the load's errno; the words that the kernel logs
// go to the machine's log, as "device-mapper: table: 254:0: linear: ...".
//
// Mirrors: struct dm_table, dm_table_create, dm_table_add_target,
// dm_table_complete, dm_table_find_target of drivers/md/dm-table.c (6.1).
// Threading: building is single-threaded; a completed table is read-only,
// but for its event callback.
#ifndef DMDAX_DM_DM_TABLE_H_
#define DMDAX_DM_DM_TABLE_H_

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "absl/types/span.h"
#include "dm/device_mapper.h"
#include "dm/linear_rows.h"
#include "dm/linear_targets.h"

namespace dmdax {

class MappedDevice;
struct DmTableState;

// enum dm_queue_mode; the numbers appear in messages.
enum DmQueueMode : unsigned {
  DM_TYPE_NONE = 0,
  DM_TYPE_BIO_BASED = 1,
  DM_TYPE_REQUEST_BASED = 2,
  DM_TYPE_DAX_BIO_BASED = 3,
};

// Why a table is not DAX: the target, and its leg, at which the kernel's check
// stops.  An empty reason: the table is DAX.
struct DaxVerdict {
  std::string reason;  // "target 1 (striped): leg 259:5 has no dax_device"
  int target = -1;     // index of the target, or -1
  std::string device;  // "259:5", when a leg is to blame

  bool dax() const { return reason.empty(); }
};

class DmTable {
 public:
  // DM_MAX_TARGETS: more rows are EOVERFLOW.
  static constexpr uint64_t kMaxTargets = 1048576;

  DmTable(MappedDevice& md, unsigned mode) : md_(md), mode_(mode) {}
  // Closes the devices.
  ~DmTable();
  DmTable(const DmTable&) = delete;
  DmTable& operator=(const DmTable&) = delete;

  // dm_table_add_target(): EINVAL and the logged reason, or what the
  // target's constructor says.
  absl::Status AddTarget(absl::string_view type, sector_t start, sector_t len,
                         absl::string_view params);
  // Has the outcome of AddTarget() for every row, at once: see
  // dm_table_columns.cc.  `bad_row` (or null) learns which row was refused;
  // nothing, if none was.
  absl::Status AddLinearRows(std::shared_ptr<const LinearRows> rows,
                             std::optional<size_t>* bad_row);
  // dm_table_complete(): determines the type.  Call once, after the rows.
  absl::Status Complete();
  // Set by Complete(): the device has another integrity profile than the
  // table.  The kernel's load then returns 1, which is no errno.
  bool integrity_conflict() const { return integrity_conflict_; }

  MappedDevice& md() const { return md_; }
  // FMODE_READ, and FMODE_WRITE unless loaded read-only.
  unsigned mode() const { return mode_; }
  DmQueueMode type() const { return type_; }
  // dm_table_set_type(): what a constructor decides, before Complete().
  void PresetType(DmQueueMode type) { type_ = type; }
  // A table that was complete before (see dm/mapped_device_state.h).  A row
  // whose constructor refuses becomes one of `error`, and `lost` has a line of
  // it.  EINVAL: a type that is not known, or a state that no target has.
  static absl::StatusOr<std::unique_ptr<DmTable>> Restore(
      MappedDevice& md, const DmTableState& state,
      std::vector<std::string>* lost);
  // True while Restore() runs: constructors then do not check the state of
  // other devices.
  bool restoring() const { return restoring_; }
  size_t num_targets() const {
    return columns_ == nullptr ? targets_.size() : columns_->size();
  }
  // If the table came as columns, the first call makes the rows.
  absl::Span<const DmTarget> targets() const {
    return columns_ == nullptr ? absl::MakeConstSpan(targets_)
                               : columns_->All();
  }
  absl::Span<DmTarget> mutable_targets() {
    return columns_ == nullptr ? absl::MakeSpan(targets_) : columns_->All();
  }
  // The columns that the table came as, or null.
  const LinearTargets* columns() const { return columns_.get(); }
  // dm_table_get_size(): one past the last sector.
  uint64_t size() const { return size_; }

  // The target that holds `sector`, or null past the end.
  const DmTarget* FindTarget(sector_t sector) const;

  // The table's devices, newest first: the order of DM_TABLE_DEPS.
  struct TableDev {
    DmDev* dm_dev;
    int count;
  };
  const std::list<TableDev>& devices() const { return devices_; }
  // Tells waiters of the device, if this is its live table.
  void Event() const;
  // Used by DmGetDevice().
  absl::StatusOr<const DmDev*> GetDevice(DevT dev, unsigned mode);
  // A constructor that never puts the device, a fault of the kernel's: the
  // table says so when it is destroyed.
  void LeakDevice(const DmDev* dev) { leaked_.push_back(dev); }
  // Used by DmPutDevice().
  void PutDevice(const DmDev* dev);

  // dm_table_resume_targets(): preresume of all rows, which may refuse (the
  // row's errno, logged), then resume of all.
  absl::Status ResumeTargets();
  // dm_table_postsuspend_targets().
  void PostsuspendTargets();
  // TargetType::dtor of all rows.
  void DestroyTargets();
  // Whether a row does something in the background, and lets it be done.
  bool HasBackground() const;
  void Elapse(int64_t now);

  // dm_table_supports_dax(), with the reason.
  DaxVerdict SupportsDax(uint64_t blocksize = kPageSize) const;
  // Whether all legs are synchronous, given that the table is DAX.
  bool DaxSynchronous() const;
  // dm_table_has_no_data_devices().
  bool HasNoDataDevices() const;
  // dm_table_get_immutable_target_type(); null when there is none.
  const TargetType* immutable_target_type() const {
    return immutable_target_type_;
  }
  bool HasWildcardTarget() const;

  // dm_calculate_queue_limits(): stacks the limits of all devices and checks
  // that each used area exists and is aligned.  EINVAL, reason logged.
  absl::StatusOr<QueueLimits> CalculateQueueLimits() const;
  // dm_table_set_restrictions(): puts limits and flags on the md's queue.
  // `keeps_features`: the limits are those the queue has had, and with them
  // come its flags, on kernels where flags are part of the limits.
  void SetRestrictions(const QueueLimits& limits, bool keeps_features = false);

 private:
  // The last sector that a byte offset in a loff_t can reach: LLONG_MAX >> 9.
  static constexpr uint64_t kMaxEnd = (uint64_t{1} << 54) - 1;

  absl::Status TakeColumns(const LinearRows& rows,
                           std::vector<LinearTargets::Use>* uses,
                           size_t* taken);
  // Turns the columns into ordinary rows.
  void SpreadColumns();
  std::optional<QueueLimits> LimitsOfColumns() const;
  // Number of the row that targets_[i] is.
  size_t RowOf(size_t i) const;
  absl::Status CheckType(const TargetType& type) const;
  absl::Status ConstructTarget(DmTarget& ti, absl::string_view params);
  absl::Status DetermineType();
  absl::Status VerifyRequestBased();
  bool DevicesStackRequests() const;
  absl::Status CheckBlockAlignment(const QueueLimits& limits) const;
  absl::Status CheckAreas(const DmTarget& ti, const QueueLimits& limits) const;
  void StackDevices(const DmTarget& ti, QueueLimits& limits) const;
  bool AnyDevice(absl::FunctionRef<bool(const DmDev&)> test) const;
  bool NeedsStableWrites() const;
  // The disk whose integrity profile is that of all, or null.
  const BlockDevice* IntegrityDisk() const;
  bool EveryTargetHasAny(uint64_t features) const;
  bool RegisterIntegrity();
  void VerifyIntegrity(RequestQueue& queue) const;
  void SetQueueFlags(RequestQueue& queue) const;
  void StackFeatures(RequestQueue& queue, bool keeps) const;
  bool SupportsFlush(QueueFlag flag) const;
  bool SupportsDiscards() const;
  // Logs "device-mapper: table: <maj:min>: <text>".
  void Log(KernLevel level, absl::string_view text) const;
  absl::Status Refuse(absl::string_view text) const;

  MappedDevice& md_;
  const unsigned mode_;
  DmQueueMode type_ = DM_TYPE_NONE;
  bool singleton_ = false;
  bool restoring_ = false;
  bool integrity_supported_ = false;  // all devices have the same profile
  bool integrity_conflict_ = false;
  const TargetType* immutable_target_type_ = nullptr;
  // All rows.  If the table came as columns: only the first row on each device,
  // which stands for the others in all that does not depend on where a row
  // lies.
  std::vector<DmTarget> targets_;
  std::vector<uint64_t> highs_;  // last sector of each of targets_
  uint64_t size_ = 0;
  std::unique_ptr<LinearTargets> columns_;
  std::list<TableDev> devices_;
  std::vector<const DmDev*> leaked_;
  // A stripe may have 30,000 devices, so they are also found by number.
  absl::flat_hash_map<DevT, std::list<TableDev>::iterator> device_by_number_;
};

}  // namespace dmdax

#endif  // DMDAX_DM_DM_TABLE_H_
