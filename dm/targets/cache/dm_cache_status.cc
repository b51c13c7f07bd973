// SPDX-License-Identifier: Apache-2.0
//
// cache: its INFO, TABLE and IMA lines.
// Mirrors cache_status of drivers/md/dm-cache-target.c (6.1).
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "dm/dm_table.h"
#include "dm/mapped_device.h"
#include "dm/targets/cache/dm_cache.h"

namespace dmdax {
namespace {

void CacheInfo(const DmTarget& ti, const Cache& cache, uint32_t status_flags,
               std::string* out) {
  // So that the numbers are those of now; one that needs a check is not
  // written.
  if (cache.cmd->fail_io()) {
    absl::StrAppend(out, "Fail");
    return;
  }
  if ((status_flags & DM_STATUS_NOFLUSH_FLAG) == 0 &&
      !ti.table->md().suspended() && !cache.cmd->needs_check()) {
    if (const int err = cache.cmd->Commit(ti)) {
      CacheMetadataOperationFailed(ti, "dm_cache_commit", err);
    }
  }
  if (cache.cmd->fail_io()) {
    CacheSay(ti,
             absl::StrCat("dm_cache_get_free_metadata_block_count returned ",
                          -EINVAL));
    absl::StrAppend(out, "Error");
    return;
  }
  const bool read_only = cache.cmd->needs_check();
  absl::StrAppend(out, kPageSectors, " ", cache.cmd->used(), "/",
                  cache.cmd->blocks(), " ", cache.sectors_per_block);
  absl::StrAppend(out, " 0/", cache.cache_blocks, " 0 ",
                  cache.read_misses.load(), " 0 ", cache.write_misses.load(),
                  " 0 0 0 ");
  absl::StrAppend(
      out, 1 + (cache.metadata2 ? 1 : 0) + (cache.discard_passdown ? 0 : 1),
      cache.metadata2 ? " metadata2 " : " ", cache.io_mode,
      cache.discard_passdown ? " " : " no_discard_passdown ");
  absl::StrAppend(out, "2 migration_threshold ", cache.migration_threshold, " ",
                  cache.policy->name);
  absl::StrAppend(out,
                  cache.policy->mimics_mq
                      ? " 10 random_threshold 0 sequential_threshold 0 "
                        "discard_promote_adjustment 0 "
                        "read_promote_adjustment 0 write_promote_adjustment 0"
                      : " 0",
                  read_only ? " ro needs_check " : " rw - ");
}

void CacheIma(const DmTarget& ti, const Cache& cache, std::string* out) {
  auto mode = [&](absl::string_view name) {
    return cache.io_mode == name ? "y" : "n";
  };
  absl::StrAppend(out, DmTargetNameVersion(ti), ",metadata_mode=",
                  cache.cmd->fail_io()       ? "fail"
                  : cache.cmd->needs_check() ? "ro"
                                             : "rw");
  absl::StrAppend(out, ",cache_metadata_device=", cache.metadata_dev->name,
                  ",cache_device=", cache.cache_dev->name,
                  ",cache_origin_device=", cache.origin_dev->name);
  absl::StrAppend(out, ",writethrough=", mode("writethrough"),
                  ",writeback=", mode("writeback"),
                  ",passthrough=", mode("passthrough"));
  absl::StrAppend(out, ",metadata2=", cache.metadata2 ? "y" : "n",
                  ",no_discard_passdown=", cache.discard_passdown ? "n" : "y",
                  ";");
}

}  // namespace

void CacheStatus(const DmTarget& ti, StatusType type, uint32_t status_flags,
                 std::string* out) {
  const Cache& cache = ti.Private<Cache>();
  switch (type) {
    case STATUSTYPE_INFO:
      return CacheInfo(ti, cache, status_flags, out);
    case STATUSTYPE_TABLE:
      absl::StrAppend(out, cache.metadata_dev->name, " ", cache.cache_dev->name,
                      " ", cache.origin_dev->name, " ", cache.ctr_args);
      return;
    case STATUSTYPE_IMA:
      return CacheIma(ti, cache, out);
  }
}

}  // namespace dmdax
