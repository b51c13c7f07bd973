// SPDX-License-Identifier: Apache-2.0
//
// writecache: its INFO and TABLE lines, and the state behind them as text.
// Mirrors writecache_status of drivers/md/dm-writecache.c (5.10 to 7.3).
#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "dm/targets/writecache/dm_writecache.h"

namespace dmdax {
namespace {

// A word of what is cached, or waits to be free.
// Before there were commits, "<block>:<block of the cache>" was all.
bool RestoreEntry(absl::string_view word, WriteCache& wc)
    ABSL_EXCLUSIVE_LOCKS_REQUIRED(wc.mu) {
  const std::vector<absl::string_view> parts = absl::StrSplit(word, ':');
  uint64_t block;
  if (!absl::SimpleAtoi(parts[0], &block)) return false;
  if (parts.size() == 1) {
    if (block >= wc.n_blocks) return false;
    wc.stale.insert(block);
    wc.used.insert(block);
    return true;
  }
  WriteCache::Entry e;
  if (parts.size() == 2) {
    e = {.slot = 0, .seq = 0, .born = wc.next_born, .since = 0};
    if (!absl::SimpleAtoi(parts[1], &e.slot) || e.slot >= wc.n_blocks) {
      return false;
    }
    wc.cached[block] = e;
    wc.used.insert(e.slot);
    ++wc.next_born;
    return true;
  }
  if (parts.size() != 5 || !absl::SimpleAtoi(parts[1], &e.slot) ||
      !absl::SimpleAtoi(parts[2], &e.seq) ||
      !absl::SimpleAtoi(parts[3], &e.born) ||
      !absl::SimpleAtoi(parts[4], &e.since) || e.slot >= wc.n_blocks) {
    return false;
  }
  wc.cached[block] = e;
  wc.used.insert(e.slot);
  wc.next_born = std::max(wc.next_born, e.born + 1);
  return true;
}

}  // namespace

void WriteCacheStatus(const DmTarget& ti, StatusType type,
                      uint32_t /*status_flags*/, std::string* out) {
  const WriteCache& wc = ti.Private<WriteCache>();
  if (type == STATUSTYPE_INFO) {
    // No error, blocks, free ones, none in writeback; then the counters.
    OwnedLock lock(&wc.mu);
    absl::StrAppend(out, "0 ", wc.n_blocks, " ", FreeBlocks(wc), " 0");
    if (ProfileOf(ti).writecache_has_counters) {
      for (uint64_t stat : wc.stats) absl::StrAppend(out, " ", stat);
    }
  } else if (type == STATUSTYPE_TABLE) {
    absl::StrAppend(out, wc.pmem_mode ? "p " : "s ", wc.dev->name, " ",
                    wc.ssd_dev->name, " ", wc.block_size);
    absl::StrAppend(out, " ", wc.options.size());
    for (const std::string& word : wc.options) absl::StrAppend(out, " ", word);
  }
}

// "v2 <cleaner> <flush on suspend> <next free> <commits> <uncommitted blocks>
// <timer>", the counters, "<block>:<block of the
// cache>:<commit>:<order>:<time>" for each that is cached, and "<block of the
// cache>" for each that waits to be free.
std::string WriteCacheSaveState(const DmTarget& ti) {
  const WriteCache& wc = ti.Private<WriteCache>();
  OwnedLock lock(&wc.mu);
  std::string state =
      absl::StrCat("v2 ", wc.cleaner ? 1 : 0, " ", wc.flush_on_suspend ? 1 : 0,
                   " ", wc.next_free, " ", wc.seq_count, " ");
  absl::StrAppend(&state, wc.uncommitted_blocks, " ", wc.autocommit_since);
  for (uint64_t stat : wc.stats) absl::StrAppend(&state, " ", stat);
  for (const auto& [block, e] : wc.cached) {
    absl::StrAppend(&state, " ", block, ":", e.slot, ":", e.seq, ":", e.born);
    absl::StrAppend(&state, ":", e.since);
  }
  for (const uint64_t slot : wc.stale) absl::StrAppend(&state, " ", slot);
  return state;
}

bool WriteCacheRestoreState(DmTarget& ti, absl::string_view state) {
  std::vector<absl::string_view> words = absl::StrSplit(state, ' ');
  if (words[0] != "v2" && words.size() >= 3) {
    // The words that there were before.
    words.insert(words.begin() + 3, {"0", "0", "-1"});
  } else {
    words.erase(words.begin());
  }
  constexpr size_t kHead = 6;
  if (words.size() < kHead + WriteCache::kStats) return false;
  WriteCache& wc = ti.Private<WriteCache>();
  OwnedLock lock(&wc.mu);
  wc.cleaner = words[0] == "1";
  wc.flush_on_suspend = words[1] == "1";
  if (!absl::SimpleAtoi(words[2], &wc.next_free) ||
      !absl::SimpleAtoi(words[3], &wc.seq_count) ||
      !absl::SimpleAtoi(words[4], &wc.uncommitted_blocks) ||
      !absl::SimpleAtoi(words[5], &wc.autocommit_since) ||
      wc.next_free > wc.n_blocks) {
    return false;
  }
  for (size_t i = 0; i < WriteCache::kStats; ++i) {
    if (!absl::SimpleAtoi(words[kHead + i], &wc.stats[i])) return false;
  }
  wc.cached.clear();
  wc.used.clear();
  wc.stale.clear();
  for (size_t i = kHead + WriteCache::kStats; i < words.size(); ++i) {
    if (!RestoreEntry(words[i], wc)) return false;
  }
  if (wc.used.contains(wc.next_free % wc.n_blocks)) {
    wc.next_free = NextFree(wc, wc.next_free);
  }
  if (wc.cleaner) wc.high_watermark = wc.low_watermark = wc.n_blocks;
  // Two entries may not have one block of the cache.
  return wc.used.size() == wc.cached.size() + wc.stale.size();
}

}  // namespace dmdax
