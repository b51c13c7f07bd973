// SPDX-License-Identifier: Apache-2.0
//
// A clone device, as the files of the clone target share it.
// Mirrors: struct clone of drivers/md/dm-clone-target.c (5.10 to 7.3).
#ifndef DMDAX_DM_TARGETS_CLONE_DM_CLONE_H_
#define DMDAX_DM_TARGETS_CLONE_DM_CLONE_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "dm/device_mapper.h"
#include "dm/targets/background.h"
#include "dm/targets/clone/clone_metadata.h"
#include "dm/targets/owned_mutex.h"

namespace dmdax {

// enum clone_metadata_mode, in its order: each may do less than the one before.
enum class CloneMode { kWrite, kReadOnly, kFail };

struct Clone : DmTargetPrivate {
  const DmDev* metadata_dev = nullptr;
  const DmDev* dest_dev = nullptr;
  const DmDev* source_dev = nullptr;
  uint32_t region_size = 0;  // sectors
  std::string ctr_args;      // from the region size on, as given
  mutable OwnedMutex mu;
  std::unique_ptr<CloneMetadata> cmd ABSL_GUARDED_BY(mu);
  mutable CloneMode mode ABSL_GUARDED_BY(mu) = CloneMode::kWrite;
  // Mutable: the first look at the limits may find that discards can not be
  // passed down.
  mutable bool discard_passdown = true;
  bool hydrating = true;
  uint32_t threshold = 1, batch_size = 1;
  // On the machine's clock; not saved.
  mutable int64_t last_commit ABSL_GUARDED_BY(mu) = 0;
  BackgroundCopy copy;
};

// The core argument `name`, or null.
uint32_t* CloneCoreArg(Clone& clone, absl::string_view name);

// --- dm_clone_mode.cc ---

void CloneSay(const DmTarget& ti, KernLevel level, absl::string_view text);
// hydration_complete(): the region lies on the destination from now on; false:
// it could not be copied, or nobody could note it.
bool CloneHydrate(const DmTarget& ti, const Clone& clone, uint64_t region)
    ABSL_EXCLUSIVE_LOCKS_REQUIRED(clone.mu);
// commit_metadata(), __metadata_operation_failed(): that the last region is
// there is an event, as is another mode.
void CloneCommit(const DmTarget& ti, const Clone& clone)
    ABSL_EXCLUSIVE_LOCKS_REQUIRED(clone.mu);

// --- dm_clone_status.cc: operations of the target ---

void CloneStatus(const DmTarget& ti, StatusType type, uint32_t status_flags,
                 std::string* out);
absl::StatusOr<std::string> CloneMessage(DmTarget& ti,
                                         absl::Span<const std::string> argv);
std::string CloneSaveState(const DmTarget& ti);
bool CloneRestoreState(DmTarget& ti, absl::string_view state);

}  // namespace dmdax

#endif  // DMDAX_DM_TARGETS_CLONE_DM_CLONE_H_
