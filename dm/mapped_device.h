// SPDX-License-Identifier: Apache-2.0
//
// MappedDevice: one virtual disk of device-mapper, dm-<minor>.
//
// It holds at most one live table, which readers use without a lock while it
// is being replaced, and is itself a provider of DAX: its DirectAccess()
// finds the row, clips the request to what the row can answer, and lets the
// target translate.
//
//   live table   none until the first resume; swapped only while suspended
//   capacity     the live table's size; 0 before
//   type         fixed by the first load (see DmQueueMode)
//
// Suspend does not concern DAX: a suspended device with a live table answers as
// before, because the kernel does not gate dm_dax_direct_access().
//
// Mirrors: struct mapped_device, dm_suspend, dm_resume, dm_swap_table,
// dm_setup_md_queue, open_table_device, max_io_len, dm_dax_direct_access of
// drivers/md/dm.c (6.1).
// Threading: DirectAccess() and its kin from any thread at any time; the
// control functions are serialised by DmCtl.
#ifndef DMDAX_DM_MAPPED_DEVICE_H_
#define DMDAX_DM_MAPPED_DEVICE_H_

#include <algorithm>
#include <atomic>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "base/srcu.h"
#include "block/machine.h"
#include "dax/dax_users.h"
#include "dm/dm_table.h"
#include "dm/map/compiled_map.h"
#include "dm/stats.h"

