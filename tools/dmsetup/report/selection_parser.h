// SPDX-License-Identifier: Apache-2.0
//
// The expression of -S, read into a tree.  Grammar: selection.h.
//
// Mirrors: _parse_selection, _parse_ex, _tok_value ... of
// libdm/libdm-report.c (1.02.185), with their messages.
#ifndef DMDAX_TOOLS_DMSETUP_REPORT_SELECTION_PARSER_H_
#define DMDAX_TOOLS_DMSETUP_REPORT_SELECTION_PARSER_H_

#include "tools/dmsetup/report/selection.h"

namespace dmdax {

// Reads all of `text` into `root`; adds the fields it names to `fields`,
// hidden.  False after saying on `streams.err` what is wrong.
bool ParseSelection(absl::string_view text, FieldList& fields,
                    ReportStreams streams, Selection::Node& root);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_DMSETUP_REPORT_SELECTION_PARSER_H_
