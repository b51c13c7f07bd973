// SPDX-License-Identifier: Apache-2.0
//
// cache: what becomes of one whose metadata can not be written.
// Mirrors: metadata_operation_failed, set_cache_mode of
// drivers/md/dm-cache-target.c (6.1 to 7.3).
#include "absl/strings/str_cat.h"
#include "dm/dm_table.h"
#include "dm/mapped_device.h"
#include "dm/targets/cache/dm_cache.h"

namespace dmdax {

void CacheSay(const DmTarget& ti, absl::string_view text, KernLevel level) {
  DmLog(MachineOf(ti), level, "cache",
        absl::StrCat(ti.table->md().name(), ": ", text));
}

void CacheMetadataOperationFailed(const DmTarget& ti,
                                  absl::string_view operation, int err) {
  const bool fail_io = ti.Private<Cache>().cmd->fail_io();
  CacheSay(ti, absl::StrCat("metadata operation '", operation,
                            "' failed: error = ", -err));
  CacheSay(ti, "aborting current metadata transaction");
  DmTableEvent(ti);
  if (!fail_io) {
    CacheSay(ti, "switching cache to read-only mode", KernLevel::kInfo);
    return;
  }
  CacheSay(ti, "failed to abort metadata transaction");
  CacheSay(ti, kCacheUnreadableFlag);
  CacheSay(ti, "switching cache to fail mode", KernLevel::kInfo);
  CacheSay(ti, "failed to set 'needs_check' flag in metadata");
  CacheSay(ti, kCacheUnreadableFlag);
  CacheSay(ti, kCacheUnreadableFlag);
}

}  // namespace dmdax
