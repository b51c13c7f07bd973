// SPDX-License-Identifier: Apache-2.0
//
// What the files of the mirror target share.  Threading: the constructor's
// words do not change; the rest is guarded by `mu`.
#ifndef DMDAX_DM_TARGETS_MIRROR_DM_RAID1_H_
#define DMDAX_DM_TARGETS_MIRROR_DM_RAID1_H_

#include <cstdint>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "dm/device_mapper.h"
#include "dm/targets/background.h"
#include "dm/targets/mirror/dm_log.h"

namespace dmdax {

// enum dm_raid1_error, as bits.
inline constexpr unsigned DM_RAID1_WRITE_ERROR = 1u << 0;
inline constexpr unsigned DM_RAID1_FLUSH_ERROR = 1u << 1;
inline constexpr unsigned DM_RAID1_SYNC_ERROR = 1u << 2;
inline constexpr unsigned DM_RAID1_READ_ERROR = 1u << 3;

struct Mirror {
  const DmDev* dev;
  sector_t offset;
  uint32_t error_count = 0;
  unsigned error_type = 0;
};

struct MirrorSet : DmTargetPrivate {
  bool handle_errors = false;
  bool keep_log = false;

  // Legs and offsets do not change; their errors do.
  mutable absl::Mutex mu;
  DirtyLog log;
  std::vector<Mirror> mirror;
  size_t default_mirror = 0;
  bool in_sync = false;
  bool leg_failure = false;
  bool log_failure = false;
  BackgroundCopy recovery;
};

// ->map, ->io_failed and ->elapse.
BioMap MirrorMap(const DmTarget& ti, sector_t sector, ReqOp op);
AfterFailure MirrorIoFailed(const DmTarget& ti, const DmBio& bio,
                            const DmIoFailure& failure);
void MirrorElapse(DmTarget& ti, int64_t now);

}  // namespace dmdax

#endif  // DMDAX_DM_TARGETS_MIRROR_DM_RAID1_H_
