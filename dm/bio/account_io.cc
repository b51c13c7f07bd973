// SPDX-License-Identifier: Apache-2.0
#include "dm/bio/account_io.h"

#include <algorithm>

#include "dm/dm_table.h"

namespace dmdax {

void AccountIo(const KernelProfile& profile, MappedDevice& md,
               const DmTable& table, ReqOp op, sector_t sector,
               uint64_t count) {
  DmStats& stats = md.stats();
  if (!stats.used()) return;
  const DmStatsSplit split = profile.dm_stats_split;
  while (count > 0) {
    uint64_t part = count;
    if (split != DmStatsSplit::kNever) {
      const DmTarget* ti = table.FindTarget(sector);
      if (ti == nullptr) return;
      part = std::min({part, ti->len.value() - ti->Offset(sector),
                       md.MaxIoLen(*ti, sector).sectors});
    }
    const uint64_t begins = split == DmStatsSplit::kAtTheEnd ? count : part;
    const bool follows =
        stats.AccountBegin(op, sector.value(), begins, profile.dm_stats_merged);
    stats.AccountDone({.op = op,
                       .sector = sector.value(),
                       .nr_sectors = part,
                       .follows = follows});
    sector += part;
    count -= part;
  }
}

}  // namespace dmdax
