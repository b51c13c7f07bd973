// SPDX-License-Identifier: Apache-2.0
//
// The reports of dmsetup: info -c, splitname, and -S of the other verbs.
//
// Mirrors: _report_init, _display_info_cols of dmsetup.c (1.02.185).
#ifndef DMDAX_TOOLS_DMSETUP_INFO_REPORT_H_
#define DMDAX_TOOLS_DMSETUP_INFO_REPORT_H_

#include "tools/dmsetup/dev_tree.h"
#include "tools/dmsetup/dm_task.h"
#include "tools/dmsetup/report/report.h"
#include "tools/dmsetup/split_name.h"

namespace dmdax {

struct DmsetupCommand;

// The report that a command line collects.
struct InfoReport {
  Report report;
  // -S of a verb other than info: what to do with the devices selected.
  const DmsetupCommand* selected_command = nullptr;
};

// Makes ctx.report for `verb`.  False after saying what is wrong.
bool InitReport(DmsetupContext& ctx, absl::string_view verb);

// Adds the device of `task` to the report, or runs the selected command.
bool AddInfoRow(DmsetupContext& ctx, const DmTask& task);
// Adds the parts of a name.
bool AddSplitNameRow(DmsetupContext& ctx, const SplitName& name);

// Prints what was collected.
void OutputReport(DmsetupContext& ctx);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_DMSETUP_INFO_REPORT_H_
