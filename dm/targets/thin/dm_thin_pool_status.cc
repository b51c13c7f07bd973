// SPDX-License-Identifier: Apache-2.0
//
// thin-pool: its INFO and TABLE lines, and what is kept of a row as text.  The
// pool itself is on the metadata device.
// Mirrors pool_status of drivers/md/dm-thin.c (6.1).
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "dm/mapped_device.h"
#include "dm/targets/thin/dm_thin_pool.h"

namespace dmdax {
namespace {

void PoolTableLine(const PoolC& pt, std::string* out) {
  const PoolFeatures& pf = pt.requested;
  absl::StrAppend(out, pt.metadata_dev->name, " ", pt.data_dev->name, " ",
                  pt.pool->sectors_per_block, " ", pt.low_water_blocks);
  std::string words;
  int count = 0;
  auto flag = [&](bool on, absl::string_view name) {
    if (!on) return;
    ++count;
    absl::StrAppend(&words, name, " ");
  };
  flag(!pf.zero_new_blocks, "skip_block_zeroing");
  flag(!pf.discard_enabled, "ignore_discard");
  flag(!pf.discard_passdown, "no_discard_passdown");
  flag(pf.mode == PoolMode::kReadOnly, "read_only");
  flag(pf.error_if_no_space, "error_if_no_space");
  absl::StrAppend(out, " ", count, " ", words);
}

void PoolInfoLine(const DmTarget& ti, uint32_t status_flags, std::string* out) {
  const PoolC& pt = ti.Private<PoolC>();
  Pool& pool = *pt.pool;
  OwnedLock lock(&pool.mu);
  if (pool.pf.mode == PoolMode::kFail) {
    absl::StrAppend(out, "Fail");
    return;
  }
  // So that the numbers are those of now.
  if ((status_flags & DM_STATUS_NOFLUSH_FLAG) == 0 &&
      !pool.pool_md->suspended()) {
    CommitPool(pool);
  }
  if (pool.pf.mode == PoolMode::kFail) {
    DmLog(MachineOf(ti), KernLevel::kErr, "thin",
          absl::StrCat(pool.pool_md->name(),
                       ": dm_pool_get_metadata_transaction_id returned ",
                       -EINVAL));
    absl::StrAppend(out, "Error");
    return;
  }
  const PoolMetadata& pmd = *pool.pmd;
  absl::StrAppend(out, pmd.transaction_id(), " ", pmd.metadata_used(), "/",
                  pmd.metadata_blocks(), " ");
  absl::StrAppend(out, pmd.data_used(), "/", pmd.data_blocks(), " ");
  if (pmd.held_root() != 0) {
    absl::StrAppend(out, pmd.held_root(), " ");
  } else {
    absl::StrAppend(out, "- ");
  }
  constexpr const char* kModes[] = {"rw ", "out_of_data_space ", "ro ", ""};
  absl::StrAppend(out, kModes[static_cast<int>(pool.pf.mode)]);
  if (!pool.pf.discard_enabled) {
    absl::StrAppend(out, "ignore_discard ");
  } else {
    absl::StrAppend(out, pool.pf.discard_passdown ? "" : "no_",
                    "discard_passdown ");
  }
  absl::StrAppend(out, pool.pf.error_if_no_space ? "error" : "queue",
                  "_if_no_space ", pmd.needs_check() ? "needs_check " : "- ",
                  MetadataThreshold(pt), " ");
}

}  // namespace

void PoolStatus(const DmTarget& ti, StatusType type, uint32_t status_flags,
                std::string* out) {
  if (type == STATUSTYPE_INFO) PoolInfoLine(ti, status_flags, out);
  if (type == STATUSTYPE_TABLE) PoolTableLine(ti.Private<PoolC>(), out);
}

// "<bound> <passdown> <mode> <error> <triggered> <needs check>"; the last is
// not in states that were saved before.
std::string PoolSaveState(const DmTarget& ti) {
  const PoolC& pt = ti.Private<PoolC>();
  Pool& pool = *pt.pool;
  OwnedLock lock(&pool.mu);
  const bool bound = pool.ti == &ti;
  if (bound) CommitPool(pool);
  return absl::StrCat(bound ? 1 : 0, " ", pt.adjusted.discard_passdown ? 1 : 0,
                      " ", static_cast<int>(pool.pf.mode), " ",
                      pool.pf.error_if_no_space ? 1 : 0, " ",
                      pool.low_water_triggered ? 1 : 0, " ",
                      pool.pmd->needs_check() ? 1 : 0);
}

std::vector<std::string> PoolMessages(const DmTarget& ti) {
  Pool& pool = *ti.Private<PoolC>().pool;
  OwnedLock lock(&pool.mu);
  std::vector<std::string> messages;
  for (const uint64_t id : pool.pmd->Ids()) {
    messages.push_back(absl::StrCat("create_thin ", id));
  }
  if (const uint64_t id = pool.pmd->transaction_id(); id != 0) {
    messages.push_back(absl::StrCat("set_transaction_id 0 ", id));
  }
  if (pool.pmd->held_root() != 0) messages.push_back("reserve_metadata_snap");
  return messages;
}

bool PoolRestoreState(DmTarget& ti, absl::string_view state) {
  const std::vector<absl::string_view> words = absl::StrSplit(state, ' ');
  int mode;
  if (words.size() < 5 || words.size() > 6 ||
      !absl::SimpleAtoi(words[2], &mode) || mode < 0 ||
      mode > static_cast<int>(PoolMode::kFail)) {
    return false;
  }
  PoolC& pt = ti.Private<PoolC>();
  Pool& pool = *pt.pool;
  OwnedLock lock(&pool.mu);
  pt.adjusted.discard_passdown = words[1] == "1";
  if (words[0] != "1") return true;
  pt.adjusted.mode = static_cast<PoolMode>(mode);
  pt.ti = pool.ti = &ti;
  pool.pf = pt.adjusted;
  pool.pf.error_if_no_space = words[3] == "1";
  pool.low_water_blocks = pt.low_water_blocks;
  pool.low_water_triggered = words[4] == "1";
  if (words.size() == 6 && words[5] == "1") pool.pmd->SetNeedsCheck();
  return true;
}

}  // namespace dmdax
