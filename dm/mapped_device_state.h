// SPDX-License-Identifier: Apache-2.0
//
// What a snapshot keeps of mapped devices and their tables, as plain values.
//
//   MappedDeviceState kept = md.Save();
//   DmDeviceState d{.name = "home", .minor = 3, .md = kept};  // and d.table
//   absl::Status s = fresh_ctl.Restore({&d, 1}).status();  // as it was
//
// These are decisions that the kernel has made: a type, which legs had DAX when
// they were opened, limits.  A restored device keeps them, whatever a load
// would decide today.
//
// Mirrors nothing: a real machine does not come back from a snapshot.
// Threading: plain values.
#ifndef DMDAX_DM_MAPPED_DEVICE_STATE_H_
#define DMDAX_DM_MAPPED_DEVICE_STATE_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "dm/mapped_device.h"

namespace dmdax {

// A device that is open for a table.
struct TableDeviceState {
  DevT dev;
  unsigned mode = 0;  // FMODE_*
  bool dax = false;   // it had a DaxDevice when it was opened
};

struct MappedDeviceState {
  DmQueueMode type = DM_TYPE_NONE;
  bool has_queue = false;
  uint32_t event_nr = 0;
  bool disk_added = false;
  bool suspended = false;
  bool deferred_remove = false;
  bool read_only = false;
  HdGeometry geometry;
  std::optional<QueueLimits> limits;  // nothing: those of a new device
  std::optional<uint32_t> ra_pages;   // nothing: what the limits give
  unsigned queue_flags = 0;           // QUEUE_FLAG_*
  bool dax_synchronous = false;
  bool dax_write_cache = false;
  std::vector<std::pair<uint32_t, DmStats::Region>> stats;  // by number
  std::vector<TableDeviceState> table_devices;              // newest first
};

// The words belong to the caller; they are read only during the call.
struct DmRowState {
  absl::string_view type;
  sector_t start{};
  sector_t len{};
  absl::string_view params;
  // What TargetType::save_state made of the row, or null.
  const std::string* target_state = nullptr;
};

struct DmTableState {
  unsigned mode = 0;  // FMODE_*
  DmQueueMode type = DM_TYPE_NONE;
  // Newest first, which is not always the order of the rows.
  std::vector<TableDeviceState> devices;
  // A table may have a million rows, so each is asked for when its turn comes.
  size_t num_rows = 0;
  std::function<DmRowState(size_t row)> row;
};

struct DmDeviceState {
  std::string name;
  std::string uuid;
  uint32_t minor = 0;
  // HashCell::inserted, more than that of the device before; 0: the next.
  uint64_t inserted = 0;
  MappedDeviceState md;
  std::optional<DmTableState> table;
  std::optional<DmTableState> inactive_table;
};

}  // namespace dmdax

#endif  // DMDAX_DM_MAPPED_DEVICE_STATE_H_
