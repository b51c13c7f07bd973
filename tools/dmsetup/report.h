// SPDX-License-Identifier: Apache-2.0
//
// The column reports of dmsetup (info -c) and its tree (ls --tree).
//
// Mirrors: libdm/libdm-report.c output in its buffered form, and
// _display_tree of dmsetup.c (1.02.185).
#ifndef DMDAX_TOOLS_DMSETUP_REPORT_H_
#define DMDAX_TOOLS_DMSETUP_REPORT_H_

#include <cstdint>
#include <optional>

#include "tools/dmsetup/dm_task.h"

namespace dmdax {

// Adds the device of `task` to the report of this command.  False after
// saying which field is unknown.
bool AddInfoRow(DmsetupContext& ctx, const DmTask& task);

// Prints what AddInfoRow() collected, if anything.
bool FinishReport(DmsetupContext& ctx);

// Sectors of read-ahead, as /sys/dev/block/<dev>/bdi/read_ahead_kb gives
// them; nothing when the device has no disk yet.
std::optional<uint32_t> ReadAhead(DmsetupContext& ctx, const DmTask& task);

// ls --tree: who stands on whom.
bool DisplayTree(DmsetupContext& ctx);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_DMSETUP_REPORT_H_
