// SPDX-License-Identifier: Apache-2.0
//
// DmHash: all mapped devices, by name, uuid and minor.
//
// Mirrors: struct hash_cell and its two indexes in drivers/md/dm-ioctl.c, and
// the minor numbers of drivers/md/dm.c (6.1).
// Threading: none of its own; DmCtl holds its lock (the kernel's _hash_lock).
#ifndef DMDAX_DM_DM_HASH_H_
#define DMDAX_DM_DM_HASH_H_

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "block/machine.h"
#include "dm/mapped_device.h"

namespace dmdax {

// struct hash_cell: a device as the ioctls see it.
struct HashCell {
  std::string name;  // 1..127 bytes
  std::string uuid;  // 0..128 bytes; empty: none
  std::shared_ptr<MappedDevice> md;
  std::unique_ptr<DmTable> new_map;  // the inactive table
  uint64_t inserted = 0;             // grows with each insert and rename
};

class DmHash {
 public:
  static constexpr uint32_t kMaxMinors = 1u << 20;

  // `machine`, if given, knows which devices are not loaded.
  explicit DmHash(DmListOrder order, const Machine* machine = nullptr)
      : machine_(machine), order_(order) {}
  ~DmHash();

  // dm_hash_insert(): EBUSY when the name or the uuid is taken.
  absl::StatusOr<HashCell*> Insert(absl::string_view name,
                                   absl::string_view uuid,
                                   std::shared_ptr<MappedDevice> md);
  // All that is inserted or renamed from now on comes after `inserted`.
  void InsertAfter(uint64_t inserted) {
    inserts_ = std::max(inserts_, inserted);
  }
  // That of who was inserted or renamed last, or would have been.
  uint64_t last_inserted() const { return inserts_; }
  // Unlinks the cell and hands it over.
  std::unique_ptr<HashCell> Remove(HashCell* cell);

  HashCell* FindName(absl::string_view name) const;
  HashCell* FindUuid(absl::string_view uuid) const;
  HashCell* FindMinor(uint32_t minor) const;

  void ChangeName(HashCell* cell, absl::string_view name);
  void SetUuid(HashCell* cell, absl::string_view uuid);

  // The lowest free minor; ENXIO when there is none.
  absl::StatusOr<uint32_t> NextFreeMinor();
  // Says that no minor below this one is free.
  void NoFreeMinorBelow(uint32_t minor) {
    next_minor_ = std::max(next_minor_, minor);
  }

  // All cells in the order of DM_LIST_DEVICES.
  std::vector<HashCell*> List() const;
  // Those that are loaded (see AbsentObjects), in the order of List().
  std::vector<HashCell*> Loaded() const;
  size_t size() const { return by_name_.size(); }

 private:
  // Null: all are loaded.
  AbsentObjects* absent() const {
    return machine_ == nullptr ? nullptr : machine_->absent();
  }

  const Machine* const machine_;
  const DmListOrder order_;
  uint64_t inserts_ = 0;
  // In no order: what is listed is sorted.
  absl::flat_hash_map<std::string, std::unique_ptr<HashCell>> by_name_;
  absl::flat_hash_map<std::string, HashCell*> by_uuid_;
  absl::flat_hash_map<uint32_t, HashCell*> by_minor_;
  // No minor below this one is free.
  uint32_t next_minor_ = 0;
};

}  // namespace dmdax

#endif  // DMDAX_DM_DM_HASH_H_
