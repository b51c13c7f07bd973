// SPDX-License-Identifier: Apache-2.0
//
// What the files of the multipath target share: its paths, and what messages
// do to them.  Threading: the constructor's words do not change; what messages
// change is guarded by `mu`, since I/O is mapped meanwhile.
#ifndef DMDAX_DM_TARGETS_MPATH_DM_MPATH_H_
#define DMDAX_DM_TARGETS_MPATH_DM_MPATH_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "dm/device_mapper.h"

namespace dmdax {

// A path selector: how many words per path it takes, shows in the table, and
// reports in the status.
struct PathSelectorType {
  absl::string_view name;
  size_t path_args;
  unsigned table_args;
  unsigned info_args;
  // Whether a path that comes back is the next one, or the last.
  bool reinstates_first;
};

struct PgPath {
  const DmDev* dev;
  uint32_t repeat_count = 1;
  uint32_t relative_throughput = 1;
  bool is_active = true;
  uint32_t fail_count = 0;
};

struct PriorityGroup {
  const PathSelectorType* selector;
  std::vector<PgPath> paths;
  // valid_paths: those that are active, by number, in the order in which the
  // selector takes them.  What it takes goes to the end.
  std::vector<uint32_t> valid;
  bool bypassed = false;
};

struct Multipath : DmTargetPrivate {
  bool retain_attached_hw_handler = false;
  uint32_t pg_init_retries = 0;
  bool has_pg_init_delay = false;
  uint32_t pg_init_delay_msecs = 0;
  bool bio_based = false;
  bool shows_mq = false;   // queue_mode mq, where that is not rq
  std::string hw_handler;  // "": none

  mutable absl::Mutex mu;
  bool queue_if_no_path = false;
  // MPATHF_SAVED_QUEUE_IF_NO_PATH: it was, before the device was suspended.
  bool saved_queue_if_no_path = false;
  // From 1; 0, or above the number of groups: none is preferred.
  uint32_t next_pg = 0;
  uint32_t current_pg = 0;  // that I/O has chosen; 0: none
  bool queue_io = true;     // MPATHF_QUEUE_IO: none has been chosen
  std::vector<PriorityGroup> groups;
};

// A path by the numbers of its group and itself, both from 0.
struct PathNumber {
  uint32_t group;
  uint32_t path;
};

// fail_path() and reinstate_path(): logged, and an event, unless it is so.
void FailPath(const DmTarget& ti, Multipath& m, PathNumber at)
    ABSL_EXCLUSIVE_LOCKS_REQUIRED(m.mu);
void ReinstatePath(const DmTarget& ti, Multipath& m, PathNumber at)
    ABSL_EXCLUSIVE_LOCKS_REQUIRED(m.mu);

// ->map and ->io_failed.
BioMap MultipathMap(const DmTarget& ti, sector_t sector, ReqOp op);
AfterFailure MultipathIoFailed(const DmTarget& ti, const DmBio& bio,
                               const DmIoFailure& failure);

// ->status and ->message.
void MultipathStatus(const DmTarget& ti, StatusType type, uint32_t status_flags,
                     std::string* out);
absl::StatusOr<std::string> MultipathMessage(
    DmTarget& ti, absl::Span<const std::string> argv);

// What messages have changed, for a snapshot.
std::string MultipathSaveState(const DmTarget& ti);
std::vector<std::string> MultipathMessages(const DmTarget& ti);
bool MultipathRestoreState(DmTarget& ti, absl::string_view state);

}  // namespace dmdax

#endif  // DMDAX_DM_TARGETS_MPATH_DM_MPATH_H_
