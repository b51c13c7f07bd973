// SPDX-License-Identifier: Apache-2.0
//
// The operators of -S, in the order in which they are tried, and the text
// that -S help prints about them.
//
// Mirrors: _op_cmp, _op_log and _display_selection_help of
// libdm/libdm-report.c (1.02.185).
#ifndef DMDAX_TOOLS_DMSETUP_REPORT_SELECTION_OPERATORS_H_
#define DMDAX_TOOLS_DMSETUP_REPORT_SELECTION_OPERATORS_H_

#include <string>

#include "absl/strings/string_view.h"

namespace dmdax {

struct SelectionComparison {
  absl::string_view token;
  absl::string_view op;  // what it means; "" for the words of time
  absl::string_view description;
};

// Takes a comparison, and the spaces before it, off `s`; null if there is
// none, and `s` stays as it is.
const SelectionComparison* TakeComparison(absl::string_view& s);

// The text behind the list of fields of -S help.
std::string SelectionHelp();

}  // namespace dmdax

#endif  // DMDAX_TOOLS_DMSETUP_REPORT_SELECTION_OPERATORS_H_
