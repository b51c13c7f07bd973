// SPDX-License-Identifier: Apache-2.0
//
// CloneMetadata: which regions of a clone have been copied, on a metadata
// device.
//
// Mirrors: dm-clone-metadata.c of drivers/md (5.10 to 7.2).
// Threading: thread-compatible.
#ifndef DMDAX_DM_TARGETS_CLONE_CLONE_METADATA_H_
#define DMDAX_DM_TARGETS_CLONE_CLONE_METADATA_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "absl/status/statusor.h"
#include "dm/device_mapper.h"
#include "dm/targets/persistent/disk_array.h"
#include "dm/targets/persistent/transaction_manager.h"

namespace dmdax {

class CloneMetadata {
 public:
  // dm_clone_metadata_open().
  static absl::StatusOr<std::unique_ptr<CloneMetadata>> Open(
      const DmTarget& ti, const DmDev& dev, uint64_t region_size,
      uint64_t nr_regions);

  bool Hydrated(uint64_t region) const { return hydrated_[region]; }
  uint64_t nr_hydrated() const { return nr_hydrated_; }
  uint64_t nr_regions() const { return hydrated_.size(); }
  // The first region from `region` on that has not been copied, or
  // nr_regions().
  uint64_t NextUnhydrated(uint64_t region) const;
  void SetHydrated(uint64_t region);
  // dm_clone_changed_this_transaction().
  bool changed() const { return !dirty_words_.empty(); }
  // dm_clone_metadata_commit(): 0, or ENOSPC or EIO, which the log explains.
  [[nodiscard]] int Commit();
  // dm_clone_metadata_abort() and dm_clone_reload_in_core_bitset(): back to
  // what the device has.  False: it can not be read.
  [[nodiscard]] bool Abort(const DmTarget& ti);

  uint64_t used() const { return tm_->nr_used(); }
  uint64_t blocks() const { return tm_->nr_blocks(); }

 private:
  CloneMetadata(Machine& machine, const DmDev& dev, uint64_t region_size)
      : machine_(machine), dev_(dev), region_size_(region_size) {}
  int Format(uint64_t nr_regions);  // 0 or an errno
  bool Load(absl::string_view state);
  absl::Status Save();

  Machine& machine_;
  const DmDev dev_;
  const uint64_t region_size_;
  std::unique_ptr<TransactionManager> tm_;
  std::optional<DiskArray> bitset_;
  std::vector<bool> hydrated_;
  uint64_t nr_hydrated_ = 0;
  std::set<uint64_t> dirty_words_;
  std::string committed_;  // what was written last
};

}  // namespace dmdax

#endif  // DMDAX_DM_TARGETS_CLONE_CLONE_METADATA_H_
