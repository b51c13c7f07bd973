// SPDX-License-Identifier: Apache-2.0
//
// Data that DAX has elsewhere than block I/O.
//
// A row whose data begins within a page of the device below sends a bio to
// that very sector.  direct_access knows pages alone: since 5.17 the sector is
// rounded down to one.  So what a program maps, reads and writes of a DAX file
// lies some sectors before what mkfs, the journal, fsck and a backup of the
// device read and write for the same blocks, and they overwrite each other.
// Until 5.16 the kernel refuses DAX there instead.
//
// A stack on whose ways down too many meet is looked at once a level; then all
// that lies behind such rows counts, used or not.
//
// Mirrors: linear_dax_pgoff, stripe_dax_pgoff and log_writes_dax_pgoff of
// drivers/md (6.1), against their map functions.
// Threading: as Machine and DmCtl.
#ifndef DMDAX_TOOLS_CHECK_OFF_PAGE_H_
#define DMDAX_TOOLS_CHECK_OFF_PAGE_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "block/block_device.h"
#include "mm/fault_reason.h"
#include "state/session.h"
#include "tools/check/subject.h"

namespace dmdax {

struct OffPage {
  // The first row that begins within a page; no value: none does.
  FaultLevel row;
  std::string below;  // the device below it: "pmem0"
  // Sectors behind the page's begin; 0: its chunks are no whole pages.
  uint64_t past = 0;
  uint64_t rows = 0;     // that begin so
  uint64_t sectors = 0;  // that lie behind such rows

  // Of a kernel that rounds down: "... begins 4 sectors past a page of pmem0".
  std::string Text() const;
};

// First sector and end.
using SectorRanges = std::vector<std::pair<uint64_t, uint64_t>>;

// Of what lies in the ranges of a device, through all that it stands on.
OffPage OffPageOf(const Session& session, BlockDevice& bdev,
                  const SectorRanges& ranges);

// Of an open subject: the blocks of a file, or all of a device.  Of one without
// a file nothing.
OffPage OffPageOf(const Session& session, const Subject& subject);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CHECK_OFF_PAGE_H_