namespace dmdax {

// struct hd_geometry, as setgeometry sets it.
struct HdGeometry {
  uint64_t cylinders = 0, heads = 0, sectors = 0, start = 0;
  friend bool operator==(const HdGeometry&, const HdGeometry&) = default;
};

struct MappedDeviceState;

class MappedDevice final : public DaxOperations,
                           public BlockDeviceOperations,
                           public DaxUser {
 public:
  // alloc_dev().  `machine` must outlive the device.
  MappedDevice(Machine& machine, DevT dev);
  ~MappedDevice() override;

  // The mapped device that a block device or a DaxDevice belongs to, or null.
  static MappedDevice* Of(const BlockDevice& bdev);
  static MappedDevice* Of(const DaxDevice& dax_dev);

  Machine& machine() const { return machine_; }
  DevT dev() const { return disk_.dev(); }
  // dm_device_name(): "254:0", which messages use.
  const std::string& name() const { return name_; }
  BlockDevice& disk() { return disk_; }
  const BlockDevice& disk() const { return disk_; }
  DaxDevice& dax_dev() override { return dax_dev_; }
  DmQueueMode type() const { return type_; }
  // Whether sysfs shows its queue: from the first table on whose limits fit.
  bool has_queue() const { return has_queue_; }
  DmStats& stats() { return stats_; }

  // The name that dmsetup knows, kept here for traces.
  std::string dm_name() const;
  void SetDmName(std::string name);

  // --- life cycle; all absl::Status carry the ioctl's errno ---

  // dm_setup_md_queue(): limits of the first table, and add_disk().  EINVAL.
  absl::Status SetupQueue(DmTable& table);
  // add_disk() at creation, on kernels that do so.
  void AddDisk();
  // dm_suspend(): EINVAL when suspended already.  kNoflush: I/O that waits
  // inside a target goes on waiting (DM_SUSPEND_NOFLUSH_FLAG).
  enum class SuspendHow : uint8_t { kFlush, kNoflush };
  absl::Status Suspend(SuspendHow how = SuspendHow::kFlush);
  // DMF_NOFLUSH_SUSPENDING, for a target's postsuspend.
  bool noflush_suspending() const { return noflush_suspending_; }
  // dm_swap_table(): makes `table` live and returns the old one (or null).
  // EINVAL when not suspended, or when the new limits do not fit; `table`
  // then stays with the caller.
  absl::StatusOr<std::unique_ptr<DmTable>> SwapTable(
      std::unique_ptr<DmTable>& table);
  // dm_resume(): EINVAL when not suspended or without a live table.
  absl::Status Resume();
  bool suspended() const { return suspended_.load(); }
  // dm_set_geometry(): EINVAL when start lies beyond C*H*S.
  absl::Status SetGeometry(const HdGeometry& geometry);
  const HdGeometry& geometry() const { return geometry_; }

  // The live table, for the holder of DmCtl's lock; null before any resume.
  DmTable* live_table() const { return map_.load(std::memory_order_acquire); }
  // md->immutable_target_type of the live table.
  const TargetType* immutable_target_type() const {
    return immutable_target_type_;
  }

  // dm_table_event() on the live table: event_nr goes up if there is one.
  void LiveTableEvent();
  uint32_t event_nr() const { return event_nr_.load(); }

  // --- opens ---
  absl::Status Open() override;  // ENXIO while it is being removed
  void Release() override;
  int open_count() const { return open_count_.load(); }
  // dm_lock_for_deletion(): EBUSY while open; with `mark_deferred` the device
  // is then marked for removal at its last close.
  absl::Status LockForDeletion(bool mark_deferred, bool only_deferred);
  bool deferred_remove() const { return deferred_remove_.load(); }
  // dm_cancel_deferred_remove(): EBUSY when it is being removed.
  absl::Status CancelDeferredRemove();
  // dm_destroy(): suspends the device, and then as Destroy().
  void Remove();
  // __dm_destroy(): kills the dax device and drops the table.  The object
  // stays until its last reference goes.
  void Destroy();
  // Destroy() of many, with one wait for the readers of all.
  static void DestroyAll(absl::Span<MappedDevice* const> devices);

  // --- devices below ---
  // The holder for which all mapped devices claim what they open.
  static const void* Holder();
  // dm_get_table_device(): one open per device and mode, counted.
  absl::StatusOr<DmDev*> GetTableDevice(DevT dev, unsigned mode);
  void PutTableDevice(DmDev* dm_dev);
  // Those that are open, newest first.
  std::vector<const DmDev*> TableDevices() const;

  // --- DAX ---
  DaxAccess DirectAccess(pgoff_t pgoff, int64_t nr_pages, DaxAccessMode mode,
                         Trace* trace) override;
  int ZeroPageRange(pgoff_t pgoff, uint64_t nr_pages, Trace* trace) override;
  size_t RecoveryWrite(pgoff_t pgoff, uint64_t offset,
                       absl::Span<const char> bytes) override;
  std::optional<bool> DaxSupported(uint64_t blocksize) override;
  void ForEachPiece(pgoff_t first, uint64_t pages, uint64_t unit,
                    DaxPieceFn fn) override;

  // DaxDirectAccess() of `nr_pages` (at least 1) at each of `pages`, in one
  // read section: pfns[i], or CompiledMap::kNoPfn, and lengths[i] (pages or
  // -errno) if `lengths` is not empty.  All have the same size.  For a map of
  // up to eight runs it costs what copying the numbers costs.
  //
  //   md.TranslateBatch(pages, absl::MakeSpan(pfns));
  void TranslateBatch(absl::Span<const pgoff_t> pages,
                      absl::Span<uint64_t> pfns,
                      absl::Span<int64_t> lengths = {}, int64_t nr_pages = 1,
                      SimdLevel simd = BestSimd());

  // Writes the extents of pages [*page, end) to `out`, in order and as many as
  // fit.  Each is what DaxDirectAccess() answers for as many pages as are left.
  // Returns how many (at least one if there is room and *page < end) and moves
  // *page behind the last, where the next call goes on.  Pages with an error
  // may come one by one or as one extent.  A call is one read section, so all
  // its extents are of one table.  From a million extents on it costs what
  // copying its result costs.
  size_t Extents(uint64_t* page, uint64_t end, absl::Span<DaxExtent> out);

  // Calls fn for each extent, outside the read section, until fn returns false:
  //
  //   md.ForEachExtent(pgoff_t{0}, pages, [&](pgoff_t page, DaxExtent e) {...
  template <typename Fn>
  void ForEachExtent(pgoff_t first, uint64_t pages, const Fn& fn) {
    DaxExtent block[kExtentsABlock];
    uint64_t page = first.value();
    uint64_t next = page;
    const uint64_t end = page + std::min(pages, ~uint64_t{0} - page);
    while (next < end) {
      const size_t n = Extents(&next, end, absl::MakeSpan(block));
      for (size_t i = 0; i < n; ++i) {
        if (!fn(pgoff_t(page), block[i])) return;
        page += block[i].pages;
      }
    }
  }

  // --- the compiled map of the live table (see dm/map/compiled_map.h) ---

  // Whether tables that go live from now on get a compiled map; they do unless
  // this turns it off.  Without maps every query walks the chain, against which
  // tests and benchmarks compare.
  static void UseCompiledMaps(bool on);

  // Null when there is none, and while something below is being changed.  The
  // caller holds a DaxStackChange.
  std::shared_ptr<const CompiledMap> compiled() const {
    return compiled_owner_;
  }
  void DropCompiled() override;
  void Compile() override;
  // Before many devices are destroyed one after the other: none of them is
  // compiled again because one below it goes.  Nobody may ask any more.
  static void LeaveStacks(absl::Span<MappedDevice* const> devices);

  // Calls ->map of the row that holds `sector`.  Past the end of the live
  // table, or without one, the answer is an error (EIO).  The device below
  // stays open as long as the table lives.
  BioMap MapBio(sector_t sector, ReqOp op) const;
  // dm_get_live_table(): a read section in which the live table stays.
  class LiveTable {
   public:
    explicit LiveTable(const MappedDevice& md)
        : lock_(md.io_barrier_),
          table_(md.map_.load(std::memory_order_acquire)) {}
    // Null: there is none.
    const DmTable* get() const { return table_; }

   private:
    const SrcuReadLock lock_;
    const DmTable* const table_;
  };

  // max_io_len(): sectors from `sector` on that one request may cover, and
  // what limits it.
  struct IoLen {
    uint64_t sectors;
    RunClip clip;
  };
  IoLen MaxIoLen(const DmTarget& ti, sector_t sector) const;

  // --- snapshots (see dm/mapped_device_state.h) ---

  MappedDeviceState Save() const;
  // Puts what Save() returned onto a new device; its tables and what they hold
  // open come later.  EINVAL.
  absl::Status Restore(const MappedDeviceState& state);
  // Opens `table_devices`.  The caller puts them when the tables have opened
  // theirs.
  absl::StatusOr<std::vector<DmDev*>> RestoreTableDevices(
      const MappedDeviceState& state);
  // Makes `table` live without asking: it was live when it was saved, even if
  // SwapTable() would refuse it today.
  void RestoreLiveTable(std::unique_ptr<DmTable> table);

 private:
  // What sysfs says of it, or what it has open, is another.
  void NoteChange() { machine_.changed().Device(dev()); }
  // Call it, and use the result, within a read section of io_barrier_.
  const CompiledMap* LiveMap() const {
    const DaxFastPath* const path = &dax_dev_.fast_path();
    return path == &kNoDaxFastPath ? nullptr
                                   : static_cast<const CompiledMap*>(path);
  }
  static constexpr size_t kExtentsABlock = 256;  // 4 KiB of stack

  // Translates with the compiled map; kAskOperations: the chain must answer.
  DaxAccess TranslateCompiled(pgoff_t pgoff, int64_t nr_pages);
  // This level's part of the chain, untraced and traced.
  DaxAccess WalkDown(pgoff_t pgoff, int64_t nr_pages, DaxAccessMode mode,
                     Trace* trace, size_t step);
  int ZeroBelow(pgoff_t pgoff, uint64_t nr_pages, Trace* trace);
  DaxAccess WalkDownTraced(pgoff_t pgoff, int64_t nr_pages, DaxAccessMode mode,
                           Trace* trace);

  struct TableDevice {
    DmDev dm_dev;
    int count;
  };

  Machine& machine_;
  const std::string name_;
  DaxDevice dax_dev_;
  BlockDevice disk_;
  DmQueueMode type_ = DM_TYPE_NONE;
  bool has_queue_ = false;
  bool disk_added_ = false;
  std::atomic<bool> suspended_{false};
  bool noflush_suspending_ = false;  // while Suspend() runs
  std::atomic<bool> deleting_{false};
  std::atomic<bool> deferred_remove_{false};
  std::atomic<int> open_count_{0};
  std::atomic<uint32_t> event_nr_{0};
  HdGeometry geometry_;
  DmStats stats_;
  std::list<TableDevice> table_devices_;
  // They are also found by number and mode, for there may be 30,000.
  using TableDeviceKey = std::pair<DevT, unsigned>;
  absl::flat_hash_map<TableDeviceKey, std::list<TableDevice>::iterator>
      table_device_by_key_;
  // Closed, but rows may point to them.
  std::list<TableDevice> closed_devices_;
  const TargetType* immutable_target_type_ = nullptr;

  // md->map, guarded for readers by io_barrier.
  std::atomic<DmTable*> map_{nullptr};
  // dax_dev_'s fast path, which readers use instead of map_, guarded likewise;
  // null: use map_.
  std::shared_ptr<const CompiledMap> compiled_owner_;
  mutable Srcu io_barrier_;

  mutable absl::Mutex name_mu_;
  std::string dm_name_ ABSL_GUARDED_BY(name_mu_);
};

}  // namespace dmdax

#endif  // DMDAX_DM_MAPPED_DEVICE_H_
