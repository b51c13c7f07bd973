// SPDX-License-Identifier: Apache-2.0
//
// multipath: which path a request takes, and what becomes of one that fails.
// Mirrors choose_pgpath, fail_path, reinstate_path and multipath_end_io_bio of
// drivers/md/dm-mpath.c, dm-ps-*.c (5.10 to 7.3).
#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "dm/dm_table.h"
#include "dm/mapped_device.h"
#include "dm/targets/mpath/dm_mpath.h"

namespace dmdax {
namespace {

// ->select_path of the selectors, of which no request is ever under way: the
// first; service-time takes the first of those with most throughput.
std::optional<uint32_t> SelectPath(PriorityGroup& pg) {
  if (pg.valid.empty()) return std::nullopt;
  auto best = pg.valid.begin();
  for (auto it = best + 1; it != pg.valid.end(); ++it) {
    if (pg.paths[*it].relative_throughput >
        pg.paths[*best].relative_throughput) {
      best = it;
    }
  }
  std::rotate(best, best + 1, pg.valid.end());
  return pg.valid.back();
}

bool AnyValidPath(const Multipath& m) {
  return std::any_of(m.groups.begin(), m.groups.end(),
                     [](const PriorityGroup& pg) { return !pg.valid.empty(); });
}

// choose_pgpath(): the group that was asked for, then the one that I/O is going
// to, then those that are not bypassed, then the others.  It is remembered.
std::optional<PathNumber> ChoosePath(Multipath& m) {
  m.queue_io = false;
  if (!AnyValidPath(m)) {
    m.current_pg = 0;
    return std::nullopt;
  }
  std::vector<uint32_t> order;
  if (m.next_pg <= m.groups.size()) {
    order.push_back(std::exchange(m.next_pg, 0));
  }
  order.push_back(m.current_pg);
  for (bool bypassed : {false, true}) {
    for (uint32_t i = 0; i < m.groups.size(); ++i) {
      if (m.groups[i].bypassed == bypassed) order.push_back(i + 1);
    }
  }
  for (const uint32_t number : order) {
    if (number == 0) continue;
    if (const auto path = SelectPath(m.groups[number - 1])) {
      m.current_pg = number;
      return PathNumber{number - 1, *path};
    }
  }
  return std::nullopt;
}

// BioMap::choice.
constexpr unsigned kPathBits = 16;

// blk_path_error(): not those that another path would not help.
bool IsPathError(int err) {
  return err != EOPNOTSUPP && err != ENOSPC && err != EREMOTEIO &&
         err != EBADE && err != ENODATA && err != EILSEQ;
}

void LogPath(const DmTarget& ti, absl::string_view what, const PgPath& path) {
  DmLog(MachineOf(ti), KernLevel::kWarn, "multipath",
        absl::StrCat(ti.table->md().name(), ": ", what, " path ",
                     path.dev->name, "."));
}

}  // namespace

void FailPath(const DmTarget& ti, Multipath& m, PathNumber at) {
  PriorityGroup& pg = m.groups[at.group];
  PgPath& path = pg.paths[at.path];
  if (!path.is_active) return;
  LogPath(ti, "Failing", path);
  path.is_active = false;
  ++path.fail_count;
  std::erase(pg.valid, at.path);
  DmTableEvent(ti);
}

void ReinstatePath(const DmTarget& ti, Multipath& m, PathNumber at) {
  PriorityGroup& pg = m.groups[at.group];
  PgPath& path = pg.paths[at.path];
  if (path.is_active) return;
  LogPath(ti, "Reinstating", path);
  path.is_active = true;
  pg.valid.insert(
      pg.selector->reinstates_first ? pg.valid.begin() : pg.valid.end(),
      at.path);
  DmTableEvent(ti);
}

BioMap MultipathMap(const DmTarget& ti, sector_t sector, ReqOp) {
  Multipath& m = ti.Private<Multipath>();
  absl::MutexLock lock(&m.mu);
  const std::optional<PathNumber> at = ChoosePath(m);
  if (!at) return {.kind = BioMap::Kind::kError, .err = EIO};
  return {.kind = BioMap::Kind::kRemapped,
          .dev = m.groups[at->group].paths[at->path].dev,
          .sector = sector,
          .choice = at->group << kPathBits | at->path};
}

// multipath_end_io_bio().
AfterFailure MultipathIoFailed(const DmTarget& ti, const DmBio&,
                               const DmIoFailure& failure) {
  if (!IsPathError(failure.err)) return AfterFailure::kFails;
  Multipath& m = ti.Private<Multipath>();
  absl::MutexLock lock(&m.mu);
  const uint32_t choice = failure.map.choice;
  FailPath(ti, m, {choice >> kPathBits, choice & ((1u << kPathBits) - 1)});
  return AnyValidPath(m) ? AfterFailure::kMapsAgain : AfterFailure::kFails;
}

}  // namespace dmdax
