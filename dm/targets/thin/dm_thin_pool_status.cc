// SPDX-License-Identifier: Apache-2.0
//
// thin-pool: its INFO and TABLE lines, and a pool as text for a snapshot.
//
// How many metadata blocks are in use is not known, so the status of the pool
// is "Error", which the kernel gives when it can not count them.
// Mirrors pool_status of drivers/md/dm-thin.c (6.1).
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
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
  flag(pf.read_only, "read_only");
  flag(pf.error_if_no_space, "error_if_no_space");
  absl::StrAppend(out, " ", count, " ", words);
}

bool RestoreDevice(absl::string_view text, Pool& pool)
    ABSL_EXCLUSIVE_LOCKS_REQUIRED(pool.mu) {
  const std::vector<absl::string_view> words = absl::StrSplit(text, ' ');
  uint64_t id;
  if (!absl::SimpleAtoi(words[0], &id)) return false;
  Mapping& mapping = pool.devices[id];
  for (size_t i = 1; i < words.size(); ++i) {
    const std::pair<absl::string_view, absl::string_view> pair =
        absl::StrSplit(words[i], absl::MaxSplits(':', 1));
    uint64_t from, to;
    if (!absl::SimpleAtoi(pair.first, &from) ||
        !absl::SimpleAtoi(pair.second, &to)) {
      return false;
    }
    mapping[from] = to;
  }
  return true;
}

}  // namespace

void PoolStatus(const DmTarget& ti, StatusType type, std::string* out) {
  if (type == STATUSTYPE_INFO) absl::StrAppend(out, "Error");
  if (type == STATUSTYPE_TABLE) PoolTableLine(ti.Private<PoolC>(), out);
}

// "<transaction> <next block> <data sectors> <passdown>", then for each
// device ";<id> block:block ...".
std::string PoolSaveState(const DmTarget& ti) {
  const PoolC& pt = ti.Private<PoolC>();
  Pool& pool = *pt.pool;
  absl::MutexLock lock(&pool.mu);
  std::string state =
      absl::StrCat(pool.transaction_id, " ", pool.next_block, " ",
                   pool.data_sectors, " ", pt.passdown ? 1 : 0);
  for (const auto& [id, mapping] : pool.devices) {
    absl::StrAppend(&state, ";", id);
    for (const auto& [from, to] : mapping) {
      absl::StrAppend(&state, " ", from, ":", to);
    }
  }
  return state;
}

bool PoolRestoreState(DmTarget& ti, absl::string_view state) {
  const PoolC& pt = ti.Private<PoolC>();
  Pool& pool = *pt.pool;
  absl::MutexLock lock(&pool.mu);
  const std::vector<absl::string_view> parts = absl::StrSplit(state, ';');
  const std::vector<absl::string_view> head = absl::StrSplit(parts[0], ' ');
  if (head.size() != 4) return false;
  pt.passdown = head[3] == "1";
  pool.devices.clear();
  for (size_t i = 1; i < parts.size(); ++i) {
    if (!RestoreDevice(parts[i], pool)) return false;
  }
  return absl::SimpleAtoi(head[0], &pool.transaction_id) &&
         absl::SimpleAtoi(head[1], &pool.next_block) &&
         absl::SimpleAtoi(head[2], &pool.data_sectors);
}

}  // namespace dmdax
