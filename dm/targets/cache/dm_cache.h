// SPDX-License-Identifier: Apache-2.0
//
// What the files of the cache target share.
//
// Mirrors: struct cache of drivers/md/dm-cache-target.c (6.1).
// Threading: as TargetType's operations; the metadata have a lock.
#ifndef DMDAX_DM_TARGETS_CACHE_DM_CACHE_H_
#define DMDAX_DM_TARGETS_CACHE_DM_CACHE_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "dm/device_mapper.h"
#include "dm/targets/cache/cache_metadata.h"

namespace dmdax {

// struct dm_cache_policy: what is settable, and what the status says of it.
struct CachePolicy {
  absl::string_view name;  // as the status has it
  bool has_hints;
  // mq, whose settings no longer have any effect.
  bool mimics_mq;
};

struct Cache : DmTargetPrivate {
  const DmDev* metadata_dev = nullptr;
  const DmDev* cache_dev = nullptr;
  const DmDev* origin_dev = nullptr;
  uint64_t sectors_per_block = 0;
  std::string io_mode = "writeback";
  bool metadata2 = false;
  // Mutable: the first look at the limits may find that discards can not be
  // passed down.
  mutable bool discard_passdown = true;
  const CachePolicy* policy = nullptr;
  uint64_t migration_threshold = 2048;
  uint64_t cache_blocks = 0;
  std::string ctr_args;  // from the block size on, as given
  std::shared_ptr<CacheMetadata> cmd;
  // Reads and writes that went past the cache.
  std::atomic<uint32_t> read_misses{0}, write_misses{0};
};

// The policy called `name`, or null.
const CachePolicy* FindCachePolicy(absl::string_view name);
// set_config_value(): EINVAL "bad config value ...".
absl::Status SetCacheConfig(const DmTarget& ti, Cache& cache,
                            const std::string& key, const std::string& value);

void CacheSay(const DmTarget& ti, absl::string_view text,
              KernLevel level = KernLevel::kErr);
inline constexpr absl::string_view kCacheUnreadableFlag =
    "unable to read needs_check flag, setting failure mode.";
// metadata_operation_failed(), once the metadata have given up.
void CacheMetadataOperationFailed(const DmTarget& ti,
                                  absl::string_view operation, int err);

absl::StatusOr<std::string> CacheMessage(DmTarget& ti,
                                         absl::Span<const std::string> argv);
void CacheStatus(const DmTarget& ti, StatusType type, uint32_t status_flags,
                 std::string* out);

}  // namespace dmdax

#endif  // DMDAX_DM_TARGETS_CACHE_DM_CACHE_H_
